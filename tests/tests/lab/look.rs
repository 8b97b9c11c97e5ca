//! Looking at a node again and again, until it is as it should be.

use std::time::Duration;

use lab::{
    cloud::record::MachineRecord,
    lifecycle::Lab,
    wait::{self, Poll},
};
use node::wire::Status;

use super::{DEADLINE, option::ask};

/// What a look finds in time; what it sees instead is what a failure tells.
pub(super) fn until<T: Send>(
    lab: &Lab,
    what: &str,
    look: impl Fn() -> Result<T, String> + Sync,
) -> T {
    until_within(DEADLINE, lab, what, look)
}

/// The same with a deadline of its own.
pub(super) fn until_within<T: Send>(
    deadline: Duration,
    lab: &Lab,
    what: &str,
    look: impl Fn() -> Result<T, String> + Sync,
) -> T {
    let look = &look;
    lab.inside(|| async {
        wait::until(what, deadline, async || {
            // It asks on a runtime of its own.
            match std::thread::scope(|scope| scope.spawn(look).join().unwrap()) {
                Ok(found) => Poll::Ready(found),
                Err(seen) => Poll::Pending(seen),
            }
        })
        .await
    })
    .unwrap()
    .unwrap()
}

/// What the daemon says of the node.
pub(super) fn status(lab: &Lab, record: &MachineRecord) -> Result<Status, String> {
    let output = ask(lab, record, &["nodeagent", "status", "-o", "json"]);
    serde_json::from_slice(&output.stdout).map_err(|error| error.to_string())
}
