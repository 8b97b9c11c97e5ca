//! Does containerd take connections? Whether the CRI plugin behind its socket was loaded is in the journal: asking it
//! takes gRPC, for which the agent has no client.

use std::io;

use node::finding;
use node::rule::CONTAINERD;
use tokio::time::timeout;

use super::{DEADLINE, Outcome};
use crate::host::path::CONTAINERD_SOCKET;
use crate::host::root::Root;
use crate::host::socket;
use crate::host::systemd::UnitState;

/// Connects to containerd's socket.
pub async fn knock(root: &Root) -> io::Result<()> {
    match timeout(DEADLINE, socket::connect(root, CONTAINERD_SOCKET)).await {
        Ok(connected) => connected.map(drop),
        Err(_) => Err(io::ErrorKind::TimedOut.into()),
    }
}

/// What this answer means, with the state of containerd's unit where systemd told it.
pub fn judge(knocked: &io::Result<()>, unit: Option<&UnitState>) -> Outcome {
    let Err(error) = knocked else {
        return Outcome::Passed;
    };
    let socket = format!("{CONTAINERD_SOCKET}: {error}");
    let Some(unit) = unit else {
        return Outcome::fault(&finding::RUNTIME_SOCKET_MISSING, socket);
    };
    if unit.active == "activating" && unit.sub != "auto-restart" {
        return Outcome::CannotTell(format!("{CONTAINERD} is still starting ({})", unit.sub));
    }
    Outcome::fault(
        &finding::RUNTIME_SOCKET_MISSING,
        format!("{CONTAINERD} is {} ({}); {socket}", unit.active, unit.sub),
    )
}

#[cfg(test)]
mod tests {
    use tokio::net::UnixListener;

    use super::*;

    fn unit(active: &str, sub: &str) -> UnitState {
        UnitState {
            load: "loaded".into(),
            active: active.into(),
            sub: sub.into(),
            ..UnitState::default()
        }
    }

    #[tokio::test]
    async fn a_socket_is_missing_then_takes_connections_then_refuses_them() {
        let directory = tempfile::tempdir().unwrap();
        let root = Root::new(directory.path());
        let missing = knock(&root).await;
        assert_eq!(
            missing.as_ref().unwrap_err().kind(),
            io::ErrorKind::NotFound
        );
        std::fs::create_dir_all(directory.path().join("run/containerd")).unwrap();
        let listener = UnixListener::bind(root.path(CONTAINERD_SOCKET)).unwrap();
        assert_eq!(judge(&knock(&root).await, None), Outcome::Passed);
        drop(listener);
        let refused = knock(&root).await;
        assert_eq!(
            judge(&refused, Some(&unit("failed", "failed"))).told(),
            (
                "runtime.socket_missing",
                "containerd.service is failed (failed); /run/containerd/containerd.sock: Connection refused (os error 111)"
            )
        );
    }

    #[test]
    fn a_containerd_that_is_starting_is_no_fault() {
        let missing = || Err(io::Error::from(io::ErrorKind::NotFound));
        let of = |active, sub| judge(&missing(), Some(&unit(active, sub)));
        assert_eq!(of("activating", "start").told().0, "cannot tell");
        assert_eq!(
            of("activating", "auto-restart").told().0,
            "runtime.socket_missing"
        );
        assert_eq!(judge(&missing(), None).told().0, "runtime.socket_missing");
    }
}
