//! Who sees each finding of the catalogue, `docs/reference/checks.md`: written from the rules, from the probes and from what the
//! program itself says, so that a finding that nobody raises does not go unnoticed.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use node::finding::{Finding, by_code, catalogue};
use node::rule::{self, Detect};

use super::table;
use crate::generated;

/// Findings that nothing raises on a node yet, and why.
const NOT_HERE: &[(&str, &str)] = &[
    (
        "aws.cluster_tag_missing",
        "EC2 shows an instance no tag whose key has a slash, so that its absence proves nothing; EC2 itself has to be asked.",
    ),
    (
        "aws.imds_hop_limit",
        "only a process in the network of a pod sees it, and the agent is none; EC2 has to be asked for the option.",
    ),
    (
        "runtime.port_taken",
        "whose a listening socket is shows in the descriptors of another process only, which the agent does not read; the add-on's own log names the port.",
    ),
    (
        "storage.ebs_throttled",
        "the counters are in a log page of NVMe that takes an ioctl with a pointer, which safe Rust does not have, and not every image has a program that prints them (`nvme amzn stats`).",
    ),
];

/// Where the boot of the node is: what its code names, it says in the verdict.
const BOOT: [&str; 7] = [
    "apply", "boot", "facts", "join", "plan", "source", "cli/init",
];

const HEAD: &str = "# What is looked at

This page is generated from the rules, the probes and the program; `UPDATE=1 make unit` writes it. The findings
themselves, with cause and fix: [findings.md](findings.md).

## Probes

What no log tells is looked at by the daemon, again and again. Each probe has a deadline of five seconds and holds up no
other; what is not there on a node is not looked at. While something is wrong, some look more often. One that has
not come to its end for three of its periods is `[-]` in `/healthz?verbose`, with its age: `nodeagent status` and
`/livez` do not depend on it.

| Probe | Every | While something is wrong | Looks at | Tells |
|---|---|---|---|---|
";

/// What is seen of one finding, and how.
#[derive(Debug, Default)]
struct Seen {
    /// Units and other sources of lines.
    lines: BTreeSet<&'static str>,
    /// Units whose state or restarts count.
    units: BTreeSet<&'static str>,
    /// A look of its own, of the SSM agent's or at the serving certificate.
    is_checked: bool,
    /// Its rule takes the word of a probe.
    is_probed: bool,
    probes: Vec<&'static str>,
    is_of_boot: bool,
}

impl Seen {
    fn is_nothing(&self) -> bool {
        let Self {
            lines,
            units,
            is_checked,
            probes,
            is_of_boot,
            ..
        } = self;
        lines.is_empty() && units.is_empty() && probes.is_empty() && !is_checked && !is_of_boot
    }

    fn told(&self) -> String {
        let quoted = |names: &BTreeSet<&str>| {
            let quoted: Vec<String> = names.iter().map(|name| format!("`{name}`")).collect();
            quoted.join(", ")
        };
        let mut parts = Vec::new();
        if !self.lines.is_empty() {
            parts.push(format!("lines of {}", quoted(&self.lines)));
        }
        if !self.units.is_empty() {
            parts.push(format!("state of {}", quoted(&self.units)));
        }
        parts.extend(self.is_checked.then(|| "a check of its own".to_owned()));
        parts.extend(self.probes.iter().map(|name| format!("probe `{name}`")));
        parts.extend(self.is_of_boot.then(|| "the boot".to_owned()));
        parts.join("; ")
    }
}

fn seen() -> BTreeMap<&'static str, Seen> {
    let mut all: BTreeMap<&str, Seen> = catalogue()
        .map(|finding| (finding.code, Seen::default()))
        .collect();
    for rule in rule::all() {
        let seen = all.get_mut(rule.finding.code).unwrap();
        for detect in rule.detect {
            match detect {
                Detect::Line(pattern) if pattern.units.is_empty() => {
                    seen.lines.insert("systemd");
                }
                Detect::Line(pattern) => seen.lines.extend(pattern.units),
                Detect::Restarted(unit) | Detect::NotActive(unit) => {
                    seen.units.insert(unit);
                }
                Detect::Missing(_) => seen.is_checked = true,
                Detect::Probe => seen.is_probed = true,
            }
        }
    }
    for probe in table::ALL {
        for finding in probe.findings {
            all.get_mut(finding.code).unwrap().probes.push(probe.name);
        }
    }
    let boot = code_of_boot();
    for (code, seen) in &mut all {
        seen.is_of_boot = is_named(&boot, code);
    }
    all
}

/// Whether the constant of this finding is used: `join.unauthorized` is `finding::JOIN_UNAUTHORIZED`.
fn is_named(code: &str, finding: &str) -> bool {
    let name = format!("finding::{}", finding.replace('.', "_").to_uppercase());
    let is_end = |rest: &str| !rest.starts_with(|next: char| next == '_' || next.is_alphanumeric());
    code.split(&name).skip(1).any(is_end)
}

