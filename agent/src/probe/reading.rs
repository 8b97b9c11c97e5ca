//! What probes tell the rules, again and again for the life of the node: a fault of one object is there, or is not.

use node::finding::Finding;
use node::rule::Observation;
use node::wire::OpenFinding;

use super::Outcome;
use crate::host::root::Root;

/// What a look at one object came to. Where nothing is known there is none.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reading {
    /// The fault that was looked for.
    pub finding: &'static Finding,
    /// Mount point, interface, event; empty: the node itself.
    pub object: String,
    /// What shows the fault; none: it is not there.
    pub failure: Option<String>,
}

impl Reading {
    /// The fault is not there.
    pub fn passed(finding: &'static Finding, object: impl Into<String>) -> Self {
        Self {
            finding,
            object: object.into(),
            failure: None,
        }
    }

    /// The fault is there, and this shows it.
    pub fn failed(
        finding: &'static Finding,
        object: impl Into<String>,
        failure: impl Into<String>,
    ) -> Self {
        Self {
            failure: Some(failure.into()),
            ..Self::passed(finding, object)
        }
    }
}

/// What a check that looks for these faults of the node itself tells: none of them is there; or this one is, and of the others
/// nothing is known.
pub fn of(outcome: Outcome, looked_for: &[&'static Finding]) -> Vec<Reading> {
    match outcome {
        Outcome::Passed => {
            let passed = looked_for.iter();
            passed.map(|finding| Reading::passed(finding, "")).collect()
        }
        Outcome::Fault(fault) => {
            vec![Reading::failed(
                fault.finding,
                "",
                fault.evidence.join("; "),
            )]
        }
        Outcome::CannotTell(_) => Vec::new(),
    }
}

impl From<Reading> for Observation {
    fn from(reading: Reading) -> Self {
        Self::Probe {
            code: reading.finding.code,
            object: reading.object,
            failure: reading.failure,
        }
    }
}

/// Codes and objects of the findings that are open, which a probe keeps open or takes back.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Open(Vec<(String, String)>);

impl Open {
    /// Those of this moment.
    pub fn of(findings: &[OpenFinding]) -> Self {
        Self(
            findings
                .iter()
                .map(|finding| (finding.code.clone(), finding.object.clone()))
                .collect(),
        )
    }

    /// Whether this fault of this object is known.
    pub fn has(&self, finding: &Finding, object: &str) -> bool {
        self.objects(finding).any(|known| known == object)
    }

    /// Whether this fault of any object is known.
    pub fn has_any(&self, finding: &Finding) -> bool {
        self.objects(finding).next().is_some()
    }

    /// The objects of which this fault is known.
    pub fn objects<'a>(&'a self, finding: &Finding) -> impl Iterator<Item = &'a str> {
        let code = finding.code;
        self.0
            .iter()
            .filter(move |(known, _)| known == code)
            .map(|(_, object)| object.as_str())
    }
}

#[cfg(test)]
impl Open {
    /// One finding.
    pub fn one(finding: &Finding, object: &str) -> Self {
        Self(vec![(finding.code.to_owned(), object.to_owned())])
    }
}

/// Percentages of a limit at which a fault begins and at which it is over. Between them it stays as it is.
#[derive(Debug, Clone, Copy)]
pub struct Share {
    /// A fault from here on.
    pub fails_from: u8,
    /// None below this.
    pub passes_below: u8,
}

impl Share {
    /// Whether so much of a limit is a fault, that may be known already; nothing where that says nothing new.
    pub fn is_fault(self, used: u64, limit: u64, is_known: bool) -> Option<bool> {
        let (used, limit) = (u128::from(used) * 100, u128::from(limit));
        if limit == 0 {
            None
        } else if used >= limit * u128::from(self.fails_from) {
            Some(true)
        } else if used < limit * u128::from(self.passes_below) {
            Some(false)
        } else {
            is_known.then_some(true)
        }
    }

    /// The same as a reading.
    pub fn reading(
        self,
        (used, limit): (u64, u64),
        (finding, object): (&'static Finding, &str),
        open: &Open,
        told: impl FnOnce() -> String,
    ) -> Option<Reading> {
        let is_fault = self.is_fault(used, limit, open.has(finding, object))?;
        Some(if is_fault {
            Reading::failed(finding, object, told())
        } else {
            Reading::passed(finding, object)
        })
    }
}

/// The number in a file of the kernel; none where there is no such file.
pub(super) fn number(root: &Root, path: &str) -> Option<u64> {
    root.read_text(path).ok().flatten()?.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_share_between_its_bounds_leaves_things_as_they_are() {
        let share = Share {
            fails_from: 95,
            passes_below: 85,
        };
        for (used, is_known, expected) in [
            (84, true, Some(false)),
            (85, false, None),
            (85, true, Some(true)),
            (94, false, None),
            (95, false, Some(true)),
        ] {
            assert_eq!(share.is_fault(used, 100, is_known), expected, "{used}");
        }
        assert_eq!(share.is_fault(0, 0, true), None);
        assert_eq!(share.is_fault(u64::MAX, u64::MAX, false), Some(true));
    }
}
