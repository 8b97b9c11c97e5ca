//! Mutated user data through everything that looks at it before a plan is made: nothing may panic, take long, or grow.
//!
//! A short look on every run of the tests; `node/fuzz` has the target that a coverage-guided fuzzer runs for long.

use std::fs;
use std::path::{Path, PathBuf};

use super::{Source, check, decode, excerpt, explain, merge, user_data};
use crate::mutation::Mutator;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

/// Pieces that mean something to one of the readers.
const PIECES: [&str; 40] = [
    "\n",
    " ",
    "  ",
    "\t",
    "\r\n",
    ": ",
    "- ",
    "&a ",
    "*a",
    "<<: ",
    "{",
    "}",
    "[",
    "]",
    ",",
    "'",
    "\"",
    "|",
    ">-",
    "#",
    "---\n",
    "...\n",
    "!!str ",
    "!!int ",
    "%TAG ",
    "? ",
    "0644",
    ".inf",
    "~",
    "--B\n",
    "--B--\n",
    "Content-Type: multipart/mixed; boundary=B\n\n",
    "Content-Transfer-Encoding: base64\n",
    "Content-Type: application/node.eks.aws\n\n",
    "spec:",
    "flags:",
    "environment:",
    "config:",
    "\u{e9}",
    "\u{0}",
];

/// User data of every case that is checked in, and some that no producer writes.
fn seeds() -> Vec<Vec<u8>> {
    fn collect(folder: &Path, seeds: &mut Vec<Vec<u8>>) {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                collect(&path, seeds);
            } else if path.file_stem().is_some_and(|name| name == "user-data") {
                seeds.push(fs::read(&path).unwrap());
            }
        }
    }
    let mut seeds = vec![
        b"a: &a [x, {b: *a}]\n<<: {c: !!int '5'}\nd: |\n  e\n".to_vec(),
        b"Content-Type: multipart/mixed; boundary=B\n\n--B\nContent-Type: multipart/mixed; boundary=C\n\n--C\nContent-Type: application/nodectl.dev\n\napiVersion: nodectl.dev/v1alpha1\nkind: AgentConfig\nspec: {labels: {a: ami-id}, deadlines: {registered: 5m}}\n--C--\n--B\nContent-Type: application/node.eks.aws\n\n{\"apiVersion\": \"node.eks.aws/v1alpha1\", \"kind\": \"NodeConfig\", \"spec\": {\"containerd\": {\"config\": \"[a]\\nb = 1\"}, \"kubelet\": {\"maxPodsExpression\": \"max_pods - 1\"}}}\n--B--\n".to_vec(),
    ];
    collect(
        &PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../tests/cases"),
        &mut seeds,
    );
    seeds
}

fn look_at(bytes: &[u8]) {
    let Ok(data) = user_data::split(bytes) else {
        return;
    };
    let mut trees = Vec::new();
    for (index, document) in data.documents.iter().enumerate() {
        let (source, problems) = decode::read(document, index);
        for problem in &problems {
            excerpt::render(problem, &data.documents);
        }
        if let Some(Source::NodeConfig(tree)) = source {
            trees.push(tree);
        }
    }
    let Ok(tree) = merge::merge(&trees) else {
        return;
    };
    // A tree that was read is one that the types hold, whatever is wrong with it.
    let config = merge::node_config(&tree).unwrap();
    for problem in check::all(&config, &tree, &data.documents) {
        excerpt::render(&problem, &data.documents);
    }
    let parts: Vec<_> = trees.iter().collect();
    explain(&tree, &parts);
}

#[test]
fn mutated_user_data_is_understood_or_refused() {
    let mut mutator = Mutator::new(seeds(), &PIECES);
    mutator.try_all(
        |mutator| {
            let bytes = mutator.input();
            match mutator.number(10) {
                0 => STANDARD.encode(&bytes).into_bytes(),
                _ => bytes,
            }
        },
        look_at,
    );
}
