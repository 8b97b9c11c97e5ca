//! The page of the matrix, and what of it can go out of date.

use std::fmt::Write as _;
use std::path::PathBuf;

use lab::{cluster, file};

use super::{Told, row::Row};

const HEAD: &str = "# Faults and what a node says of them

This page is generated: `UPDATE=1 make faults` makes each of these faults in the lab, each on a machine of its own with a
real systemd, containerd and kubelet, in front of a real API server with the real authenticator, and writes down what the
machine's console says, as far back as EC2 returns it. The time is that from the launch of the machine to this verdict, of
one run in which several machines share two cores.

`failed` is the last word of a boot. `waiting` means that the agent has said what is in the way and that the boot goes on until
its deadline, ten minutes by default; in three rows `deadlines.registered` is 20 s, so that the last word is heard. `joined`
with no code: the fault was overcome; with a code: the node works, and its daemon says what does not (`nodeagent status`,
`nodectl status`). `recovers` is how soon the node joined by itself after the fault was taken away while it
waited; `-` where the fault is in what the machine is told or made of, so that it takes a new boot or a hand. What each code means and what to do about it: `nodectl explain CODE`.

";

fn path() -> PathBuf {
    cluster::repository().join("docs/reference/faults.md")
}

/// A row of the table without its time.
fn line(row: &Row) -> String {
    let code = row
        .code
        .or(row.finding)
        .map_or_else(|| "none".to_owned(), |code| format!("`{code}`"));
    format!("| {} | {} | {code} |", row.fault, row.end.as_str())
}

/// How a node has recovered, for people.
pub(super) fn recovered(told: &Told) -> String {
    told.recovered
        .map_or_else(|| "-".to_owned(), |seconds| format!("in {seconds:.1} s"))
}

/// Writes the page.
pub(super) fn write(results: &[(Row, Told)], median: f64, maximum: f64) {
    let mut page = HEAD.to_owned();
    writeln!(
        page,
        "{} faults; time to verdict: median {median:.1} s, maximum {maximum:.1} s.\n",
        results.len()
    )
    .unwrap();
    page.push_str(
        "| fault | outcome | code | time to verdict | recovers |\n|---|---|---|---|---|\n",
    );
    for (row, told) in results {
        let recovered = recovered(told);
        writeln!(page, "{} {:.1} s | {recovered} |", line(row), told.seconds).unwrap();
    }
    file::write(&path(), page).unwrap();
}

/// The lines that the page should have and has not, and those that it has and should not have.
pub(super) fn drift(rows: &[Row]) -> Vec<String> {
    let page = file::read(&path()).unwrap();
    let written: Vec<String> = page
        .lines()
        .filter_map(|line| line.strip_suffix(" |")?.rsplit_once(" | "))
        .filter_map(|(line, recovered)| {
            let (line, _time) = line.strip_suffix(" s")?.rsplit_once(" | ")?;
            Some(format!("{line} | {}", recovered.get(..1)?))
        })
        .collect();
    let recovers = |row: &Row| if row.lift.is_some() { "i" } else { "-" };
    let wanted: Vec<String> = rows
        .iter()
        .map(|row| format!("{} {}", line(row), recovers(row)))
        .collect();
    let missing = wanted.iter().filter(|line| !written.contains(line));
    let stale = written.iter().filter(|line| !wanted.contains(line));
    missing
        .map(|line| format!("missing: {line}"))
        .chain(stale.map(|line| format!("stale: {line}")))
        .collect()
}
