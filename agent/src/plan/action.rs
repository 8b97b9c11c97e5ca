//! What the machine is told after files were written or removed, so that they count.

use crate::host::path;

/// One thing to do after the files.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Action {
    /// systemd reads its configuration and its units again.
    DaemonReload,
    /// A unit is restarted.
    RestartUnit(&'static str),
}

/// What follows from these paths, whether they were written or removed. It is done on every run that has such a path, not
/// only on one that changed it: a run that was killed after its last write must not leave the machine unaware.
pub fn actions<'a>(paths: impl IntoIterator<Item = &'a str>) -> Vec<Action> {
    let (mut reload, mut resolved) = (false, false);
    for path in paths {
        reload |= path == path::SYSTEM_ENVIRONMENT
            || path
                .strip_prefix(path::SYSTEMD_UNITS)
                .is_some_and(|rest| rest.starts_with('/'));
        resolved |= path == path::RESOLVED_DROP_IN;
    }
    let mut actions = Vec::new();
    if reload {
        actions.push(Action::DaemonReload);
    }
    if resolved {
        actions.push(Action::RestartUnit("systemd-resolved.service"));
    }
    actions
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_systemd_reads_needs_an_action() {
        assert_eq!(actions([path::KUBELET_CONFIG, path::HOSTS]), []);
        assert_eq!(
            actions([
                path::RESOLVED_DROP_IN,
                path::SOCI_UNIT_DROP_IN,
                path::SYSTEM_ENVIRONMENT
            ]),
            [
                Action::DaemonReload,
                Action::RestartUnit("systemd-resolved.service")
            ]
        );
    }
}
