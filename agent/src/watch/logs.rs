//! What of the journal is shown to people: the units that rules read, those of the bootstrap, and our own. Pure.

use std::collections::BTreeSet;

use jiff::{SignedDuration, Timestamp};
use node::rule;

use super::rules::Rules;
use crate::host::journal::Part;

/// What is shown when nobody says since when.
const LINES: u32 = 1000;
/// Units that are shown whether a rule reads them or not.
const OWN: [&str; 4] = [
    "nodeadm-config.service",
    "nodeadm-run.service",
    "nodeagent-join.service",
    "nodeagent.service",
];

/// Everything that is shown of what these rules read.
pub fn units(rules: &Rules) -> BTreeSet<String> {
    let mut units = rules.journal_sources();
    units.extend(OWN.map(str::to_owned));
    units
}

/// Why a unit is not shown.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{name}` is not among the units that are watched: {watched}")]
pub struct NotWatched {
    /// What was asked for.
    pub name: String,
    /// All that can be asked for.
    pub watched: String,
}

/// All that can be asked for, as people say it.
pub fn list(rules: &Rules) -> String {
    let units = units(rules);
    let names: Vec<&str> = units
        .iter()
        .map(|unit| unit.strip_suffix(".service").unwrap_or(unit))
        .collect();
    names.join(", ")
}

/// The watched unit that people call so, `kubelet` or `kubelet.service`.
pub fn unit(name: &str, rules: &Rules) -> Result<String, NotWatched> {
    let source = rule::source(name);
    let mut units = units(rules).into_iter();
    units
        .find(|unit| *unit == source)
        .ok_or_else(|| NotWatched {
            name: name.to_owned(),
            watched: list(rules),
        })
}

/// Why a text is no time.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{text}` is neither a duration such as `10m` or `1h30m` nor a time such as `2026-01-02T03:04:05Z`"
)]
pub struct NoTime {
    /// The text.
    pub text: String,
}

/// The time that somebody means with `10m` or with a time of RFC 3339.
pub fn since(text: &str, now: Timestamp) -> Result<Timestamp, NoTime> {
    let ago = || {
        let ago: SignedDuration = text.parse().ok()?;
        // A time to come is a mistake.
        let is_past = !ago.is_negative();
        is_past.then(|| now.checked_sub(ago).ok()).flatten()
    };
    text.parse().ok().or_else(ago).ok_or_else(|| NoTime {
        text: text.to_owned(),
    })
}

/// The part of the journal that holds what these units wrote since then, or what they wrote last.
pub fn part(units: BTreeSet<String>, since: Option<Timestamp>, follow: bool) -> Part {
    Part {
        units: units.into_iter().collect(),
        since,
        last: since.is_none().then_some(LINES),
        follow,
        boot: 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn watched_units_are_known_by_both_their_names_and_nothing_else_is() {
        let rules = Rules {
            units: ["sensor.service".to_owned()].into(),
            ..Rules::shipped()
        };
        let unit = |name: &str| unit(name, &rules);
        let is = |name: &str| Ok(name.to_owned());
        assert_eq!(unit("sensor"), is("sensor.service"));
        assert_eq!(unit("kubelet"), is("kubelet.service"));
        assert_eq!(unit("containerd.service"), is("containerd.service"));
        assert_eq!(unit("nodeagent"), is("nodeagent.service"));
        assert_eq!(unit("dmesg"), is("kernel"));
        // `ipamd` is a file of its own.
        for other in [
            "sshd",
            "",
            "ipamd",
            "*",
            "kubelet*",
            "../x",
            "--file=/etc/shadow",
        ] {
            let error = unit(other).unwrap_err().to_string();
            assert!(error.contains("kubelet, "), "{error}");
        }
    }

    #[test]
    fn a_time_is_a_duration_or_a_moment() {
        let now: Timestamp = "2026-01-02T03:04:05Z".parse().unwrap();
        for (text, at) in [
            ("10m", "2026-01-02T02:54:05Z"),
            ("1h30m", "2026-01-02T01:34:05Z"),
            ("1.5h", "2026-01-02T01:34:05Z"),
            ("90s", "2026-01-02T03:02:35Z"),
            ("300ms", "2026-01-02T03:04:04.7Z"),
            ("2026-01-01T00:00:00Z", "2026-01-01T00:00:00Z"),
            ("2026-01-01T02:00:00+02:00", "2026-01-01T00:00:00Z"),
        ] {
            assert_eq!(since(text, now), Ok(at.parse().unwrap()), "{text}");
        }
        for text in ["", "yesterday", "-5m", "10", "99999999999h", "2026-01-01"] {
            assert!(since(text, now).is_err(), "{text}");
        }
    }

    #[test]
    fn without_a_time_the_last_lines_are_shown() {
        let kubelet = || BTreeSet::from(["kubelet.service".to_owned()]);
        assert_eq!(part(kubelet(), None, false).last, Some(1000));
        let all = part(kubelet(), Some(Timestamp::UNIX_EPOCH), true);
        assert_eq!((all.last, all.follow), (None, true));
    }
}
