//! Many agents asked at a time, each on one way after the other until one answers.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use node::chain::Chain;
use tokio::sync::Semaphore;
use tokio::sync::mpsc::UnboundedSender;
use tokio::task::JoinSet;

use super::agent::{Answer, Document, Failure, Question};
use super::forward::Forward;
use super::ssm::{self, Ping, Ssm};
use super::{Reach, Way};
use crate::observe::aws;

/// Agents asked at the same time: Systems Manager throttles its calls at a few per second.
const CONCURRENCY: usize = 8;
/// Probes on the node take up to half a minute.
const DIAGNOSIS: Duration = Duration::from_secs(75);

/// A node whose agent is asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Subject {
    /// What it is called in progress.
    pub name: String,
    /// `i-…`; none for nodes without an instance of their own.
    pub instance_id: Option<String>,
    /// Address of its Node.
    pub address: Option<String>,
    /// Why it cannot answer, known before it is asked.
    pub obstacle: Option<String>,
}

/// What the ways need; each is there or says why not.
#[derive(Debug)]
pub struct Means {
    /// Systems Manager.
    pub ssm: Result<Ssm, Failure>,
    /// The agents' listeners.
    pub forward: Result<Forward, Failure>,
}

/// What is asked, and how.
#[derive(Debug, Clone)]
pub struct Wish {
    /// What is asked for.
    pub question: Question,
    /// The ways that may be gone.
    pub reach: Reach,
    /// Longest wait on each way.
    pub deadline: Duration,
}

impl Wish {
    fn deadline(&self) -> Duration {
        match self.question {
            Question::Status | Question::Logs(_) => self.deadline,
            Question::Diagnosis => self.deadline.max(DIAGNOSIS),
        }
    }
}

/// Asks all of them; the answers stand in the order of the subjects. `told` hears what is going on, for people.
pub async fn ask(
    means: Means,
    subjects: Vec<Subject>,
    wish: Wish,
    told: UnboundedSender<String>,
) -> Vec<Answer> {
    let round = Arc::new(Round::begin(means, &subjects, wish, told).await);
    let permits = Arc::new(Semaphore::new(CONCURRENCY));
    let count = subjects.len();
    let mut asked = JoinSet::new();
    for (index, subject) in subjects.into_iter().enumerate() {
        let (round, permits) = (Arc::clone(&round), Arc::clone(&permits));
        asked.spawn(async move {
            let _permit = permits.acquire().await;
            (index, round.document(&subject).await)
        });
    }
    let mut answers = vec![Answer::default(); count];
    for (index, answer) in asked.join_all().await {
        if let Some(slot) = answers.get_mut(index) {
            *slot = answer;
        }
    }
    answers
}

/// Asks one of them for text: what it answered and the way it came, or why each way failed.
pub async fn ask_for_text(
    means: Means,
    subject: Subject,
    wish: Wish,
    told: UnboundedSender<String>,
) -> Result<(Way, String), Vec<Failure>> {
    let subjects = [subject];
    let round = Round::begin(means, &subjects, wish, told).await;
    let [subject] = subjects;
    // An AWS call is 16 KB of state.
    let (answer, failures) = Box::pin(round.one(&subject, |_, text| Ok(text))).await;
    answer.ok_or(failures)
}

/// Instances whose SSM agent has reported. None: it is not known, so each has to be tried.
type Managed = Result<Option<BTreeMap<String, Ping>>, Failure>;

