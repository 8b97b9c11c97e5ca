//! What must be so after a step, held against what is.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::process::Output;

use serde_json::Value;

use super::case::{Expect, Step};
use super::machine::{Machine, fill_in};

/// The kubelet's flags are one variable of this file.
const ENVIRONMENT: &str = "etc/eks/kubelet/environment";
const ABSENT: &str = "(absent)";

/// Everything that is not as the step says.
pub(crate) fn problems(step: &Step, machine: &Machine, output: &Output) -> Vec<String> {
    let expect = &step.case.expect;
    let mut problems = Vec::new();
    let stderr = String::from_utf8_lossy(&output.stderr);
    let stdout = String::from_utf8_lossy(&output.stdout);
    let mut streams_differ = false;
    if output.status.code() != Some(step.case.run.exit) {
        problems.push(format!(
            "exit code {:?}, not {}",
            output.status.code(),
            step.case.run.exit
        ));
        streams_differ = true;
    }
    let mut contained = |stream: &str, name: &str, texts: &[String]| {
        for text in texts.iter().filter(|text| !stream.contains(text.as_str())) {
            problems.push(format!("standard {name} does not say `{text}`"));
            streams_differ = true;
        }
    };
    contained(&stderr, "error", &expect.stderr);
    contained(&stdout, "output", &expect.stdout);
    for text in &expect.silent_about {
        if stderr.contains(text.as_str()) || stdout.contains(text.as_str()) {
            problems.push(format!("it says `{text}`"));
            streams_differ = true;
        }
    }
    if !expect.stdout_json.is_empty() {
        match serde_json::from_str(&stdout) {
            Ok(tree) => pointers("standard output", &tree, &expect.stdout_json, &mut problems),
            Err(error) => problems.push(format!("standard output is no JSON: {error}")),
        }
        streams_differ |= !problems.is_empty();
    }
    if step.case.run.is_init() {
        verdict(expect, machine, &mut problems);
    }
    files(expect, machine, &mut problems);
    flags(expect, machine, &mut problems);
    whole_files(step, machine, &mut problems);
    if streams_differ {
        problems.push(format!("standard error:\n{}", stderr.trim_end()));
        problems.push(format!("standard output:\n{}", stdout.trim_end()));
    }
    problems
}

fn verdict(expect: &Expect, machine: &Machine, problems: &mut Vec<String>) {
    // A run that does not get as far as a phase has no verdict, and nothing to tell in it.
    let (code, mut warnings) = machine.verdict().map_or_else(Default::default, |verdict| {
        (verdict.root_cause.map(|cause| cause.code), verdict.warnings)
    });
    if code != expect.code {
        problems.push(format!(
            "the verdict's code is {code:?}, not {:?}",
            expect.code
        ));
    }
    for text in &expect.warnings {
        match warnings
            .iter()
            .position(|warning| warning.contains(text.as_str()))
        {
            Some(index) => drop(warnings.remove(index)),
            None => problems.push(format!("no warning says `{text}`; there are {warnings:#?}")),
        }
    }
    if !warnings.is_empty() {
        problems.push(format!("warnings that were not expected: {warnings:#?}"));
    }
}

fn files(expect: &Expect, machine: &Machine, problems: &mut Vec<String>) {
    for path in &expect.absent {
        if machine.path(path).symlink_metadata().is_ok() {
            problems.push(format!("`{path}` is there"));
        }
    }
    for (path, wanted) in &expect.json {
        match read(machine, path).and_then(|text| {
            serde_json::from_str(&text).map_err(|error| format!("`{path}` is no JSON: {error}"))
        }) {
            Ok(tree) => pointers(path, &tree, wanted, problems),
            Err(problem) => problems.push(problem),
        }
    }
    for (path, wanted) in &expect.toml {
        match read(machine, path).and_then(|text| {
            let table = node::config::merge::parse_toml(&text)
                .map_err(|error| format!("`{path}`: {error}"))?;
            serde_json::to_value(table).map_err(|error| format!("`{path}`: {error}"))
        }) {
            Ok(tree) => pointers(path, &tree, wanted, problems),
            Err(problem) => problems.push(problem),
        }
    }
    for (path, wanted) in &expect.lines {
        match read(machine, path) {
            Ok(text) => {
                for line in wanted {
                    let line = fill_in(line);
                    if !text.lines().any(|candidate| candidate.trim() == line) {
                        problems.push(format!("`{path}` has no line `{line}`:\n{text}"));
                    }
                }
            }
            Err(problem) => problems.push(problem),
        }
    }
    for (path, wanted) in &expect.modes {
        match machine.path(path).symlink_metadata() {
            Ok(metadata) => {
                let mode = format!("{:04o}", metadata.permissions().mode() & 0o7777);
                if mode != *wanted {
                    problems.push(format!("`{path}` has mode {mode}, not {wanted}"));
                }
            }
            Err(error) => problems.push(format!("`{path}`: {error}")),
        }
    }
}

