//! Can a daemon be started at all: is there its unit, may it be started, is there its program?

use std::path::Path;

use node::finding::{self, Finding};
use node::rule::KUBELET;

use super::Outcome;
use crate::host::root::Root;
use crate::host::systemd::UnitState;

const EXECUTABLE: u32 = 0o111;

/// What this state of a daemon's unit means, and that the program that it starts is there, or is not.
pub fn judge(root: &Root, unit: &str, state: &UnitState, program: Option<&Path>) -> Outcome {
    let finding: &'static Finding = if unit == KUBELET {
        &finding::BOOTSTRAP_KUBELET_MISSING
    } else {
        &finding::RUNTIME_NOT_INSTALLED
    };
    if !state.is_installed() || state.is_masked() {
        return Outcome::fault(finding, format!("{unit} is {}", state.load));
    }
    let Some(program) = program else {
        return Outcome::Passed;
    };
    match root.mode(program) {
        Some(mode) if mode & EXECUTABLE != 0 => Outcome::Passed,
        Some(_) => Outcome::fault(
            finding,
            format!("{unit} starts `{}`, which is no program", program.display()),
        ),
        None => Outcome::fault(
            finding,
            format!("{unit} starts `{}`, which is not there", program.display()),
        ),
    }
}

#[cfg(test)]
mod tests {
    use node::rule::CONTAINERD;

    use super::*;

    fn state(load: &str) -> UnitState {
        UnitState {
            load: load.into(),
            ..UnitState::default()
        }
    }

    #[test]
    fn a_unit_that_is_not_there_or_masked_is_named_after_its_daemon() {
        let root = Root::new("/nowhere");
        assert_eq!(
            judge(&root, CONTAINERD, &state("masked"), None).told(),
            ("runtime.not_installed", "containerd.service is masked")
        );
        assert_eq!(
            judge(&root, KUBELET, &state("not-found"), None).told().0,
            "bootstrap.kubelet_missing"
        );
        assert_eq!(
            judge(&root, KUBELET, &state("loaded"), None),
            Outcome::Passed
        );
    }

    #[test]
    fn a_program_that_is_not_there_or_none_is_named() {
        let directory = tempfile::tempdir().unwrap();
        let root = Root::new(directory.path());
        let path = Path::new("/usr/bin/kubelet");
        let judged = || judge(&root, KUBELET, &state("loaded"), Some(path));
        assert_eq!(
            judged().told(),
            (
                "bootstrap.kubelet_missing",
                "kubelet.service starts `/usr/bin/kubelet`, which is not there"
            )
        );
        root.write(path, b"", 0o644).unwrap();
        assert!(judged().told().1.ends_with("which is no program"));
        root.write(path, b"", 0o755).unwrap();
        assert_eq!(judged(), Outcome::Passed);
    }
}