async fn managed(means: &Means, subjects: &[Subject], wish: &Wish) -> Managed {
    let Ok(ssm) = &means.ssm else {
        return Ok(None);
    };
    let askable = subjects.iter().filter(|subject| subject.obstacle.is_none());
    let ids: Vec<String> = askable
        .filter_map(|subject| subject.instance_id.clone())
        .collect();
    if ids.is_empty() || !wish.reach.takes(Way::Ssm) {
        return Ok(None);
    }
    match tokio::time::timeout(wish.deadline, ssm.managed(&ids)).await {
        Ok(Ok(managed)) => Ok(Some(managed)),
        // Whoever may send commands need not be allowed to list.
        Ok(Err(aws::Error::Refused { .. })) => Ok(None),
        Ok(Err(error)) => Err(failure(Way::Ssm, &error, error.hints())),
        Err(_) => Err(silent(Way::Ssm, wish.deadline)),
    }
}

#[derive(Debug)]
struct Round {
    means: Means,
    managed: Managed,
    wish: Wish,
    told: UnboundedSender<String>,
}

impl Round {
    async fn begin(
        means: Means,
        subjects: &[Subject],
        wish: Wish,
        told: UnboundedSender<String>,
    ) -> Self {
        let managed = managed(&means, subjects, &wish).await;
        Self {
            means,
            managed,
            wish,
            told,
        }
    }

    async fn document(&self, subject: &Subject) -> Answer {
        let (answer, failures) = self.one(subject, |way, text| document(way, &text)).await;
        let now = Timestamp::from_second(Timestamp::now().as_second()).ok();
        match answer {
            Some((way, document)) => Answer {
                reach: Some(way),
                at: now,
                document: Some(document),
                failures,
            },
            None => Answer {
                failures,
                ..Answer::default()
            },
        }
    }

    /// One way after the other, until an answer can be read.
    async fn one<T>(
        &self,
        subject: &Subject,
        read: impl Fn(Way, String) -> Result<T, Failure>,
    ) -> (Option<(Way, T)>, Vec<Failure>) {
        let mut failures = Vec::new();
        for &way in self.wish.reach.live() {
            let text = match way {
                _ if subject.obstacle.is_some() => {
                    Err(plain(way, subject.obstacle.clone().unwrap_or_default()))
                }
                Way::Ssm => self.ssm(subject).await,
                Way::Forward => self.forward(subject).await,
                Way::Api | Way::Console => continue,
            };
            match text.and_then(|text| read(way, text)) {
                Ok(read) => return (Some((way, read)), failures),
                Err(failure) => failures.push(failure),
            }
        }
        (None, failures)
    }

    async fn ssm(&self, subject: &Subject) -> Result<String, Failure> {
        let ssm = self.means.ssm.as_ref().map_err(Clone::clone)?;
        let Some(instance_id) = &subject.instance_id else {
            return Err(plain(Way::Ssm, "it has no instance of its own".to_owned()));
        };
        if let Some(managed) = self.managed.as_ref().map_err(Clone::clone)? {
            online(instance_id, managed.get(instance_id).copied())
                .map_err(|error| failure(Way::Ssm, &error, error.hints()))?;
        }
        self.tell(subject, "asked over ssm");
        ssm.run(
            instance_id,
            &self.wish.question,
            self.wish.deadline(),
            |progress| self.tell(subject, progress.describe()),
        )
        .await
        .map_err(|error| failure(Way::Ssm, &error, error.hints()))
    }

    async fn forward(&self, subject: &Subject) -> Result<String, Failure> {
        let forward = self.means.forward.as_ref().map_err(Clone::clone)?;
        let Some(address) = &subject.address else {
            return Err(without_node());
        };
        self.tell(subject, "asked at its own listener");
        let route = self.wish.question.route();
        let asked = forward.get(address, &route);
        match tokio::time::timeout(self.wish.deadline, asked).await {
            Ok(outcome) => outcome.map_err(|error| failure(Way::Forward, &error, error.hints())),
            Err(_) => Err(silent(Way::Forward, self.wish.deadline)),
        }
    }

    fn tell(&self, subject: &Subject, what: &str) {
        // Whoever asks may have stopped listening.
        drop(self.told.send(format!("{}: {what}", subject.name)));
    }
}

