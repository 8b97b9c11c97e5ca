//! Rules of the node's owner.

use super::super::super::rule_set;
use super::super::{Definition, Field, Kind, field, required, with_default};

/// `RuleSet` of `nodectl.dev/v1alpha1`.
pub const RULE_SET: Definition = Definition {
    api_version: crate::wire::API_VERSION,
    kind: rule_set::KIND,
    doc: "Rules of the node's owner, from `/etc/nodeagent/rules.d`: which log lines are a finding.",
    fields: &[required("spec", Kind::Object(SPEC), "The rules.")],
    is_strict: true,
    is_whole: true,
};

const SPEC: &[Field] = &[required(
    "rules",
    Kind::List(&Kind::Object(RULE)),
    "The rules, each with a code of its own.",
)];

const RULE: &[Field] = &[
    required(
        "code",
        Kind::Text,
        "Name of the finding, everywhere: `user.` and what you call it, of `a-z`, `0-9`, `_` and `.`.",
    ),
    required(
        "severity",
        Kind::Words(&["info", "warning", "fatal"]),
        "How much it matters: worth knowing, will hurt, or keeps the node from running pods.",
    ),
    field(
        "condition",
        Kind::Words(&[
            "kernel",
            "networking",
            "storage",
            "containerRuntime",
            "acceleratedHardware",
        ]),
        "The condition of the Node that the finding turns False while it is open, if it is fatal. It never has the machine replaced.",
    ),
    required(
        "title",
        Kind::Text,
        "The finding as a claim, at most 60 characters.",
    ),
    required(
        "fix",
        Kind::Text,
        "What to do. Words in capitals such as `NODE` and `CLUSTER` are filled in.",
    ),
    required(
        "match",
        Kind::List(&Kind::Object(LINE)),
        "The lines that show it; each entry is tried.",
    ),
    field(
        "threshold",
        Kind::Object(THRESHOLD),
        "How often it must be seen; once by default.",
    ),
    field(
        "harmless",
        Kind::Object(HARMLESS),
        "When it is no finding at all.",
    ),
    field(
        "clears",
        Kind::Object(CLEARS),
        "What takes it back, each alone; silence of ten minutes by default.",
    ),
];

const LINE: &[Field] = &[
    required(
        "units",
        Kind::List(&Kind::Text),
        "Whose lines: systemd units, `kernel`, `ipamd`, `kube-proxy` or `network-policy-agent`.",
    ),
    with_default(
        "speaker",
        Kind::Words(&["service", "manager"]),
        "service",
        "Who says it: the unit's own processes, or the service manager about the unit.",
    ),
    field(
        "identifier",
        Kind::Text,
        "Name that the writer has in the journal (`SYSLOG_IDENTIFIER`); any by default.",
    ),
    required(
        "contains",
        Kind::List(&Kind::Text),
        "Texts of which the line holds at least one, each of 4 to 256 bytes.",
    ),
    field(
        "excludes",
        Kind::List(&Kind::Text),
        "Texts of which the line holds none.",
    ),
    field(
        "regex",
        Kind::Text,
        "Regular expression that the first 4 KiB of the line match; a group `(?<object>…)` names what the finding is about.",
    ),
];

const THRESHOLD: &[Field] = &[
    with_default("hits", Kind::Count, "1", "At least so many lines …"),
    with_default("within", Kind::Duration, "10m", "… within this time …"),
    field("lasting", Kind::Duration, "… and going on for so long."),
];

const HARMLESS: &[Field] = &[
    required(
        "after",
        Kind::Words(&["boot", "kubeletStart", "registration", "ready"]),
        "What the time counts from.",
    ),
    required("within", Kind::Duration, "How long lines are harmless."),
];

const CLEARS: &[Field] = &[
    field("silence", Kind::Duration, "No such line for so long."),
    field(
        "lines",
        Kind::List(&Kind::Object(LINE)),
        "Lines that say that it is over: for the object that `regex` names, or for all.",
    ),
    field(
        "unitActive",
        Kind::Object(UNIT_ACTIVE),
        "A unit was started after the last such line and stays up.",
    ),
];

const UNIT_ACTIVE: &[Field] = &[
    required("unit", Kind::Text, "The unit."),
    required("for", Kind::Duration, "How long it must have been up."),
];
