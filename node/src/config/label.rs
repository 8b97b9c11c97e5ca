//! Labels of a Node: what their names and values may look like, which of them a kubelet may give itself, and which part
//! of the instance metadata may become one.
//!
//! Syntax: <https://kubernetes.io/docs/concepts/overview/working-with-objects/labels/>. Restricted names: the kubelet's flag
//! `--node-labels` and the admission plugin `NodeRestriction`,
//! <https://kubernetes.io/docs/reference/access-authn-authz/admission-controllers/#noderestriction>.

/// Longest value, and longest part of a name after the `/`, in bytes.
const MAXIMUM_LENGTH: usize = 63;
/// Longest part of a name before the `/`, in bytes.
const MAXIMUM_PREFIX_LENGTH: usize = 253;

/// Names below `kubernetes.io` and `k8s.io` that a kubelet may give itself, beside those below [`OPEN_PREFIXES`].
const OPEN_NAMES: [&str; 11] = [
    "beta.kubernetes.io/arch",
    "beta.kubernetes.io/instance-type",
    "beta.kubernetes.io/os",
    "failure-domain.beta.kubernetes.io/region",
    "failure-domain.beta.kubernetes.io/zone",
    "kubernetes.io/arch",
    "kubernetes.io/hostname",
    "kubernetes.io/os",
    "node.kubernetes.io/instance-type",
    "topology.kubernetes.io/region",
    "topology.kubernetes.io/zone",
];
/// Prefixes below which, and below whose subdomains, a kubelet may give itself any label.
const OPEN_PREFIXES: [&str; 2] = ["kubelet.kubernetes.io", "node.kubernetes.io"];

/// Paths below `/latest/meta-data/` that may become a label; one that ends in `/` stands for everything right below it.
/// Nothing else may: `iam/` holds credentials, and labels can be read by everyone who can read Nodes.
const PATHS: [&str; 7] = [
    "ami-id",
    "autoscaling/target-lifecycle-state",
    "instance-life-cycle",
    "instance-type",
    "placement/",
    "services/partition",
    "tags/instance/",
];

/// Why a name cannot be that of a label which a kubelet gives its own Node; `None` when it can.
///
/// ```
/// use node::config::label::name_problem;
/// assert_eq!(name_problem("example.com/team"), None);
/// assert!(name_problem("node-role.kubernetes.io/gpu").is_some());
/// ```
pub fn name_problem(name: &str) -> Option<String> {
    let (prefix, last) = match name.split_once('/') {
        Some((prefix, last)) => (Some(prefix), last),
        None => (None, name),
    };
    if last.is_empty() || !is_word(last) {
        return Some(format!(
            "`{name}` is no label name: it needs 1 to {MAXIMUM_LENGTH} characters of `A-Z a-z 0-9 - _ .`, a letter or digit at either end"
        ));
    }
    let prefix = prefix?;
    if !is_domain(prefix) {
        return Some(format!(
            "`{name}` is no label name: `{prefix}` before the `/` is no domain name in lower case"
        ));
    }
    if is_below(prefix, "node-restriction.kubernetes.io") {
        return Some(format!(
            "`{name}` is reserved by the API server for others than kubelets (NodeRestriction)"
        ));
    }
    let is_reserved = is_below(prefix, "kubernetes.io") || is_below(prefix, "k8s.io");
    let is_open =
        OPEN_NAMES.contains(&name) || OPEN_PREFIXES.iter().any(|open| is_below(prefix, open));
    (is_reserved && !is_open).then(|| {
        format!(
            "`{name}` is reserved: of `kubernetes.io` and `k8s.io` only `node.kubernetes.io/…`, `kubelet.kubernetes.io/…` and the well-known names are open to a kubelet"
        )
    })
}

/// Why a text cannot be the value of a label; `None` when it can. The empty text can.
pub fn value_problem(value: &str) -> Option<String> {
    (!is_word(value)).then(|| {
        format!(
            "a label's value has at most {MAXIMUM_LENGTH} characters of `A-Z a-z 0-9 - _ .`, with a letter or digit at either end"
        )
    })
}

/// The text as a label's value: what may not be in one becomes `_`, the ends are trimmed to a letter or digit, and what is
/// longer than a value may be is cut. A valid value stays as it is.
///
/// ```
/// assert_eq!(node::config::label::sanitise("Team: Blue!"), "Team__Blue");
/// ```
pub fn sanitise(value: &str) -> String {
    let replaced: String = value
        .trim_matches(|character: char| !character.is_ascii_alphanumeric())
        .chars()
        .map(|character| {
            if is_word_character(character) {
                character
            } else {
                '_'
            }
        })
        .take(MAXIMUM_LENGTH)
        .collect();
    replaced
        .trim_end_matches(|character: char| !character.is_ascii_alphanumeric())
        .to_owned()
}

