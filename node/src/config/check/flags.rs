//! `spec.kubelet.flags`: their form, those that are ours, labels and taints.
//!
//! systemd splits the arguments at spaces when it starts the kubelet, so one item can hold several flags, and a flag and
//! its value can be two items.

use super::Problem;
use crate::config::label;

/// Flags that are generated. The kubelet uses the last value that it is given, and those of the user are last.
const GENERATED: [&str; 10] = [
    "bootstrap-kubeconfig",
    "cloud-provider",
    "config",
    "config-dir",
    "hostname-override",
    "image-credential-provider-bin-dir",
    "image-credential-provider-config",
    "kubeconfig",
    "node-ip",
    "runtime-cgroups",
];
const EFFECTS: [&str; 3] = ["NoSchedule", "PreferNoSchedule", "NoExecute"];

/// One flag as the kubelet will see it.
struct Flag {
    /// Index of the item that it begins in.
    index: usize,
    name: String,
    value: String,
}

pub(super) fn check(flags: &[String]) -> Vec<Problem> {
    let mut problems = Vec::new();
    let mut report = |index: usize, detail: String| {
        let index = format!("[{index}]");
        problems.push(Problem::warning(
            &["spec", "kubelet", "flags", &index],
            detail,
        ));
    };
    let (parsed, strays) = parse(flags);
    for index in strays {
        report(
            index,
            "does not begin with `--`, so the kubelet refuses to start".to_owned(),
        );
    }
    for flag in parsed {
        if GENERATED.contains(&flag.name.as_str()) {
            report(
                flag.index,
                format!("overrides the `--{}` that is generated", flag.name),
            );
        }
        let details: Vec<String> = match flag.name.as_str() {
            "node-labels" => pairs(&flag.value).filter_map(label_problem).collect(),
            "register-with-taints" => pairs(&flag.value).filter_map(taint_of_flag).collect(),
            _ => Vec::new(),
        };
        for detail in details {
            report(flag.index, detail);
        }
    }
    problems
}

/// The words of an item of `spec.kubelet.flags` as the kubelet gets them: systemd splits `$NODEADM_KUBELET_ARGS` at white
/// space, except in quotes, which it takes away.
///
/// Format: <https://www.freedesktop.org/software/systemd/man/latest/systemd.service.html#Command%20lines>.
pub fn words(item: &str) -> Vec<String> {
    let mut words = Vec::new();
    let mut word: Option<String> = None;
    let mut quote = None;
    for letter in item.chars() {
        match quote {
            Some(open) if letter == open => quote = None,
            None if letter.is_whitespace() => words.extend(word.take()),
            None if letter == '"' || letter == '\'' => {
                quote = Some(letter);
                word.get_or_insert_default();
            }
            _ => word.get_or_insert_default().push(letter),
        }
    }
    words.extend(word);
    words
}

/// The flags, and the items that hold something that is none.
fn parse(flags: &[String]) -> (Vec<Flag>, Vec<usize>) {
    let mut words = flags
        .iter()
        .enumerate()
        .flat_map(|(index, item)| words(item).into_iter().map(move |word| (index, word)))
        .peekable();
    let (mut parsed, mut strays) = (Vec::new(), Vec::new());
    while let Some((index, word)) = words.next() {
        let Some(name) = word.strip_prefix("--").filter(|name| !name.is_empty()) else {
            // `-v=2` is the one flag with a short form.
            if !word.starts_with("-v") {
                strays.push(index);
            } else if word == "-v" {
                words.next_if(|(_, next)| !next.starts_with('-'));
            }
            continue;
        };
        let (name, value) = if let Some((name, value)) = name.split_once('=') {
            (name.to_owned(), value.to_owned())
        } else {
            let next = words.next_if(|(_, next)| !next.starts_with('-'));
            let value = next.map(|(_, value)| value).unwrap_or_default();
            (name.to_owned(), value)
        };
        parsed.push(Flag { index, name, value });
    }
    strays.dedup();
    (parsed, strays)
}

/// The parts between commas. eksctl writes empty lists.
fn pairs(value: &str) -> impl Iterator<Item = &str> {
    value
        .split(',')
        .map(str::trim)
        .filter(|pair| !pair.is_empty())
}

fn label_problem(pair: &str) -> Option<String> {
    let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
    let problem = label::name_problem(name)
        .or_else(|| label::value_problem(value).map(|detail| format!("`{name}`: {detail}")))?;
    Some(format!("holds a label that the kubelet refuses: {problem}"))
}

/// A taint of `--register-with-taints`: `key=value:Effect` or `key:Effect`.
fn taint_of_flag(text: &str) -> Option<String> {
    let (pair, effect) = text.rsplit_once(':').unwrap_or((text, ""));
    let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
    taint_problem(key, value, effect)
}

/// Why the kubelet refuses a taint; `None` when it does not.
pub fn taint_problem(key: &str, value: &str, effect: &str) -> Option<String> {
    // Any syntactically right name may be that of a taint; only labels are reserved.
    let plain_name = key.rsplit('/').next().unwrap_or_default();
    let key_is_right = label::name_problem(plain_name).is_none()
        && key.rsplit_once('/').is_none_or(|(prefix, _)| {
            label::name_problem(&format!("{prefix}.example.com/a")).is_none()
        });
    let reason = if !key_is_right {
        format!("`{key}` cannot be the key of a taint")
    } else if let Some(problem) = label::value_problem(value) {
        format!("the value of taint `{key}` is wrong: {problem}")
    } else if !EFFECTS.contains(&effect) {
        let near = crate::nearest::nearest(effect, &EFFECTS)
            .map_or_else(String::new, |near| format!("; did you mean `{near}`?"));
        let what = if effect.is_empty() {
            format!("taint `{key}` has no effect after a `:`")
        } else {
            format!("`{effect}` of taint `{key}` is no effect")
        };
        format!("{what}; there are `NoSchedule`, `PreferNoSchedule` and `NoExecute`{near}")
    } else {
        return None;
    };
    Some(format!("holds a taint that the kubelet refuses: {reason}"))
}
