//! A thousand nodes that start in the same second, in time that is simulated: whether the waits of [`super::retry`]
//! bring all of them through what EC2 lets an account call.

use std::cell::RefCell;
use std::rc::Rc;
use std::time::Duration;

use http::StatusCode;
use tokio::task::{JoinSet, LocalSet};
use tokio::time::{Instant, sleep};

use super::{ATTEMPTS, Budget, Failure, retry};
use crate::facts::ec2::NAME_DEADLINE;
use crate::host::random;

const NODES: usize = 1000;
/// The bucket of calls that describe: <https://docs.aws.amazon.com/ec2/latest/devguide/ec2-api-throttling.html>.
const BURST: f64 = 50.0;
const PER_SECOND: f64 = 10.0;
/// What one exchange with EC2 takes.
const EXCHANGE: Duration = Duration::from_millis(80);

#[derive(Debug)]
struct Bucket {
    filled: f64,
    at: Instant,
    calls: usize,
}

impl Bucket {
    fn take(&mut self) -> bool {
        let gained = self.at.elapsed().as_secs_f64() * PER_SECOND;
        self.at = Instant::now();
        self.calls += 1;
        self.filled = (self.filled + gained).min(BURST);
        let is_there = self.filled >= 1.0;
        if is_there {
            self.filled -= 1.0;
        }
        is_there
    }
}

fn throttled() -> Failure {
    let body = "<Response><Errors><Error><Code>RequestLimitExceeded</Code><Message>Request limit exceeded.</Message></Error></Errors></Response>";
    Failure::of(StatusCode::SERVICE_UNAVAILABLE, body, None)
}

/// The time that each node took, sorted, and how many calls there were.
async fn herd() -> (Vec<Duration>, usize) {
    let bucket = Rc::new(RefCell::new(Bucket {
        filled: BURST,
        at: Instant::now(),
        calls: 0,
    }));
    let mut nodes = JoinSet::new();
    for _ in 0..NODES {
        let bucket = Rc::clone(&bucket);
        nodes.spawn_local(async move {
            let began = Instant::now();
            let budget = Budget {
                deadline: NAME_DEADLINE,
                attempts: ATTEMPTS,
            };
            let attempt = async || {
                sleep(EXCHANGE).await;
                let is_taken = bucket.borrow_mut().take();
                if is_taken { Ok(()) } else { Err(throttled()) }
            };
            let asked = retry::run("ec2:DescribeInstances", budget, random::fraction, attempt);
            asked.await.map(|()| began.elapsed())
        });
    }
    let mut times = Vec::new();
    while let Some(node) = nodes.join_next().await {
        times.push(node.unwrap().unwrap());
    }
    times.sort_unstable();
    (times, bucket.borrow().calls)
}

#[tokio::test(start_paused = true)]
async fn a_thousand_nodes_get_through_the_bucket_of_ec2_well_within_their_deadline() {
    let (times, calls) = LocalSet::new().run_until(herd()).await;
    let (median, maximum) = (times[NODES / 2], times[NODES - 1]);
    println!(
        "{NODES} nodes at once: {calls} calls, {} throttled; a name after {:.0} s in the median, {:.0} s at most",
        calls - NODES,
        median.as_secs_f64(),
        maximum.as_secs_f64()
    );
    // Nobody can be faster than the bucket fills.
    assert!(maximum > Duration::from_secs(95), "{maximum:?}");
    // A quarter of the deadline is left for other callers of the account.
    assert!(maximum < NAME_DEADLINE.mul_f64(0.75), "{maximum:?}");
}
