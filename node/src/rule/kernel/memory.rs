//! Who was killed for memory, and because of whose limit: `mm/oom_kill.c` of Linux 4.14 to 6.12, and what systemd says then.
//!
//! The kernel writes a summary with the control groups (`oom-kill:constraint=…`, since 5.0, at most ten in five seconds)
//! and right behind it the victim by name (`Memory cgroup out of memory: Killed process …`). A name deceives: a pod may run
//! a program that is called `kubelet`, and a service one that nobody knows. So each summary is a signal too, of what the
//! line behind it means.

use std::time::Duration;

use super::{HALF_AN_HOUR, MOMENT, daemon_of};
use crate::finding;
use crate::rule::{Clear, Detect, Harmless, KERNEL, Match, Rule, Signal, Threshold};

/// Between the summary and the name there is nothing but a slow console.
const RIGHT_AFTER: Duration = Duration::from_millis(200);

/// The node as a whole, not each pod: a storm of kills in ever new pods must not take the room of other findings. The
/// summary in the evidence names the pod.
pub(super) const OOM_CONTAINER: Rule = Rule {
    finding: &finding::KERNEL_OOM_CONTAINER,
    detect: &[Detect::said(
        &[KERNEL],
        &[
            "oom-kill:constraint=CONSTRAINT_MEMCG",
            "Memory cgroup out of memory: Kill",
        ],
        |line| Match::node_if(is_of_container(line.message())),
    )],
    threshold: Threshold::ONCE,
    harmless: Some(Harmless::Within(Signal::ServiceOutOfMemory, RIGHT_AFTER)),
    clears: MOMENT,
};

pub(super) const OOM_NODE: Rule = Rule {
    finding: &finding::KERNEL_OOM_NODE,
    detect: &[Detect::said(
        &[KERNEL],
        &["oom-kill:constraint=CONSTRAINT_", "Out of memory"],
        |line| Match::node_if(is_of_node(line.message())),
    )],
    threshold: Threshold::ONCE,
    harmless: None,
    clears: HALF_AN_HOUR,
};

/// The service manager speaks last, so silence counts from the start of the daemon and not while it is down.
pub(super) const OOM_SYSTEM_DAEMON: Rule = Rule {
    finding: &finding::KERNEL_OOM_SYSTEM_DAEMON,
    detect: &[
        Detect::said(
            &[KERNEL],
            &[
                "oom-kill:constraint=CONSTRAINT_",
                "Memory cgroup out of memory: Kill",
                "Out of memory",
            ],
            |line| {
                let message = line.message();
                let unit =
                    service_of_summary(message).or_else(|| victim(message).and_then(daemon_of))?;
                Some(Match::Hit {
                    object: unit.to_owned(),
                })
            },
        ),
        Detect::managed(&[], KILLED, |line| {
            Some(Match::Hit {
                object: killed_service(line.message())?.to_owned(),
            })
        }),
    ],
    threshold: Threshold::ONCE,
    harmless: Some(Harmless::Within(Signal::ContainerOutOfMemory, RIGHT_AFTER)),
    clears: &[Clear::Silence(Duration::from_mins(10))],
};

/// systemd's `src/core/cgroup.c` (the second since 258) and `src/core/service.c`.
const KILLED: &[&str] = &[
    "A process of this unit has been killed by the OOM killer",
    "The kernel OOM killer killed some processes in this unit",
    "Failed with result 'oom-kill'",
];

/// What a summary says about the line behind it.
pub(super) fn victim_signal(message: &str) -> Option<Signal> {
    let group = group(message, ",task_memcg=")?;
    Some(if is_of_pods(group) {
        Signal::ContainerOutOfMemory
    } else {
        Signal::ServiceOutOfMemory
    })
}

fn is_of_container(message: &str) -> bool {
    if message.starts_with("oom-kill:constraint=CONSTRAINT_MEMCG") {
        return group(message, ",oom_memcg=").is_some_and(is_of_pods);
    }
    message.starts_with("Memory cgroup out of memory: Kill")
        && victim(message).is_some_and(|name| daemon_of(name).is_none())
}

