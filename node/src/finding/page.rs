//! The page of the catalogue, `docs/reference/findings.md`: written from the entries, so that it cannot differ from them.

use std::fmt::Write as _;

use super::{Condition, Finding, Severity, catalogue};
use crate::generated;

const HEAD: &str = "# Findings

This page is generated from the catalogue that the agent and `nodectl explain CODE` use; `UPDATE=1 make unit` writes
it. A code is the same everywhere: verdict, console, journal, endpoint, metric and Node. It is never renamed or reused.

`fatal` keeps a node from joining or from running pods, `warning` will hurt sooner or later, `info` is worth knowing. The
evidence is with each finding on the node itself: the lines as they were seen, with what they came from. Words in capitals
stand for what the node fills in where it knows it. Which fault gives which code: [faults.md](faults.md); by what each is
seen, and what the daemon looks at: [checks.md](checks.md).

`Repair` says of a fatal finding whether the machine is to be replaced for it: with `report.conditions: eks` only these
turn one of the conditions False that EKS auto repair reads, and only while nothing else that is open explains them.
";

/// What the codes that begin so are about.
fn about(area: &str) -> &'static str {
    match area {
        "aws" => "AWS",
        "bootstrap" => "Before the daemons start",
        "cni" => "The pod network's plug-in",
        "daemon" => "The agent itself",
        "gpu" => "GPUs and other accelerators",
        "image" => "Images",
        "join" => "The cluster and this node",
        "kernel" => "The kernel",
        "kubelet" => "The kubelet",
        "network" => "The network, and the way to the API server",
        "node" => "The node as a whole",
        "runtime" => "containerd",
        "ssm" => "Systems Manager",
        "storage" => "Disks and file systems",
        "time" => "Clocks and certificates",
        _ => "",
    }
}

fn condition(condition: Condition) -> &'static str {
    match condition {
        Condition::Kernel => "kernel",
        Condition::Networking => "networking",
        Condition::Storage => "storage",
        Condition::ContainerRuntime => "container runtime",
        Condition::AcceleratedHardware => "accelerated hardware",
    }
}

/// Text in which nothing is taken for markup.
fn plain(text: &str) -> String {
    text.replace('<', "&lt;").replace('*', "\\*")
}

fn page() -> String {
    let mut areas: Vec<(&str, Vec<&Finding>)> = Vec::new();
    for finding in catalogue() {
        let area = finding.code.split_once('.').unwrap().0;
        match areas.iter_mut().find(|(name, _)| *name == area) {
            Some((_, findings)) => findings.push(finding),
            None => areas.push((area, vec![finding])),
        }
    }
    let mut page = HEAD.to_owned();
    let count = |severity| {
        let of = catalogue().filter(|finding| finding.severity == severity);
        of.count()
    };
    writeln!(
        page,
        "\n{} findings: {} fatal, {} warning, {} info.",
        catalogue().count(),
        count(Severity::Fatal),
        count(Severity::Warning),
        count(Severity::Info)
    )
    .unwrap();
    for (area, findings) in &areas {
        let about = about(area);
        assert!(!about.is_empty(), "say in `about` what `{area}` means");
        writeln!(page, "\n## {about} (`{area}`)").unwrap();
        for finding in findings {
            let counts = finding.condition.map_or_else(String::new, |of| {
                format!("; counts against the node's {}", condition(of))
            });
            let repair = finding.repair().map_or_else(String::new, |repair| {
                let word = if repair.is_wanted { "yes" } else { "no" };
                format!("- Repair: {word}, {}\n", plain(repair.why))
            });
            write!(
                page,
                "\n### {}\n\n{}\n\n- Severity: {}{counts}\n- Cause: {}\n- Fix: {}\n{repair}",
                finding.code,
                plain(finding.title),
                finding.severity.as_str(),
                plain(finding.cause),
                plain(finding.fix)
            )
            .unwrap();
        }
    }
    page
}

#[test]
fn the_checked_in_page_is_that_of_the_catalogue() {
    generated::is_current("docs/reference/findings.md", &page());
}
