//! `nodeagent scan`: the rules tried on any log. Neither the daemon nor root is needed, and the log may be of another node.

mod json_lines;

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use clap::{Args, ValueEnum};
use jiff::Timestamp;
use node::rule::RuleSet;
use node::scan::{Raised, Scan};
use node::wire::{API_VERSION, OpenFinding};
use serde::Serialize;

use crate::host::blocks::Blocks;
use crate::host::{path, root};
use crate::source::rules::RuleFiles;

use super::finding::{graded, times};
use super::{Context, Exit, output};

/// Options of `scan`.
#[derive(Debug, Args)]
pub(super) struct Options {
    /// Logs: what journalctl (any output that has a time), dmesg, syslog, the kubelet, containerd or the VPC CNI write; `-`
    /// is standard input
    #[arg(value_name = "FILE", default_value = "-")]
    files: Vec<String>,
    /// Whose lines those are that do not say it: `kubelet`, `containerd`, `kernel`, `ipamd`, or any other unit
    #[arg(short, long, value_name = "UNIT")]
    unit: Option<String>,
    /// Output format
    #[arg(short, long, value_enum, default_value_t = Format::Text)]
    output: Format,
    /// Read an object of JSON a line, `{"id","unit","line"}`, each id a log of its own, and print `{"id","codes":[…]}` for
    /// each id
    #[arg(long, conflicts_with_all = ["unit", "output"])]
    json_lines: bool,
    /// Directory of rules of your own, beside those of the program; by default that of this node, `/etc/nodeagent/rules.d`
    #[arg(long, value_name = "DIR")]
    rules: Option<PathBuf>,
}

/// Output formats.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    /// A page for people.
    Text,
    /// A document with all findings.
    Json,
}

/// The document.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Document<'a> {
    api_version: &'static str,
    kind: &'static str,
    /// Findings that are open at the end of the log, root causes first.
    open: &'a [OpenFinding],
    /// Findings that were taken back.
    cleared: &'a [OpenFinding],
    /// Lines that might have said something and of which nobody knows whose they are.
    unknown_lines: u64,
}

pub(super) fn run(context: &Context, options: &Options) -> Exit {
    let Some(rules) = rules(context, options.rules.as_deref()) else {
        return Exit::Failed;
    };
    let ran = if options.json_lines {
        json_lines::run(&options.files, &rules)
    } else {
        scan(options, &rules)
    };
    match ran {
        Ok(exit) => exit,
        Err(error) => {
            output::error(&node::chain::Chain(&error).to_string(), None);
            Exit::Failed
        }
    }
}

/// The rules that are tried; none when those that somebody asked for are wrong.
fn rules(context: &Context, asked: Option<&Path>) -> Option<Arc<RuleSet>> {
    let root = asked.map_or_else(
        || context.root.clone(),
        |path| super::config::root_of(context, path),
    );
    let path = asked.map_or_else(|| path::RULES.into(), Path::to_string_lossy);
    let read = RuleFiles::default().read(&root, &path);
    let told = read.told();
    for problem in &told {
        if asked.is_some() {
            output::error(problem, None);
        } else {
            output::warning(problem);
        }
    }
    if asked.is_some() && read.rules.is_empty() && told.is_empty() {
        output::error(&format!("there are no rules in `{path}`"), None);
        return None;
    }
    if asked.is_some() && !told.is_empty() {
        return None;
    }
    Some(Arc::new(RuleSet::new(&read.rules, &BTreeSet::new())))
}

fn scan(options: &Options, rules: &Arc<RuleSet>) -> Result<Exit, root::Error> {
    let mut scan = Scan::with(Arc::clone(rules), Timestamp::now());
    for file in &options.files {
        let mut log = Blocks::open(file)?;
        while let Some(block) = log.next_block()? {
            scan.block(block, options.unit.as_deref());
        }
    }
    let raised = scan.finish();
    output::data(&match options.output {
        Format::Text => text(&raised),
        Format::Json => json(&raised),
    });
    if raised.unknown > 0 {
        output::warning(&format!(
            "{} lines do not say whose they are and were passed over; `--unit` says it for them",
            raised.unknown
        ));
    }
    Ok(Exit::Ok)
}

fn json(raised: &Raised) -> String {
    let document = Document {
        api_version: API_VERSION,
        kind: "Scan",
        open: &raised.open,
        cleared: &raised.cleared,
        unknown_lines: raised.unknown,
    };
    serde_json::to_string_pretty(&document).unwrap_or_default()
}

fn text(raised: &Raised) -> String {
    let mut page = String::new();
    for finding in &raised.open {
        write(&mut page, finding, "open at the end");
    }
    for finding in &raised.cleared {
        write(&mut page, finding, "recovered");
    }
    if page.is_empty() {
        page.push_str("no finding\n");
    }
    page
}

fn write(page: &mut String, finding: &OpenFinding, state: &str) {
    let because = finding
        .explained_by
        .as_ref()
        .map_or_else(String::new, |cause| format!(", because of {cause}"));
    let mut line = |text: &str| writeln!(page, "{text}").unwrap_or_default();
    line(&graded(finding));
    line(&format!(
        "    {}, {:.0} to {:.0}; {state}{because}",
        times(finding.count),
        finding.first_seen,
        finding.last_seen
    ));
    for words in &finding.evidence {
        line(&format!("    | {words}"));
    }
    line(&format!("    fix: {}", finding.fix));
}

#[cfg(test)]
mod tests {
    use crate::host::environment::Environment;
    use crate::host::root::Root;

    use super::*;

    #[test]
    fn the_page_says_what_when_how_often_and_what_to_do() {
        let mut scan = Scan::new("2026-01-02T12:00:00Z".parse().unwrap());
        scan.block(
            br#"Jan  2 03:04:06 host kubelet[1]: E0102 03:04:06.000000       1 kubelet_node_status.go:107] "Unable to register node with API server" err="Unauthorized" node="a"
"#,
            None,
        );
        insta::assert_snapshot!(text(&scan.finish()));
        assert_eq!(
            text(&Scan::new(Timestamp::UNIX_EPOCH).finish()),
            "no finding\n"
        );
    }

    #[test]
    fn rules_of_the_node_or_of_a_directory_are_tried_too() {
        let directory = tempfile::tempdir().unwrap();
        let root = Root::new(directory.path());
        let context = Context {
            name: crate::cli::Name::Nodeagent,
            root: root.clone(),
            environment: Environment::read(|_| None),
        };
        let own = |asked: Option<&str>| {
            let rules = rules(&context, asked.map(Path::new));
            rules.map(|rules| rules.user().count())
        };
        assert_eq!((own(None), own(Some("/r"))), (Some(0), None));
        let example = include_str!("../../../examples/rules/security-sensor.yaml");
        for path in ["/etc/nodeagent/rules.d/a.yaml", "/r/a.yaml"] {
            root.write(path, example.as_bytes(), 0o644).unwrap();
        }
        assert_eq!((own(None), own(Some("/r"))), (Some(1), Some(1)));
        // What somebody asks for must be right; what lies there does not keep a log from being read.
        for path in ["/etc/nodeagent/rules.d/b.yaml", "/r/b.yaml"] {
            root.write(path, b"]", 0o644).unwrap();
        }
        assert_eq!((own(None), own(Some("/r"))), (Some(1), None));
    }
}