/// Whether a command can reach the instance at all.
fn online(instance_id: &str, ping: Option<Ping>) -> Result<(), ssm::Error> {
    let instance_id = instance_id.to_owned();
    match ping {
        None => Err(ssm::Error::NotManaged { instance_id }),
        Some(ping) if !ping.is_online => Err(ssm::Error::ConnectionLost {
            instance_id,
            since: ping.last,
        }),
        Some(_) => Ok(()),
    }
}

fn document(way: Way, text: &str) -> Result<Document, Failure> {
    Document::parse(text).map_err(|error| {
        let hint = "nodectl and nodeagent are of different versions: `nodectl version`, `nodeagent version`";
        failure(way, &error, vec![hint.to_owned()])
    })
}

/// An error and its causes on one line.
pub fn failure(way: Way, error: &(dyn std::error::Error + 'static), hints: Vec<String>) -> Failure {
    let text = Chain(error).to_string();
    Failure {
        reach: way,
        error: text.split_whitespace().collect::<Vec<_>>().join(" "),
        hints,
    }
}

/// The kubelet's serving certificate is the listener's.
pub fn without_node() -> Failure {
    let error = "it has no Node, and without one no certificate to answer with";
    plain(Way::Forward, error.to_owned())
}

fn plain(way: Way, error: String) -> Failure {
    Failure {
        reach: way,
        error,
        hints: Vec::new(),
    }
}

fn silent(way: Way, after: Duration) -> Failure {
    Failure {
        reach: way,
        error: format!("no answer within {}s", after.as_secs()),
        hints: vec!["wait longer with `--timeout 60s`".to_owned()],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn no_means() -> Means {
        Means {
            ssm: Err(plain(Way::Ssm, "no region".to_owned())),
            forward: Err(plain(Way::Forward, "no API server".to_owned())),
        }
    }

    fn subject(obstacle: Option<&str>) -> Subject {
        Subject {
            name: "a".to_owned(),
            instance_id: Some("i-1".to_owned()),
            address: Some("10.0.0.1".to_owned()),
            obstacle: obstacle.map(str::to_owned),
        }
    }

    async fn failures(reach: Reach, obstacle: Option<&str>) -> Vec<(Way, String)> {
        let wish = Wish {
            question: Question::Status,
            reach,
            deadline: Duration::from_secs(15),
        };
        let (told, _heard) = tokio::sync::mpsc::unbounded_channel();
        let answers = ask(no_means(), vec![subject(obstacle)], wish, told).await;
        assert_eq!(answers.len(), 1);
        let failures = answers[0].failures.iter();
        failures
            .map(|failure| (failure.reach, failure.error.clone()))
            .collect()
    }

    #[tokio::test]
    async fn every_way_that_was_tried_says_why_it_failed() {
        let ssm = (Way::Ssm, "no region".to_owned());
        let forward = (Way::Forward, "no API server".to_owned());
        assert_eq!(
            failures(Reach::Auto, None).await,
            [ssm.clone(), forward.clone()]
        );
        assert_eq!(failures(Reach::Forward, None).await, [forward]);
        assert_eq!(failures(Reach::Api, None).await, []);
        let stopped = (Way::Ssm, "the instance is stopped".to_owned());
        assert_eq!(
            failures(Reach::Ssm, Some("the instance is stopped")).await,
            [stopped]
        );
    }

    #[test]
    fn an_agent_that_does_not_report_is_not_asked() {
        let last = Timestamp::from_second(1_700_000_000).ok();
        assert!(matches!(
            online("i-1", None),
            Err(ssm::Error::NotManaged { .. })
        ));
        let lost = Ping {
            is_online: false,
            last,
        };
        assert!(matches!(
            online("i-1", Some(lost)),
            Err(ssm::Error::ConnectionLost { .. })
        ));
        let is_online = Ping {
            is_online: true,
            last,
        };
        assert!(online("i-1", Some(is_online)).is_ok());
    }
}
