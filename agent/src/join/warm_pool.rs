//! The wait of a machine in a warm pool until its Auto Scaling group takes it into service.
//!
//! It has no deadline: how long it lasts is the group's to say, hours or days. A machine that was stopped meanwhile boots
//! again; one that ran, or slept, goes on here.

use std::time::Duration;

use tokio::time::sleep;

use crate::facts::warm_pool::{self, Target};
use crate::host::imds::Imds;

use super::verdict::Desk;

/// The first look comes after this time …
const FIRST_PAUSE: Duration = Duration::from_secs(1);
/// … and no two are farther apart: a warm pool is there so that nodes come soon.
const LONGEST_PAUSE: Duration = Duration::from_secs(5);

/// What a machine in this state waits for, for a person.
pub fn awaited(state: &str) -> String {
    format!(
        "the Auto Scaling group to take this instance out of its warm pool ({state}); its kubelet is not started before"
    )
}

/// Waits until the instance is to serve.
pub async fn leave(imds: &Imds, desk: &mut Desk) {
    let mut pause = FIRST_PAUSE;
    loop {
        match warm_pool::target(imds).await {
            Target::Service => return,
            Target::Warmed(state) => desk.wait_for(Some(awaited(&state))),
            // Whoever could not ask was in the pool the last time.
            Target::End | Target::Unknown => {}
        }
        desk.waiting().still("the end of the time in the warm pool");
        sleep(pause).await;
        pause = (pause * 2).min(LONGEST_PAUSE);
    }
}