/// Why a path below `/latest/meta-data/` cannot become a label; `None` when it can.
///
/// ```
/// use node::config::label::path_problem;
/// assert_eq!(path_problem("tags/instance/team"), None);
/// assert!(path_problem("iam/security-credentials/node").is_some());
/// ```
pub fn path_problem(path: &str) -> Option<String> {
    let allowed = PATHS
        .iter()
        .any(|allowed| match path.strip_prefix(allowed) {
            Some("") => !allowed.ends_with('/'),
            Some(rest) => allowed.ends_with('/') && is_path_segment(rest),
            None => false,
        });
    (!allowed).then(|| {
        format!(
            "`{path}` of the instance metadata cannot become a label; only these can: {}",
            PATHS
                .map(|path| if path.ends_with('/') {
                    format!("`{path}…`")
                } else {
                    format!("`{path}`")
                })
                .join(", ")
        )
    })
}

/// One step of a path, with the characters that a tag's key may have when tags are in the instance metadata:
/// <https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/work-with-tags-in-IMDS.html>. Availability zones and groups have fewer.
fn is_path_segment(segment: &str) -> bool {
    ![".", ".."].contains(&segment)
        && segment
            .chars()
            .all(|character| character.is_ascii_alphanumeric() || "+-=.,_:@".contains(character))
}

fn is_word(text: &str) -> bool {
    let is_end = |character: Option<char>| character.is_none_or(|end| end.is_ascii_alphanumeric());
    text.len() <= MAXIMUM_LENGTH
        && text.chars().all(is_word_character)
        && is_end(text.chars().next())
        && is_end(text.chars().next_back())
}

fn is_word_character(character: char) -> bool {
    character.is_ascii_alphanumeric() || "-_.".contains(character)
}

fn is_domain(text: &str) -> bool {
    let is_name_character = |character: char| {
        character.is_ascii_lowercase() || character.is_ascii_digit() || character == '-'
    };
    text.len() <= MAXIMUM_PREFIX_LENGTH
        && text.split('.').all(|part| {
            !part.is_empty()
                && part.chars().all(is_name_character)
                && !part.starts_with('-')
                && !part.ends_with('-')
        })
}

fn is_below(domain: &str, parent: &str) -> bool {
    domain
        .strip_suffix(parent)
        .is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn names_have_the_syntax_of_kubernetes() {
        let long = "a".repeat(63);
        for name in [
            "team",
            "a.b_c-d",
            "9",
            "example.com/team",
            "eks.amazonaws.com/nodegroup",
            &long,
        ] {
            assert_eq!(name_problem(name), None, "{name}");
        }
        let too_long = "a".repeat(64);
        let bad = [
            "", "-a", "a-", "a b", "ä", "/a", "a/", "A.com/a", "a..b/c", "-a.b/c", "a/b/c",
            &too_long,
        ];
        for name in bad {
            assert!(name_problem(name).is_some(), "{name}");
        }
    }

    #[test]
    fn labels_that_a_kubelet_may_not_set_are_refused() {
        for name in [
            "node.kubernetes.io/lifecycle",
            "kubelet.kubernetes.io/x",
            "sub.node.kubernetes.io/x",
            "topology.kubernetes.io/zone",
            "kubernetes.io/os",
            "notkubernetes.io/a",
        ] {
            assert_eq!(name_problem(name), None, "{name}");
        }
        for name in [
            "kubernetes.io/role",
            "node-role.kubernetes.io/worker",
            "topology.k8s.io/zone",
            "x.k8s.io/a",
            "node-restriction.kubernetes.io/team",
            "topology.kubernetes.io/rack",
        ] {
            let problem = name_problem(name).unwrap();
            // Those who tell it say who refuses the label.
            assert!(!problem.contains("refuse"), "{problem}");
            assert!(
                problem.starts_with(&format!("`{name}` is reserved")),
                "{problem}"
            );
        }
    }

    #[test]
    fn values_are_made_to_fit() {
        assert_eq!(sanitise("spot"), "spot");
        assert_eq!(sanitise(""), "");
        assert_eq!(sanitise("arn:aws:x/y"), "arn_aws_x_y");
        assert_eq!(sanitise("  --"), "");
        assert_eq!(sanitise("größe"), "gr__e");
        let cut = format!("{}-.-tail", "a".repeat(61));
        assert_eq!(sanitise(&cut), "a".repeat(61));
    }

    #[test]
    fn credentials_never_become_a_label() {
        for path in [
            "ami-id",
            "instance-life-cycle",
            "instance-type",
            "placement/availability-zone-id",
            "placement/group-name",
            "tags/instance/team:name",
            "services/partition",
            "autoscaling/target-lifecycle-state",
        ] {
            assert_eq!(path_problem(path), None, "{path}");
        }
        for path in [
            "",
            "iam/info",
            "iam/security-credentials/node",
            "identity-credentials/ec2/security-credentials/ec2-instance",
            "placement/",
            "placement",
            "placement/../iam/info",
            "placement/..",
            "tags/instance/../../iam/info",
            "tags/instance/a?b",
            "tags/instance/%2e%2e",
            "/ami-id",
            "ami-id/x",
            "instance-type ",
            "user-data",
        ] {
            assert!(path_problem(path).is_some(), "{path}");
        }
    }

    proptest! {
        #[test]
        fn a_sanitised_value_is_valid_and_stays(value in any::<String>()) {
            let once = sanitise(&value);
            prop_assert_eq!(value_problem(&once), None);
            prop_assert_eq!(sanitise(&once), once);
        }

        #[test]
        fn a_valid_value_is_not_changed(value in "[A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?") {
            prop_assert_eq!(sanitise(&value), value);
        }
    }
}