/// The code that runs in a boot, without its tests: its own modules, and the probes that they use.
fn code_of_boot() -> String {
    let source = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut code = String::new();
    for part in BOOT {
        let path = source.join(part);
        if path.is_dir() {
            code.push_str(&without_tests(&path.with_extension("rs")));
        }
        add(&path, &mut code);
    }
    for name in files(&source.join("probe")) {
        let module = name.file_stem().unwrap().to_str().unwrap();
        if code.contains(&format!(" {module}::")) || code.contains(&format!("({module}::")) {
            add(&name, &mut code);
        }
    }
    code
}

fn add(path: &Path, code: &mut String) {
    if path.is_dir() {
        for path in files(path) {
            add(&path, code);
        }
    } else if path.file_name().is_some_and(|name| name != "tests.rs") {
        code.push_str(&without_tests(path));
    }
}

fn files(directory: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(directory).unwrap();
    let mut files: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
    files.sort();
    files
}

fn without_tests(path: &Path) -> String {
    let text = std::fs::read_to_string(path).unwrap_or_default();
    let code = text.split("#[cfg(test)]\nmod tests").next();
    code.unwrap_or_default().to_owned()
}

#[test]
fn every_finding_is_raised_by_something_or_it_is_said_why_not() {
    let all = seen();
    for (code, seen) in &all {
        let why_not = NOT_HERE.iter().find(|(known, _)| known == code);
        assert_eq!(
            seen.is_nothing(),
            why_not.is_some(),
            "`{code}` is seen by: {seen:?}; it is to be raised by a rule, a probe or the boot, or to stand in NOT_HERE"
        );
        assert!(
            seen.probes.is_empty() || seen.is_probed,
            "a probe tells `{code}`, and no rule listens to it"
        );
    }
    for (code, why) in NOT_HERE {
        assert!(by_code(code).is_some(), "`{code}` is in no catalogue");
        assert!(why.ends_with('.'), "{code}");
    }
}

#[test]
fn every_probe_has_a_name_of_its_own_and_a_rhythm() {
    let names: BTreeSet<&str> = table::ALL.iter().map(|probe| probe.name).collect();
    assert_eq!(names.len(), table::ALL.len());
    for probe in table::ALL {
        assert!(probe.again <= probe.period, "{}", probe.name);
        assert!(!probe.findings.is_empty() && !probe.looks_at.is_empty());
    }
}

#[test]
fn what_the_boot_names_is_told_from_what_it_does_not() {
    let boot = code_of_boot();
    assert!(is_named(&boot, "join.groups_missing"));
    assert!(!is_named(&boot, "network.allowance_exceeded"));
    assert!(!is_named("finding::GPU_XID_FATAL", "gpu.xid"));
}

fn page() -> String {
    let mut page = HEAD.to_owned();
    let codes = |findings: &[&Finding]| {
        let codes: Vec<String> = findings
            .iter()
            .map(|finding| format!("`{}`", finding.code))
            .collect();
        codes.join(", ")
    };
    let time = |time: std::time::Duration| match time.as_secs() {
        seconds if seconds < 120 => format!("{seconds} s"),
        seconds if seconds < 7200 => format!("{} min", seconds / 60),
        seconds => format!("{} h", seconds / 3600),
    };
    for probe in table::ALL {
        let again = if probe.again == probe.period {
            String::new()
        } else {
            time(probe.again)
        };
        writeln!(
            page,
            "| {} | {} | {again} | {} | {} |",
            probe.name,
            time(probe.period),
            probe.looks_at,
            codes(probe.findings)
        )
        .unwrap();
    }
    page.push_str(
        "\n## Findings\n\nA line of a log, the state of a unit, a probe of the daemon, or the boot itself: `init`, which looks at\neverything that a join depends on, says it in the verdict. What is known of the boot only is not looked at again by\nthe daemon: it asks AWS, and changes when somebody changes it; a node that registers then completes its verdict.\n\n| Finding | Seen by |\n|---|---|\n",
    );
    for finding in catalogue() {
        let seen = &seen()[finding.code];
        if !seen.is_nothing() {
            writeln!(page, "| `{}` | {} |", finding.code, seen.told()).unwrap();
        }
    }
    page.push_str("\n## Not on this platform\n\n| Finding | Why |\n|---|---|\n");
    for (code, why) in NOT_HERE {
        writeln!(page, "| `{code}` | {why} |").unwrap();
    }
    page
}

#[test]
fn the_checked_in_page_is_that_of_the_code() {
    generated::is_current("docs/reference/checks.md", &page());
}
