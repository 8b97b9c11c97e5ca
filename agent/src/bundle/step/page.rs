//! The page of the steps, `docs/reference/bundle.md`: written from the registry, so that it cannot differ from it.

use std::fmt::Write as _;

use super::{DIRECTORIES, DOCUMENTS, all};
use crate::generated;
use crate::host::root::Root;

fn page() -> String {
    let mut page = "# What is in a bundle

This page is generated from the registry of steps; `UPDATE=1 make unit` writes it.

`nodeagent collect` and `/v1/bundle` give the same `tar.gz`. `report.json`, its last file, says what became of each step
(`ok`, `skipped`, `failed`, with the reason) and how long it took. The files of all steps together are at most 32 MiB.

| file | from | at most | within |
|---|---|---|---|
"
    .to_owned();
    // On a node without a folder none of its documents has a step.
    let directory = tempfile::tempdir().unwrap();
    for step in all(&Root::new(directory.path())) {
        let kibibytes = step.bytes / 1024;
        let seconds = step.deadline.as_secs();
        writeln!(
            page,
            "| `{}` | {} | {kibibytes} KiB | {seconds} s |",
            step.name, step.how
        )
        .unwrap();
    }
    for (below, directory) in DIRECTORIES {
        writeln!(
            page,
            "| `{below}/…` | {directory}, {DOCUMENTS} documents | 512 KiB each | 5 s each |"
        )
        .unwrap();
    }
    page.push_str(
        "
Secrets are masked before anything is written, and there is no way to leave that out: in documents and logs the values
of names such as `password`, `token` and `client-key-data`, and everywhere tokens, signatures and the user part of URLs.
What is behind a `#` in a document is left out. Of files of variables there are the names. User data, private keys and the
contents of pods are not in it.
",
    );
    page
}

#[test]
fn the_checked_in_page_of_the_steps_is_the_one_of_the_registry() {
    generated::is_current("docs/reference/bundle.md", &page());
}