fn is_of_node(message: &str) -> bool {
    message.starts_with("Out of memory") && victim(message).is_some()
        || message.starts_with("oom-kill:constraint=") && message.contains(",global_oom,")
}

/// The service whose process a summary says was the victim: not one of a pod, nor of a person's session.
fn service_of_summary(message: &str) -> Option<&str> {
    let group = group(message, ",task_memcg=")?;
    if is_of_pods(group) || group.starts_with("/user.slice") {
        return None;
    }
    group.split('/').find(|part| part.ends_with(".service"))
}

/// The service that the service manager says was the victim: containers are scopes.
fn killed_service(message: &str) -> Option<&str> {
    let (unit, event) = message.split_once(": ")?;
    let is_killed = KILLED.iter().any(|words| event.starts_with(words));
    (is_killed && unit.ends_with(".service") && !unit.starts_with("user@")).then_some(unit)
}

/// A control group in a summary.
fn group<'a>(message: &'a str, key: &str) -> Option<&'a str> {
    if !message.starts_with("oom-kill:") {
        return None;
    }
    let (_, value) = message.split_once(key)?;
    value.split(',').next()
}

fn is_of_pods(group: &str) -> bool {
    group.contains("kubepods")
}

/// Name of the process in `…: Killed process 12 (name) total-vm:…`, or `…: Kill process 12 (name) score 9 or …`.
fn victim(message: &str) -> Option<&str> {
    let (head, rest) = message.split_once(" process ")?;
    if !head.ends_with(": Killed") && !head.ends_with(": Kill") {
        return None;
    }
    let (_, rest) = rest.split_once(" (")?;
    Some(rest.rsplit_once(')')?.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_victim_is_named_whatever_its_name_is() {
        for (line, name) in [
            (
                "Out of memory: Killed process 4503 ((sd-pam)) total-vm:173972kB, anon-rss:0kB",
                Some("(sd-pam)"),
            ),
            (
                "Memory cgroup out of memory: Kill process 12 (a b) score 1974 or sacrifice child",
                Some("a b"),
            ),
            (
                "Out of memory (oom_kill_allocating_task): Killed process 7 (x) total-vm:1kB",
                Some("x"),
            ),
            ("Killed process 12 (x) total-vm:1kB, anon-rss:1kB", None),
            ("Out of memory: Killed process", None),
        ] {
            assert_eq!(victim(line), name, "`{line}`");
        }
    }

    #[test]
    fn only_services_of_the_node_are_its_daemons() {
        let killed = |unit: &str| {
            killed_service(&format!(
                "{unit}: A process of this unit has been killed by the OOM killer."
            ))
            .is_some()
        };
        assert!(killed("containerd.service"));
        assert!(!killed("cri-containerd-0a1b.scope"));
        assert!(!killed("user@1000.service"));
        assert_eq!(
            killed_service("kubelet.service: Failed with result 'signal'."),
            None
        );
        let summary = |group: &str| {
            let line = format!(
                "oom-kill:constraint=CONSTRAINT_NONE,nodemask=(null),cpuset=/,mems_allowed=0,global_oom,task_memcg={group},task=x,pid=1,uid=0"
            );
            service_of_summary(&line).map(str::to_owned)
        };
        assert_eq!(
            summary("/runtime.slice/containerd.service").as_deref(),
            Some("containerd.service")
        );
        assert_eq!(
            summary("/system.slice/systemd-udevd.service/udev").as_deref(),
            Some("systemd-udevd.service")
        );
        for other in [
            "/",
            "/user.slice/user-0.slice/user@0.service/init.scope",
            "/kubepods.slice/kubepods-pod1.slice/x.service",
        ] {
            assert_eq!(summary(other), None, "`{other}`");
        }
    }
}
