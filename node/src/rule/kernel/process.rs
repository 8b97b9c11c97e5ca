//! Faults of programs that the kernel tells: they are the node's only where the program is.

use std::time::Duration;

use super::{MOMENT, daemon_of};
use crate::finding;
use crate::rule::{Clear, Detect, KERNEL, Match, Rule, Threshold};

/// `kernel/cgroup/pids.c`: once for each control group that is full.
pub(super) const CGROUP_PIDS_LIMIT: Rule = Rule {
    finding: &finding::KERNEL_CGROUP_PIDS_LIMIT,
    detect: &[Detect::said(
        &[KERNEL],
        &["cgroup: fork rejected by pids controller in "],
        |line| {
            let group = line
                .message()
                .strip_prefix("cgroup: fork rejected by pids controller in ")?;
            group.contains("kubepods").then(|| Match::Hit {
                object: pod_of(group).unwrap_or_default(),
            })
        },
    )],
    threshold: Threshold::ONCE,
    harmless: None,
    clears: &[Clear::Silence(Duration::from_mins(10))],
};

/// `arch/x86/mm/fault.c` and `arch/x86/kernel/traps.c`. Programs choose their names, so only daemons of the node are told
/// apart: a pod that crashes under ever new names takes no more room than one.
pub(super) const APP_CRASH: Rule = Rule {
    finding: &finding::KERNEL_APP_CRASH,
    detect: &[Detect::said(
        &[KERNEL],
        &["]: segfault at ", "traps: "],
        |line| {
            let name = crashed(line.message())?;
            Some(Match::Hit {
                object: daemon_of(name).unwrap_or_default().to_owned(),
            })
        },
    )],
    threshold: Threshold::ONCE,
    harmless: None,
    clears: MOMENT,
};

/// Name of the program in `name[12]: segfault at 0 ip … sp … error 4 in …`, or `traps: name[12] general protection fault
/// ip:… sp:… error:0 in …`.
fn crashed(message: &str) -> Option<&str> {
    let process = if let Some((process, rest)) = message.split_once("]: segfault at ") {
        let is_whole = [" ip ", " sp ", " error "]
            .iter()
            .all(|words| rest.contains(words));
        is_whole.then_some(process)?
    } else {
        let (head, _) = message.strip_prefix("traps: ")?.split_once(" ip:")?;
        head.rsplit_once("] ")?.0
    };
    let (name, number) = process.rsplit_once('[')?;
    let is_number = !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit());
    is_number.then_some(name)
}

/// UID of the pod whose control group this is: `…/kubepods-burstable-pod0a1b_….slice/…` as systemd makes them,
/// `…/pod0a1b-…/…` without it.
fn pod_of(group: &str) -> Option<String> {
    group.split('/').find_map(|part| {
        let part = part.strip_suffix(".slice").unwrap_or(part);
        let (_, uid) = part.rsplit_once("pod")?;
        let is_uid = uid.len() >= 32
            && uid
                .bytes()
                .all(|byte| byte.is_ascii_hexdigit() || matches!(byte, b'-' | b'_'));
        is_uid.then(|| uid.replace('_', "-"))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_pod_of_a_control_group_is_known_with_and_without_systemd() {
        let uid = "0f5a1c3e-9f51-4c57-8a57-1d0a3b6c7d8e";
        for group in [
            "/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod0f5a1c3e_9f51_4c57_8a57_1d0a3b6c7d8e.slice/cri-containerd-1.scope",
            "/kubepods/burstable/pod0f5a1c3e-9f51-4c57-8a57-1d0a3b6c7d8e/1",
        ] {
            assert_eq!(pod_of(group).as_deref(), Some(uid), "`{group}`");
        }
        assert_eq!(pod_of("/kubepods.slice/kubepods-burstable.slice"), None);
        assert_eq!(pod_of("/system.slice/podman.service"), None);
    }

    #[test]
    fn the_name_of_a_program_may_hold_anything() {
        assert_eq!(
            crashed("a b[x][12]: segfault at 0 ip 00007f sp 00007f error 4 in libc.so.6[7f+1]"),
            Some("a b[x]")
        );
        assert_eq!(
            crashed("traps: nginx[1234] trap invalid opcode ip:7f sp:7f error:0 in nginx[40+1]"),
            Some("nginx")
        );
        assert_eq!(crashed("traps: PANIC"), None);
        assert_eq!(crashed("a]: segfault at noon"), None);
    }
}
