//! Does containerd answer CRI calls, and what does it say of itself?

use std::io::ErrorKind;

use node::chain::Chain;
use node::finding::{self, Finding};
use node::rule::CONTAINERD;

use super::{DEADLINE, Outcome};
use crate::host::cri::{self, Error, Runtime};
use crate::host::path::CONTAINERD_SOCKET;
use crate::host::root::Root;
use crate::host::systemd::UnitState;

/// What is told, and passes with an answer.
pub const FINDINGS: &[&Finding] = &[
    &finding::RUNTIME_NOT_READY,
    &finding::RUNTIME_CRI_UNAVAILABLE,
    &finding::RUNTIME_SOCKET_MISSING,
    &finding::RUNTIME_NOT_INSTALLED,
];

/// Asks containerd.
pub async fn ask(root: &Root) -> Result<Runtime, Error> {
    cri::ask(root, CONTAINERD_SOCKET, DEADLINE).await
}

/// What this answer means, with the state of containerd's unit where systemd told it. That there is no pod network is no
/// fault of the runtime's: the CNI comes to a node that is registered.
pub fn judge(asked: &Result<Runtime, Error>, unit: Option<&UnitState>) -> Outcome {
    let error = match asked {
        Ok(runtime) => {
            return match &runtime.not_ready {
                Some(why) => {
                    let Runtime { name, version, .. } = runtime;
                    Outcome::fault(
                        &finding::RUNTIME_NOT_READY,
                        format!("{name} {version} says {why}"),
                    )
                }
                None => Outcome::Passed,
            };
        }
        Err(error) => error,
    };
    let said = Chain(error).to_string();
    let finding = match error {
        _ if error.is_passing() => return Outcome::CannotTell(said),
        Error::Connect { source, .. }
            if matches!(
                source.kind(),
                ErrorKind::NotFound | ErrorKind::ConnectionRefused
            ) =>
        {
            &finding::RUNTIME_SOCKET_MISSING
        }
        Error::NotServed { .. } => &finding::RUNTIME_CRI_UNAVAILABLE,
        Error::Connect { .. }
        | Error::Broken { .. }
        | Error::Deadline { .. }
        | Error::Refused { .. } => &finding::RUNTIME_NOT_READY,
    };
    let Some(unit) = unit else {
        return Outcome::fault(finding, said);
    };
    if finding != &finding::RUNTIME_SOCKET_MISSING {
        return Outcome::fault(finding, said);
    }
    let state = format!("{CONTAINERD} is {} ({})", unit.active, unit.sub);
    if unit.is_masked() || !unit.is_installed() {
        return Outcome::fault(
            &finding::RUNTIME_NOT_INSTALLED,
            format!("{CONTAINERD} is {}; {said}", unit.load),
        );
    }
    if unit.active == "activating" && unit.sub != "auto-restart" {
        return Outcome::CannotTell(format!("{CONTAINERD} is still starting ({})", unit.sub));
    }
    Outcome::fault(finding, format!("{state}; {said}"))
}

#[cfg(test)]
mod tests {
    use std::io;
    use std::time::Duration;

    use tonic::Code;

    use super::*;

    fn unit(active: &str, sub: &str) -> UnitState {
        UnitState {
            load: "loaded".into(),
            active: active.into(),
            sub: sub.into(),
            ..UnitState::default()
        }
    }

    fn connect(kind: ErrorKind) -> Result<Runtime, Error> {
        Err(Error::Connect {
            path: CONTAINERD_SOCKET.into(),
            source: io::Error::from(kind),
        })
    }

    fn refused(code: Code) -> Result<Runtime, Error> {
        Err(Error::Refused {
            path: CONTAINERD_SOCKET.into(),
            call: "Status",
            code,
            message: "no".into(),
        })
    }

    #[test]
    fn a_socket_that_is_missing_or_refuses_is_told_with_the_state_of_the_unit() {
        let failed = unit("failed", "failed");
        assert_eq!(
            judge(&connect(ErrorKind::ConnectionRefused), Some(&failed)).told(),
            (
                "runtime.socket_missing",
                "containerd.service is failed (failed); connecting to `/run/containerd/containerd.sock`: connection refused"
            )
        );
        let masked = UnitState {
            load: "masked".into(),
            ..unit("inactive", "dead")
        };
        assert_eq!(
            judge(&connect(ErrorKind::NotFound), Some(&masked)).told().0,
            "runtime.not_installed"
        );
    }

    #[test]
    fn a_containerd_that_is_starting_is_no_fault() {
        let of = |active, sub| judge(&connect(ErrorKind::NotFound), Some(&unit(active, sub)));
        assert_eq!(of("activating", "start").told().0, "cannot tell");
        assert_eq!(
            of("activating", "auto-restart").told().0,
            "runtime.socket_missing"
        );
        assert_eq!(
            judge(&connect(ErrorKind::NotFound), None).told().0,
            "runtime.socket_missing"
        );
        assert_eq!(
            judge(&refused(Code::Unavailable), None).told().0,
            "cannot tell"
        );
    }

    #[test]
    fn an_answer_that_is_none_is_told_from_a_service_that_is_off() {
        let running = unit("active", "running");
        let code = |asked| judge(&asked, Some(&running)).told().0.to_owned();
        let silent = Err(Error::Deadline {
            path: CONTAINERD_SOCKET.into(),
            deadline: Duration::from_secs(5),
        });
        assert_eq!(code(silent), "runtime.not_ready");
        assert_eq!(code(refused(Code::Internal)), "runtime.not_ready");
        let off = Err(Error::NotServed {
            path: CONTAINERD_SOCKET.into(),
            service: "runtime.v1.RuntimeService",
            message: String::new(),
        });
        assert_eq!(code(off), "runtime.cri_unavailable");
    }

    #[test]
    fn a_runtime_without_a_pod_network_has_done_its_part() {
        let mut runtime = Runtime {
            no_network: Some("NetworkReady=false".into()),
            ..Runtime::default()
        };
        assert_eq!(judge(&Ok(runtime.clone()), None), Outcome::Passed);
        runtime.not_ready = Some("RuntimeReady=false".into());
        assert_eq!(judge(&Ok(runtime), None).told().0, "runtime.not_ready");
    }
}
