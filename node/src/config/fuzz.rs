//! Mutated user data through everything that looks at it before a plan is made: nothing may panic, take long, or grow.
//!
//! A short look on every run of the tests; `node/fuzz` has the target that a coverage-guided fuzzer runs for long.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use super::{Source, check, decode, excerpt, explain, merge, user_data};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

/// How long one input may take in a debug build, which is many times slower than a release build.
const SLOWEST: Duration = Duration::from_secs(5);
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

struct Mutator {
    /// State of xorshift64, never zero.
    random: u64,
    seeds: Vec<Vec<u8>>,
}

impl Mutator {
    fn number(&mut self, below: usize) -> usize {
        self.random ^= self.random << 13;
        self.random ^= self.random >> 7;
        self.random ^= self.random << 17;
        usize::try_from(self.random >> 16).unwrap() % below.max(1)
    }

    fn input(&mut self) -> Vec<u8> {
        let seed = self.number(self.seeds.len());
        let mut bytes = self.seeds[seed].clone();
        for _ in 0..=self.number(8) {
            let at = self.number(bytes.len() + 1);
            let end = (at + self.number(40)).min(bytes.len());
            match self.number(6) {
                0 => drop(bytes.splice(at..at, PIECES[self.number(PIECES.len())].bytes())),
                1 => drop(bytes.splice(at..end, [])),
                2 => {
                    let piece = bytes[at..end].to_vec();
                    let times = self.number(30);
                    bytes.splice(at..at, piece.repeat(times));
                }
                3 => bytes.truncate(at),
                4 => {
                    let byte = u8::try_from(self.number(256)).unwrap();
                    if let Some(old) = bytes.get_mut(at) {
                        *old = byte;
                    }
                }
                _ => {
                    let other = self.number(self.seeds.len());
                    let other = self.seeds[other].clone();
                    let from = self.number(other.len() + 1);
                    bytes.splice(at..at, other[from..].iter().copied().take(200));
                }
            }
        }
        match self.number(10) {
            0 => STANDARD.encode(&bytes).into_bytes(),
            _ => bytes,
        }
    }
}

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
    const TIME: Duration = Duration::from_secs(2);
    let mut mutator = Mutator {
        random: 0x9e37_79b9_7f4a_7c15,
        seeds: seeds(),
    };
    let begin = Instant::now();
    let mut inputs: u64 = 0;
    while begin.elapsed() < TIME {
        let input = mutator.input();
        let before = Instant::now();
        let told = String::from_utf8_lossy(&input).into_owned();
        let ended = std::panic::catch_unwind(|| look_at(&input));
        assert!(ended.is_ok(), "panicked on {told:?}");
        assert!(before.elapsed() < SLOWEST, "slow on {told:?}");
        inputs += 1;
    }
    assert!(inputs > 0);
}
