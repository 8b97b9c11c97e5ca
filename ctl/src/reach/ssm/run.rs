//! One command from its sending to its end, or to a deadline.

use std::time::Duration;

use tokio::time::{Instant, sleep_until};

use super::Error;
use super::invocation::{Invocation, Progress};

/// The first look comes so long after the sending, later ones at growing distances.
const FIRST: Duration = Duration::from_millis(300);
const LONGEST: Duration = Duration::from_secs(2);

/// The two calls that a command takes; tests stand in for them.
pub(super) trait Calls {
    /// Sends the command; the id under which it is known.
    fn send(
        &self,
        instance_id: &str,
        command: &str,
    ) -> impl Future<Output = Result<String, Error>> + Send;

    /// What has become of it; none while it is not known yet.
    fn look(
        &self,
        command_id: &str,
        instance_id: &str,
    ) -> impl Future<Output = Result<Option<Invocation>, Error>> + Send;
}

/// Sends a command and looks after it until it has ended. `told` hears of each change.
pub(super) async fn to_its_end(
    calls: &impl Calls,
    instance_id: &str,
    command: &str,
    deadline: Duration,
    mut told: impl FnMut(&Progress) + Send,
) -> Result<Invocation, Error> {
    let until = Instant::now() + deadline;
    let late = |progress: &Progress| Error::Late {
        progress: progress.clone(),
        after: deadline,
    };
    let mut progress = Progress::Waiting;
    let sent = tokio::time::timeout_at(until, calls.send(instance_id, command)).await;
    let command_id = sent.map_err(|_| late(&progress))??;
    told(&progress);
    let mut pause = FIRST;
    loop {
        let next = Instant::now() + pause;
        if next >= until {
            return Err(late(&progress));
        }
        sleep_until(next).await;
        pause = (pause * 3 / 2).min(LONGEST);
        let looked = tokio::time::timeout_at(until, calls.look(&command_id, instance_id)).await;
        let Some(invocation) = looked.map_err(|_| late(&progress))?? else {
            continue;
        };
        if let Progress::Ended(_) = invocation.progress {
            return Ok(invocation);
        }
        if invocation.progress != progress {
            progress = invocation.progress;
            told(&progress);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::VecDeque;
    use std::sync::Mutex;

    use super::super::invocation::Ending;
    use super::*;

    /// Answers one after the other, the last one again and again; none is "not known yet".
    struct Script(Mutex<VecDeque<Option<Progress>>>);

    impl Calls for Script {
        async fn send(&self, instance_id: &str, _command: &str) -> Result<String, Error> {
            if instance_id == "i-gone" {
                return Err(Error::NotManaged {
                    instance_id: instance_id.to_owned(),
                });
            }
            Ok("the-command".to_owned())
        }

        async fn look(&self, command_id: &str, _id: &str) -> Result<Option<Invocation>, Error> {
            assert_eq!(command_id, "the-command");
            let mut script = self.0.lock().unwrap();
            let next = script.pop_front().flatten();
            if script.is_empty() {
                script.push_back(next.clone());
            }
            Ok(next.map(|progress| Invocation {
                progress,
                exit_status: 0,
                output: "{}".to_owned(),
                error: String::new(),
            }))
        }
    }

    async fn run(
        instance_id: &str,
        script: impl IntoIterator<Item = Option<Progress>>,
    ) -> (Result<Invocation, Error>, Vec<Progress>) {
        let script = Script(Mutex::new(script.into_iter().collect()));
        let mut heard = Vec::new();
        let deadline = Duration::from_secs(15);
        let told = |progress: &Progress| heard.push(progress.clone());
        let outcome = to_its_end(&script, instance_id, "true", deadline, told).await;
        (outcome, heard)
    }

    #[tokio::test(start_paused = true)]
    async fn a_command_that_is_not_known_yet_is_looked_for_again() {
        let began = Instant::now();
        let script = [
            None,
            None,
            Some(Progress::Waiting),
            Some(Progress::Running),
            Some(Progress::Running),
            Some(Progress::Ended(Ending::Success)),
        ];
        let (outcome, heard) = run("i-1", script).await;
        assert_eq!(outcome.unwrap().progress, Progress::Ended(Ending::Success));
        assert_eq!(heard, [Progress::Waiting, Progress::Running]);
        assert!(began.elapsed() < Duration::from_secs(7));
    }

    #[tokio::test(start_paused = true)]
    async fn a_deadline_says_how_far_it_had_come() {
        let began = Instant::now();
        let (outcome, _) = run("i-1", [Some(Progress::Delayed)]).await;
        let error = outcome.unwrap_err();
        assert_eq!(
            error.to_string(),
            "Systems Manager could not hand the command to the SSM agent within 15s"
        );
        assert!(error.hints()[0].contains("ssmmessages"));
        assert!(began.elapsed() <= Duration::from_secs(15));

        let (outcome, _) = run("i-1", [Some(Progress::Running)]).await;
        let error = outcome.unwrap_err();
        assert!(error.hints()[0].contains("--timeout"), "{error}");
        let (outcome, _) = run("i-1", [None]).await;
        assert_eq!(
            outcome.unwrap_err().to_string(),
            "the SSM agent has not fetched the command within 15s"
        );
    }

    #[tokio::test(start_paused = true)]
    async fn a_refused_command_is_not_looked_for() {
        let (outcome, heard) = run("i-gone", []).await;
        assert!(matches!(outcome, Err(Error::NotManaged { .. })));
        assert_eq!(heard, []);
    }
}
