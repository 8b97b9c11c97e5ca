//! Rules of the host's own network: interfaces, routes, the kernel's tables, kube-proxy.

use std::time::Duration;

use super::super::{Clear, Detect, KERNEL, KUBE_PROXY, Match, Rule, Threshold};
use crate::finding;

const FIVE_MINUTES: Duration = Duration::from_mins(5);
const TEN_MINUTES: Duration = Duration::from_mins(10);
/// Two looks of a probe, whatever its rhythm.
const TWO_LOOKS: Threshold = Threshold::times(2, Duration::from_mins(30));

pub(in crate::rule) const RULES: &[Rule] = &[
    // net/netfilter/nf_conntrack_core.c; newer kernels name the network namespace. A probe that still sees a table of
    // nine tenths counts as a sighting, so that silence means that there is room.
    Rule {
        finding: &finding::NETWORK_CONNTRACK_FULL,
        detect: &[
            Detect::said(&[KERNEL], &["conntrack: table full"], |line| {
                Match::node_if(is_table_full(line.message()))
            }),
            Detect::Probe,
        ],
        threshold: Threshold::ONCE,
        harmless: None,
        clears: &[
            Clear::ProbePassed(FIVE_MINUTES),
            Clear::Silence(Duration::from_mins(15)),
        ],
    },
    // net/core/neighbour.c; before Linux 4.20 net/ipv4/route.c.
    Rule {
        finding: &finding::NETWORK_ARP_OVERFLOW,
        detect: &[Detect::said(
            &[KERNEL],
            &["neighbor table overflow", "Neighbour table overflow"],
            |line| {
                let text = line.message();
                Match::node_if(
                    (text.starts_with("neighbour: ") && text.contains("neighbor table overflow"))
                        || text.starts_with("ipv4: Neighbour table overflow")
                        || text.starts_with("ipv6: Neighbour table overflow")
                        || text.starts_with("Neighbour table overflow"),
                )
            },
        )],
        threshold: Threshold::ONCE,
        harmless: None,
        clears: &[Clear::Silence(TEN_MINUTES)],
    },
    // ena_netdev.c of the driver, and net/sched/sch_generic.c. One packet that is late is load; a reset is decisive.
    Rule {
        finding: &finding::NETWORK_ENA_RESET,
        detect: &[
            Detect::said(&[KERNEL], ENA, |line| ena_event(line.message())),
            Detect::Probe,
        ],
        threshold: Threshold::times(3, TEN_MINUTES),
        harmless: None,
        clears: &[Clear::Silence(Duration::from_mins(30))],
    },
    // Counters of the driver that only rise: the probe compares them with those of its last look.
    Rule {
        finding: &finding::NETWORK_ALLOWANCE_EXCEEDED,
        detect: &[Detect::Probe],
        threshold: Threshold::ONCE,
        harmless: None,
        clears: &[Clear::ProbePassed(TEN_MINUTES)],
    },
    // net/ipv4/route.c, ip_handle_martian_source. One such packet is anybody's; packets that keep coming on the wrong
    // interface are the node's own.
    Rule {
        finding: &finding::NETWORK_ENI_MANAGED,
        detect: &[
            Detect::said(&[KERNEL], &["martian source "], |line| {
                martian_device(line.message()).map(|device| Match::Hit {
                    object: device.to_owned(),
                })
            }),
            Detect::Probe,
        ],
        threshold: Threshold::times(3, TEN_MINUTES),
        harmless: None,
        clears: &[Clear::ProbePassed(TEN_MINUTES), Clear::Silence(TEN_MINUTES)],
    },
    // The CNI makes its rules in the moment in which it hands an address out.
    Rule {
        finding: &finding::NETWORK_MISSING_IP_RULES,
        detect: &[Detect::Probe],
        threshold: TWO_LOOKS,
        harmless: None,
        clears: &[Clear::ProbePassed(Duration::ZERO)],
    },
    Rule {
        finding: &finding::NETWORK_INTERFACE_DOWN,
        detect: &[Detect::Probe],
        threshold: TWO_LOOKS,
        harmless: None,
        clears: &[Clear::ProbePassed(Duration::from_mins(1))],
    },
    Rule {
        finding: &finding::NETWORK_IP_FORWARD_OFF,
        detect: &[Detect::Probe],
        threshold: Threshold::ONCE,
        harmless: None,
        clears: &[Clear::ProbePassed(Duration::ZERO)],
    },
    // net/core/dev.c: said every ten seconds while it waits, and once by a namespace that was only slow.
    Rule {
        finding: &finding::NETWORK_UNREGISTER_NETDEVICE,
        detect: &[Detect::said(
            &[KERNEL],
            &["unregister_netdevice: waiting for "],
            |line| {
                let waits = line
                    .message()
                    .strip_prefix("unregister_netdevice: waiting for ")?;
                let (device, _) = waits.split_once(" to become free")?;
                Some(Match::Hit {
                    object: device.to_owned(),
                })
            },
        )],
        threshold: Threshold::times(2, Duration::from_mins(1)),
        harmless: None,
        clears: &[Clear::Silence(TEN_MINUTES)],
    },
    // client-go's tools/cache/reflector.go: a 404 to a list is a kind that the server does not know. It is asked for again
    // within a minute.
    Rule {
        finding: &finding::NETWORK_KUBE_PROXY_SKEW,
        detect: &[Detect::said(&[KUBE_PROXY], &[NO_SUCH_RESOURCE], |line| {
            let error = line.error();
            Match::node_if(error.contains("failed to list ") && error.contains(NO_SUCH_RESOURCE))
        })],
        threshold: Threshold::times(2, FIVE_MINUTES),
        harmless: None,
        clears: &[Clear::Silence(FIVE_MINUTES)],
    },
];

