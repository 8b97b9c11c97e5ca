//! What AWS says of a node that the API server refuses: three calls side by side, each within five seconds.
//!
//! A new refusal is asked about at once. While it lasts, the answers stand and are asked for anew at growing intervals: a
//! herd of nodes that is refused must not become a load, or be throttled, itself.

use std::time::Duration;

use jiff::Timestamp;
use tokio::time::{Instant, timeout};

use crate::host::environment::Environment;
use crate::host::imds::Imds;
use crate::host::path;
use crate::host::root::Root;
use crate::plan::Summary;
use crate::probe::{DEADLINE, Outcome, cluster, credential, private_name};

/// Waits between rounds of calls; the last one for ever.
const PAUSES: [Duration; 3] = [
    Duration::from_mins(1),
    Duration::from_mins(2),
    Duration::from_mins(5),
];

/// What is known so far of the refusal that lasts.
#[derive(Debug, Default)]
pub struct Inquiry {
    rounds: usize,
    /// When AWS was asked last; kept beyond the refusal, so that one that comes and goes is not asked about each time.
    asked: Option<Instant>,
    answers: Vec<Outcome>,
}

impl Inquiry {
    /// The API server accepts us: whatever comes next is another refusal.
    pub fn close(&mut self) {
        self.rounds = 0;
        self.answers.clear();
    }

    /// What AWS says of us, asked now or a while ago. `endpoint` is the API server that refuses us.
    pub async fn answers(
        &mut self,
        root: &Root,
        environment: &Environment,
        summary: &Summary,
        endpoint: &str,
    ) -> &[Outcome] {
        if self.is_due() {
            self.answers = ask(root, environment, summary, endpoint).await;
            self.rounds += 1;
            self.asked = Some(Instant::now());
        }
        &self.answers
    }

    fn is_due(&self) -> bool {
        let [first, .., longest] = PAUSES;
        let pause = match self.rounds.checked_sub(1) {
            None => first,
            Some(round) => PAUSES.get(round).copied().unwrap_or(longest),
        };
        self.asked.is_none_or(|asked| asked.elapsed() >= pause)
    }
}

/// Asks STS, EKS and EC2 at once. One answer after the other: the credential, the cluster, the name.
async fn ask(
    root: &Root,
    environment: &Environment,
    summary: &Summary,
    endpoint: &str,
) -> Vec<Outcome> {
    let environment = environment.clone().with_kept_defaults(root);
    let imds = Imds::new(environment.imds_endpoint.as_deref(), DEADLINE);
    let credentials = match timeout(DEADLINE, imds.role_credentials()).await {
        Ok(Ok(credentials)) => credentials,
        Ok(Err(error)) => return vec![credential::missing(&error)],
        Err(_) => {
            return vec![Outcome::CannotTell(format!(
                "the metadata service gives no credentials within {} s",
                DEADLINE.as_secs()
            ))];
        }
    };
    let (sts, eks, ec2) = tokio::join!(
        credential::ask(root, &environment, summary, &credentials),
        cluster::ask(root, &environment, summary, &credentials),
        private_name::ask(root, &environment, &imds, summary),
    );
    let authority = root.read(path::CA).ok().flatten().unwrap_or_default();
    let mut outcomes = credential::judge(sts.as_ref(), credentials.expires_at, Timestamp::now());
    outcomes.push(cluster::judge(
        eks.as_ref(),
        cluster::Configured {
            name: &summary.cluster,
            region: &summary.region,
            endpoint,
            authority: &authority,
            role_arn: &summary.role_arn,
        },
    ));
    outcomes.push(private_name::judge(ec2.as_ref(), summary));
    outcomes
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked_at(inquiry: &mut Inquiry) {
        inquiry.rounds += 1;
        inquiry.asked = Some(Instant::now());
    }

    #[tokio::test(start_paused = true)]
    async fn a_refusal_that_lasts_is_asked_about_at_growing_intervals() {
        let mut inquiry = Inquiry::default();
        let mut rounds = Vec::new();
        let start = Instant::now();
        while start.elapsed() < Duration::from_mins(20) {
            if inquiry.is_due() {
                rounds.push(start.elapsed().as_secs());
                asked_at(&mut inquiry);
            }
            tokio::time::advance(Duration::from_secs(1)).await;
        }
        assert_eq!(rounds, [0, 60, 180, 480, 780, 1080]);
    }

    #[tokio::test(start_paused = true)]
    async fn a_refusal_that_comes_and_goes_is_not_asked_about_each_time() {
        let mut inquiry = Inquiry::default();
        asked_at(&mut inquiry);
        inquiry.answers.push(Outcome::Passed);
        inquiry.close();
        assert!(inquiry.answers.is_empty());
        tokio::time::advance(Duration::from_secs(59)).await;
        assert!(!inquiry.is_due());
        tokio::time::advance(Duration::from_secs(1)).await;
        assert!(inquiry.is_due());
    }

    #[tokio::test]
    async fn an_instance_without_credentials_asks_nobody_else() {
        let directory = tempfile::tempdir().unwrap();
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let environment = Environment {
            imds_endpoint: Some(format!("http://{}", listener.local_addr().unwrap())),
            ..Environment::default()
        };
        let serving = tokio::spawn(async move {
            use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
            loop {
                let (mut stream, _) = listener.accept().await.unwrap();
                let mut request = [0; 1024];
                let length = stream.read(&mut request).await.unwrap();
                let answer: &[u8] = if request[..length].starts_with(b"PUT") {
                    b"HTTP/1.1 200 OK\r\ncontent-length: 1\r\nconnection: close\r\n\r\nT"
                } else {
                    b"HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"
                };
                stream.write_all(answer).await.unwrap();
            }
        });
        let root = Root::new(directory.path());
        let summary = Summary::default();
        let mut inquiry = Inquiry::default();
        let answers = inquiry
            .answers(&root, &environment, &summary, "https://a.example")
            .await;
        let [Outcome::Fault(fault)] = answers else {
            panic!("{answers:?}");
        };
        assert_eq!(fault.finding.code, "join.no_credentials");
        serving.abort();
    }
}
