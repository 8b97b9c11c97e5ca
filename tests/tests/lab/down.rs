//! A lab that goes: after its owner was killed, and when there is none.

use std::process::Command;

use lab::{
    control_group::Host,
    image, lifecycle, setup,
    wait::{self, Poll},
};

use super::{DEADLINE, layout};

#[test]
fn a_lab_whose_owner_is_killed_leaves_nothing() {
    let Some((cache, layout)) = layout("orphan") else {
        return;
    };
    setup::all(&cache).unwrap();
    let program = image::program("lab").unwrap();
    let mut owner = Command::new(program)
        .args(["--name", layout.name(), "demo"])
        .spawn()
        .unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .build()
        .unwrap();
    let group = Host::detect().unwrap().lab(&layout);
    runtime
        .block_on(wait::until(
            "a machine of the lab",
            DEADLINE,
            async || match group.child("machine").processes().len() {
                0 => Poll::Pending("no machine".to_owned()),
                _ => Poll::Ready(()),
            },
        ))
        .unwrap();
    // SIGKILL: the owner has no say in what follows.
    owner.kill().unwrap();
    owner.wait().unwrap();
    runtime
        .block_on(wait::until(
            "nothing left",
            DEADLINE,
            async || match lifecycle::leftovers(&layout).unwrap() {
                left if left.is_empty() => Poll::Ready(()),
                left => Poll::Pending(left.join(", ")),
            },
        ))
        .unwrap();
}

#[test]
fn taking_down_what_is_not_up_is_no_error() {
    let Some((_, layout)) = layout("absent") else {
        return;
    };
    lifecycle::down(&layout).unwrap();
    lifecycle::down(&layout).unwrap();
    assert_eq!(lifecycle::leftovers(&layout).unwrap(), Vec::<String>::new());
}