fn read(machine: &Machine, path: &str) -> Result<String, String> {
    fs::read_to_string(machine.path(path)).map_err(|error| format!("`{path}`: {error}"))
}

fn pointers(
    name: &str,
    tree: &Value,
    wanted: &std::collections::BTreeMap<String, Value>,
    problems: &mut Vec<String>,
) {
    for (pointer, wanted) in wanted {
        let wanted = (wanted.as_str() != Some(ABSENT)).then(|| filled_in(wanted));
        let found = tree.pointer(pointer);
        if found != wanted.as_ref() {
            let show = |value: Option<&Value>| {
                value.map_or_else(|| "nothing".to_owned(), ToString::to_string)
            };
            problems.push(format!(
                "`{name}` has {} at `{pointer}`, not {}",
                show(found),
                show(wanted.as_ref())
            ));
        }
    }
}

fn filled_in(value: &Value) -> Value {
    match value {
        Value::String(text) => Value::String(fill_in(text)),
        other => other.clone(),
    }
}

fn flags(expect: &Expect, machine: &Machine, problems: &mut Vec<String>) {
    let asked = expect.flags.len() + expect.last_flags.len() + expect.no_flags.len();
    if asked == 0 {
        return;
    }
    let text = match read(machine, ENVIRONMENT) {
        Ok(text) => text,
        Err(problem) => return problems.push(problem),
    };
    let line = text
        .lines()
        .find_map(|line| line.strip_prefix("NODEADM_KUBELET_ARGS="));
    let flags: Vec<&str> = line.unwrap_or_default().split_ascii_whitespace().collect();
    for flag in &expect.flags {
        if !flags.contains(&flag.as_str()) {
            problems.push(format!("the kubelet has no flag `{flag}`: {flags:#?}"));
        }
    }
    if !flags.ends_with(
        &expect
            .last_flags
            .iter()
            .map(String::as_str)
            .collect::<Vec<_>>(),
    ) {
        problems.push(format!(
            "the kubelet's flags do not end with {:?}: {flags:#?}",
            expect.last_flags
        ));
    }
    for beginning in &expect.no_flags {
        if let Some(flag) = flags.iter().find(|flag| flag.starts_with(beginning)) {
            problems.push(format!("the kubelet has the flag `{flag}`"));
        }
    }
}

/// Compares the files below `expected/`, or writes them when `UPDATE` is set.
fn whole_files(step: &Step, machine: &Machine, problems: &mut Vec<String>) {
    let folder = step.expected();
    if !folder.is_dir() {
        return;
    }
    let mut expected = std::collections::BTreeMap::new();
    super::machine::collect(&folder, &folder, &mut expected);
    if expected.is_empty() {
        problems.push("`expected/` is empty".to_owned());
    }
    for (path, expected) in expected {
        let made = match fs::read(machine.path(&path)) {
            Ok(made) => made,
            Err(error) => {
                problems.push(format!("`{path}`: {error}"));
                continue;
            }
        };
        if made == expected {
            continue;
        }
        if std::env::var_os("UPDATE").is_some() {
            fs::write(folder.join(&path), made).unwrap();
            continue;
        }
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        problems.push(format!(
            "`{path}` differs (- expected, + made):\n{}",
            difference(&text(&expected), &text(&made))
        ));
    }
}

/// The lines that only one of two texts has, in their order, by their longest common subsequence.
fn difference(left: &str, right: &str) -> String {
    let (left, right): (Vec<&str>, Vec<&str>) =
        (left.split('\n').collect(), right.split('\n').collect());
    let width = right.len() + 1;
    let mut common = vec![0_usize; (left.len() + 1) * width];
    for row in (0..left.len()).rev() {
        for column in (0..right.len()).rev() {
            common[row * width + column] = if left[row] == right[column] {
                common[(row + 1) * width + column + 1] + 1
            } else {
                common[(row + 1) * width + column].max(common[row * width + column + 1])
            };
        }
    }
    let (mut row, mut column, mut lines) = (0, 0, Vec::new());
    while row < left.len() || column < right.len() {
        if row < left.len() && column < right.len() && left[row] == right[column] {
            (row, column) = (row + 1, column + 1);
        } else if column == right.len()
            || row < left.len()
                && common[(row + 1) * width + column] >= common[row * width + column + 1]
        {
            lines.push(format!("-{}", left[row]));
            row += 1;
        } else {
            lines.push(format!("+{}", right[column]));
            column += 1;
        }
    }
    lines.join("\n")
}

#[test]
fn a_difference_shows_the_lines_of_one_side_only() {
    assert_eq!(difference("a\nb\nc", "a\nx\nc\nd"), "-b\n+x\n+d");
    assert_eq!(difference("a", "a"), "");
}
