//! An EC2 that answers each action as a case says, and remembers which were called.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use axum::Router;
use axum::extract::State;
use http::StatusCode;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

/// What EC2 answers to one action.
#[derive(Clone, Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) body: String,
}

/// How many calls EC2 takes from an account in a region: so many at once, and so many more each second.
///
/// <https://docs.aws.amazon.com/ec2/latest/devguide/ec2-api-throttling.html>
#[derive(Debug)]
pub(crate) struct Bucket {
    capacity: f64,
    per_second: f64,
    filled: f64,
    at: Instant,
}

impl Bucket {
    /// A full one.
    pub(crate) fn new(capacity: u32, per_second: u32) -> Self {
        Self {
            capacity: f64::from(capacity),
            per_second: f64::from(per_second),
            filled: f64::from(capacity),
            at: Instant::now(),
        }
    }

    fn take(&mut self) -> bool {
        let gained = self.at.elapsed().as_secs_f64() * self.per_second;
        self.at = Instant::now();
        self.filled = (self.filled + gained).min(self.capacity);
        let is_there = self.filled >= 1.0;
        if is_there {
            self.filled -= 1.0;
        }
        is_there
    }
}

#[derive(Debug, Default)]
struct Log {
    answers: BTreeMap<String, Answer>,
    calls: Vec<String>,
    bucket: Option<Bucket>,
    throttled: usize,
}

/// The service. It stops when this is dropped.
#[derive(Debug)]
pub(crate) struct Ec2 {
    endpoint: String,
    log: Arc<Mutex<Log>>,
    service: JoinHandle<std::io::Result<()>>,
}

impl Drop for Ec2 {
    fn drop(&mut self) {
        self.service.abort();
    }
}

impl Ec2 {
    /// An EC2 that knows no action.
    pub(crate) async fn start() -> Self {
        let log = Arc::<Mutex<Log>>::default();
        let router = Router::new().fallback(answer).with_state(Arc::clone(&log));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let endpoint = format!("http://{}", listener.local_addr().unwrap());
        let service = tokio::spawn(async move { axum::serve(listener, router).await });
        Self {
            endpoint,
            log,
            service,
        }
    }

    pub(crate) fn endpoint(&self) -> &str {
        &self.endpoint
    }

    /// From now on these are its answers.
    pub(crate) fn set_answers(&self, answers: BTreeMap<String, Answer>) {
        lock(&self.log).answers = answers;
    }

    /// From now on it throttles.
    pub(crate) fn set_bucket(&self, bucket: Bucket) {
        lock(&self.log).bucket = Some(bucket);
    }

    /// How many calls it has throttled.
    pub(crate) fn throttled(&self) -> usize {
        lock(&self.log).throttled
    }

    /// The actions that were called since the last look, in their order.
    pub(crate) fn take_calls(&self) -> Vec<String> {
        std::mem::take(&mut lock(&self.log).calls)
    }
}

fn lock(log: &Mutex<Log>) -> std::sync::MutexGuard<'_, Log> {
    log.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The query protocol: <https://docs.aws.amazon.com/AWSEC2/latest/APIReference/Query-Requests.html>.
async fn answer(State(log): State<Arc<Mutex<Log>>>, body: String) -> (StatusCode, String) {
    let action = body
        .split('&')
        .find_map(|pair| pair.strip_prefix("Action="))
        .unwrap_or("(no action)");
    let mut log = lock(&log);
    log.calls.push(action.to_owned());
    if !log.bucket.as_mut().is_none_or(Bucket::take) {
        log.throttled += 1;
        return (
            StatusCode::SERVICE_UNAVAILABLE,
            refusal("RequestLimitExceeded", "Request limit exceeded."),
        );
    }
    let Some(answer) = log.answers.get(action) else {
        return (
            StatusCode::BAD_REQUEST,
            refusal("InvalidAction", "this EC2 does not know the action"),
        );
    };
    (
        StatusCode::from_u16(answer.status).unwrap(),
        answer.body.clone(),
    )
}

fn refusal(code: &str, message: &str) -> String {
    format!(
        r#"<?xml version="1.0" encoding="UTF-8"?>
<Response><Errors><Error><Code>{code}</Code><Message>{message}</Message></Error></Errors><RequestID>00000000-0000-0000-0000-000000000000</RequestID></Response>"#
    )
}