const NO_SUCH_RESOURCE: &str = "the server could not find the requested resource";

const LOST: &str = "number of lost tx completions is above the threshold";

const ENA: &[&str] = &[
    "that wasn't completed on time",
    LOST,
    "Lost TX completions",
    "Keep alive watchdog timeout",
    "Trigger reset is on",
    "is paused for too long",
    "NETDEV WATCHDOG: ",
];

fn is_table_full(text: &str) -> bool {
    text.contains("conntrack: table full") && text.ends_with("dropping packet")
}

/// What a line of the driver, or of the kernel about its queues, says: `ena 0000:00:05.0 eth0: …` and, before Linux 6.6,
/// `NETDEV WATCHDOG: eth0 (ena): …`.
fn ena_event(text: &str) -> Option<Match> {
    if let Some(about) = text.strip_prefix("NETDEV WATCHDOG: ") {
        let (device, about) = about.split_once(" (ena): ")?;
        return about.contains("timed out").then(|| Match::Proof {
            object: device.to_owned(),
        });
    }
    let (head, event) = match text.strip_prefix("ena ") {
        Some(text) => text.split_once(": ")?,
        // Some versions say this one line without the bus.
        None if text.contains(LOST) => text.split_once(": ")?,
        None => return None,
    };
    // A device that has no name yet is only an address on the bus.
    let object = head
        .split_once(' ')
        .map_or(head, |(_, device)| device)
        .to_owned();
    if event.contains("that wasn't completed on time") {
        return Some(Match::Hit { object });
    }
    ENA.iter()
        .any(|words| event.contains(words))
        .then_some(Match::Proof { object })
}

/// The device of `IPv4: martian source 10.0.1.2 from 10.0.3.4, on dev eth1`.
fn martian_device(text: &str) -> Option<&str> {
    let text = text.strip_prefix("IPv4: ").unwrap_or(text);
    let (_, device) = text
        .strip_prefix("martian source ")?
        .rsplit_once(", on dev ")?;
    Some(device.trim())
}
