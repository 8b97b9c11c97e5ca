//! Rules of images and their pulls.
//!
//! A pull that fails is told by containerd, by the CRI client and by the kubelet's workers, in the same words. What failed
//! is decided once, in [`pull`], and each rule asks for its reason: so one pull is one finding, and never one of the way to
//! the API server.

mod pull;

use std::time::Duration;

pub(super) use pull::is_pull;
use pull::{Reason, hit};

use super::{CONTAINERD, Clear, Detect, KUBELET, Match, Rule, Signal, Threshold, runtime};
use crate::finding::{self, Finding};

const FIVE_MINUTES: Duration = Duration::from_mins(5);
const TEN_MINUTES: Duration = Duration::from_mins(10);
/// A request that fails is weather; the kubelet pulls again after ten seconds.
const TWO_PULLS: Threshold = Threshold {
    hits: 2,
    within: TEN_MINUTES,
    lasting: Duration::from_secs(5),
};
/// One-shot unit of the AMI that pulls the pause image.
const SANDBOX_IMAGE: &str = "sandbox-image.service";

pub(super) const RULES: &[Rule] = &[
    pulled(
        &finding::IMAGE_UNAUTHORIZED,
        &[Detect::said(&[KUBELET, CONTAINERD], PULLS, |line| {
            hit(line, Reason::Unauthorized)
        })],
        OVER,
    ),
    pulled(
        &finding::IMAGE_FORBIDDEN,
        &[Detect::said(&[KUBELET, CONTAINERD], PULLS, |line| {
            hit(line, Reason::Forbidden)
        })],
        OVER,
    ),
    pulled(
        &finding::IMAGE_NOT_FOUND,
        &[Detect::said(&[KUBELET, CONTAINERD], PULLS, |line| {
            hit(line, Reason::NotFound)
        })],
        &[Clear::Silence(TEN_MINUTES)],
    ),
    pulled(
        &finding::IMAGE_REGISTRY_TLS,
        &[Detect::said(&[KUBELET, CONTAINERD], PULLS, |line| {
            hit(line, Reason::Untrusted)
        })],
        OVER,
    ),
    pulled(
        &finding::IMAGE_RATE_LIMITED,
        &[Detect::said(&[KUBELET, CONTAINERD], PULLS, |line| {
            hit(line, Reason::RateLimited)
        })],
        &[Clear::Silence(Duration::from_mins(15))],
    ),
    Rule {
        finding: &finding::IMAGE_REGISTRY_UNREACHABLE,
        detect: &[
            Detect::said(&[KUBELET, CONTAINERD], PULLS, |line| {
                hit(line, Reason::Unreachable)
            }),
            Detect::Probe,
        ],
        threshold: TWO_PULLS,
        harmless: None,
        clears: &[
            Clear::Silence(FIVE_MINUTES),
            Clear::ProbePassed(FIVE_MINUTES),
        ],
    },
    Rule {
        finding: &finding::IMAGE_REGISTRY_DNS,
        detect: &[
            Detect::said(&[KUBELET, CONTAINERD], PULLS, |line| {
                hit(line, Reason::Unresolved)
            }),
            Detect::Probe,
        ],
        threshold: TWO_PULLS,
        harmless: None,
        clears: &[
            Clear::Silence(FIVE_MINUTES),
            Clear::ProbePassed(Duration::ZERO),
        ],
    },
    Rule {
        finding: &finding::IMAGE_NO_SPACE,
        detect: &[
            Detect::said(&[KUBELET, CONTAINERD], PULLS, |line| {
                hit(line, Reason::NoSpace)
            }),
            Detect::Probe,
        ],
        threshold: Threshold::ONCE,
        harmless: None,
        clears: &[
            Clear::Silence(TEN_MINUTES),
            Clear::ProbePassed(Duration::ZERO),
        ],
    },
    // A pull of an image without this platform, or a start of one that says it has it.
    Rule {
        finding: &finding::IMAGE_WRONG_PLATFORM,
        detect: &[
            Detect::said(&[KUBELET, CONTAINERD], PULLS, |line| {
                hit(line, Reason::WrongPlatform)
            }),
            Detect::said(&[KUBELET, CONTAINERD], &["exec format error"], |line| {
                Match::node_if(
                    runtime::is_creation(line) && line.error().contains("exec format error"),
                )
            }),
        ],
        threshold: Threshold::ONCE,
        harmless: None,
        clears: &[Clear::Silence(TEN_MINUTES)],
    },
    // pkg/credentialprovider/plugin/plugin.go.
    Rule {
        finding: &finding::IMAGE_CREDENTIAL_PROVIDER_FAILED,
        detect: &[Detect::said(&[KUBELET], &[PROVIDER], |line| {
            Match::node_if(line.message().starts_with(PROVIDER))
        })],
        threshold: Threshold::ONCE,
        harmless: None,
        clears: OVER,
    },
    // containerd pulls the pause image itself, without credentials, when it is not there; the AMI's unit loads it before.
    Rule {
        finding: &finding::IMAGE_SANDBOX_UNAVAILABLE,
        detect: &[
            Detect::said(
                &[KUBELET, CONTAINERD],
                &["failed to get sandbox image"],
                |line| {
                    Match::node_if(
                        runtime::is_creation(line)
                            && line.error().contains("failed to get sandbox image"),
                    )
                },
            ),
            Detect::managed(&[SANDBOX_IMAGE], &["Failed with result"], |_| {
                Match::node_if(true)
            }),
            // bash names the script and its line before what went wrong.
            Detect::said(&[SANDBOX_IMAGE], &["pull-sandbox-image.sh: line "], |_| {
                Some(Match::Evidence {
                    object: String::new(),
                })
            }),
            Detect::said(
                &["nodeadm-config.service", "nodeadm-run.service"],
                &["importing pause image into SOCI snapshotter: "],
                |_| Match::node_if(true),
            ),
        ],
        threshold: Threshold::ONCE,
        harmless: None,
        clears: &[
            Clear::Silence(Duration::from_mins(2)),
            // A unit that runs once is down after it: its silence says nothing, but a sandbox does.
            Clear::On(Signal::SandboxStarted),
            Clear::UnitActive(SANDBOX_IMAGE, Duration::ZERO),
        ],
    },
];

const OVER: &[Clear] = &[Clear::Silence(FIVE_MINUTES)];
const PROVIDER: &str = "Failed getting credential from external registry credential provider";
/// How lines of failed pulls begin; see [`is_pull`].
const PULLS: &[&str] = &[
    "PullImage ",
    "Failed to pull image",
    "Error syncing pod, skipping",
    "cancel pulling image ",
];

/// A rule for which one failed pull is enough.
const fn pulled(
    finding: &'static Finding,
    detect: &'static [Detect],
    clears: &'static [Clear],
) -> Rule {
    Rule {
        finding,
        detect,
        threshold: Threshold::ONCE,
        harmless: None,
        clears,
    }
}
