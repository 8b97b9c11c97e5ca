//! Does the kernel pass packets on between pods and other nodes?

use node::finding;

use super::reading::{Reading, number};
use crate::host::root::Root;

/// So many looks in a row: a plug-in switches it on while it makes the network of the first pod.
const LOOKS: u8 = 2;

/// What is seen of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Seen {
    /// `net.ipv4.ip_forward` is not 0.
    pub is_on: bool,
    /// Pods that have a network of their own.
    pub pods: usize,
}

/// Looks; nothing where there is no such setting.
pub fn look(root: &Root) -> Option<Seen> {
    let is_on = number(root, "/proc/sys/net/ipv4/ip_forward")? != 0;
    // What containerd calls the network of a pod, whichever plug-in makes it.
    let pods = if is_on {
        0
    } else {
        let networks = root.list("/run/netns").unwrap_or_default();
        networks
            .iter()
            .filter(|name| name.starts_with("cni-"))
            .count()
    };
    Some(Seen { is_on, pods })
}

/// What was seen before.
#[derive(Debug, Default)]
pub struct Forwarding {
    /// It has been on: who switched it off has not left it to the plug-in.
    was_on: bool,
    /// Looks in a row in which it should have been on.
    failures: u8,
}

impl Forwarding {
    /// What this means on a node that has registered. Where no pod needs it and it never was on, it may be off.
    pub fn judge(&mut self, seen: Seen) -> Option<Reading> {
        let finding = &finding::NETWORK_IP_FORWARD_OFF;
        if seen.is_on {
            (self.was_on, self.failures) = (true, 0);
            return Some(Reading::passed(finding, ""));
        }
        if !self.was_on && seen.pods == 0 {
            self.failures = 0;
            return None;
        }
        self.failures = self.failures.saturating_add(1);
        (self.failures >= LOOKS).then(|| Reading::failed(finding, "", "net.ipv4.ip_forward is 0"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ON: Seen = Seen {
        is_on: true,
        pods: 0,
    };
    const OFF: Seen = Seen { is_on: false, ..ON };
    const NEEDED: Seen = Seen { pods: 1, ..OFF };

    /// Of each look whether it passed, or failed.
    fn judged(looks: &[Seen]) -> Vec<Option<bool>> {
        let mut forwarding = Forwarding::default();
        looks
            .iter()
            .map(|seen| Some(forwarding.judge(*seen)?.failure.is_none()))
            .collect()
    }

    #[test]
    fn it_must_be_on_where_a_pod_needs_it_or_where_it_was_on() {
        assert_eq!(judged(&[OFF, OFF, OFF]), [None, None, None]);
        assert_eq!(judged(&[OFF, NEEDED, ON]), [None, None, Some(true)]);
        assert_eq!(
            judged(&[NEEDED, NEEDED, ON]),
            [None, Some(false), Some(true)]
        );
        assert_eq!(judged(&[ON, OFF, OFF]), [Some(true), None, Some(false)]);
        assert_eq!(judged(&[NEEDED, OFF, NEEDED]), [None, None, None]);
    }

    #[test]
    fn pods_are_known_by_their_networks() {
        let directory = tempfile::tempdir().unwrap();
        let root = Root::new(directory.path());
        assert_eq!(look(&root), None);
        let setting = "/proc/sys/net/ipv4/ip_forward";
        root.write(setting, b"0\n", 0o644).unwrap();
        assert_eq!(look(&root), Some(OFF));
        for name in ["cni-0a1b2c3d-0000-1111-2222-333344445555", "mine"] {
            root.write(format!("/run/netns/{name}"), b"", 0o644)
                .unwrap();
        }
        assert_eq!(look(&root), Some(NEEDED));
        root.write(setting, b"1\n", 0o644).unwrap();
        assert_eq!(look(&root), Some(ON));
    }
}
