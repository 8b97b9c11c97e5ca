//! Every folder of `tests/cases` that has a `case.toml`: one fact about a boot each, as files in and files out.
//!
//! | File of a case | Meaning |
//! |---|---|
//! | `case.toml` | the fact, what is run, the machine, what must be so afterwards: [`super::case`] |
//! | `user-data` | user data, any bytes; `${CLUSTER_NAME}` and the like are filled in where it is text |
//! | `root/` | files laid over the machine's before the run; filled in too |
//! | `stdin` | standard input |
//! | `ec2/ACTION.xml`, `ec2/ACTION.STATUS.xml` | what EC2 answers to an action, with status 200 or another |
//! | `expected/` | whole files, compared byte for byte |
//! | `then/` | a further step on the same machine, in the same form, after this one |
//!
//! `UPDATE=1` writes the files that are below `expected/` anew. `CASE=kubelet/` runs only cases with that in their path.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use lab::cloud::imds::Faults;
use lab::cloud::record::MachineRecord;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;

use super::case::{self, Step};
use super::ec2::Answer;
use super::expect;
use super::machine::{self, Machine, fill_in};

/// Runs of the program at the same time.
const AT_ONCE: usize = 4;
/// So that a suite that finds no folder does not pass.
const FEWEST_CASES: usize = 80;

#[tokio::test]
async fn every_case_holds() {
    let cases = machine::cases();
    let mut folders = Vec::new();
    discover(&cases, &mut folders);
    let found = folders.len();
    let wanted = std::env::var("CASE").unwrap_or_default();
    let places = Arc::new(Semaphore::new(AT_ONCE));
    let mut running = JoinSet::new();
    for folder in folders {
        let name = folder
            .strip_prefix(&cases)
            .unwrap()
            .to_str()
            .unwrap()
            .to_owned();
        if !name.contains(&wanted) {
            continue;
        }
        let places = Arc::clone(&places);
        running.spawn(async move {
            let _place = places.acquire_owned().await.unwrap();
            (name, run(&folder).await)
        });
    }
    let mut failed = BTreeMap::new();
    let mut count = 0;
    while let Some(result) = running.join_next().await {
        let (name, problems) = result.unwrap();
        count += 1;
        if !problems.is_empty() {
            failed.insert(name, problems);
        }
    }
    let report: Vec<String> = failed
        .iter()
        .map(|(name, problems)| {
            let problems = problems.join("\n").replace('\n', "\n    ");
            format!("tests/cases/{name}\n    {problems}")
        })
        .collect();
    assert!(
        failed.is_empty(),
        "{} of {count} cases do not hold:\n\n{}\n",
        failed.len(),
        report.join("\n\n")
    );
    assert!(count > 0, "no case has `{wanted}` in its path");
    assert!(
        found >= FEWEST_CASES,
        "only {found} cases below `{}`",
        cases.display()
    );
}

/// The folders below `directory` with a `case.toml`, not looking into them.
fn discover(directory: &Path, found: &mut Vec<PathBuf>) {
    if directory.join("case.toml").is_file() {
        found.push(directory.to_owned());
        return;
    }
    let mut entries: Vec<PathBuf> = fs::read_dir(directory)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.is_dir())
        .collect();
    entries.sort_unstable();
    for entry in entries {
        discover(&entry, found);
    }
}

/// Everything in which a case does not hold. Steps after one that does not are not run.
async fn run(folder: &Path) -> Vec<String> {
    let steps = match case::steps(folder) {
        Ok(steps) => steps,
        Err(problem) => return vec![problem],
    };
    let facts = &steps[0].case.machine;
    let mut record = MachineRecord::typical();
    let mut machine = Machine::of(record.clone(), &facts.image()).await;
    for (index, step) in steps.iter().enumerate() {
        record = step.case.machine.record(&record);
        if let Ok(user_data) = fs::read(step.folder.join("user-data")) {
            record.user_data = Some(STANDARD.encode(filled_in(user_data)));
        }
        machine.set_record(record.clone());
        let mut problems = run_step(step, &mut machine).await;
        if !problems.is_empty() {
            if index > 0 {
                problems.insert(0, format!("in step {}:", index + 1));
            }
            return problems;
        }
    }
    Vec::new()
}

async fn run_step(step: &Step, machine: &mut Machine) -> Vec<String> {
    let facts = &step.case.machine;
    machine.set_faults(Faults {
        faults: facts.faults.clone(),
    });
    for path in &facts.lacks {
        machine.take(path);
    }
    lay(&step.folder.join("root"), machine);
    machine.ec2.set_answers(answers(&step.folder.join("ec2")));

    let before = stamps(machine);
    let requests_before = machine.metadata_requests();
    let mut command = machine.command(&step.case.run.name, &step.case.run.args);
    for (name, value) in &step.case.run.env {
        let root = machine.path("").display().to_string();
        command.env(name, value.replace("${ROOT}", root.trim_end_matches('/')));
    }
    if let Ok(file) = fs::File::open(step.folder.join("stdin")) {
        command.stdin(Stdio::from(file));
    }
    let output = machine.run(command).await;

    let mut problems = expect::problems(step, machine, &output);
    let expect = &step.case.expect;
    let calls = machine.ec2.take_calls();
    if calls != expect.ec2 {
        problems.push(format!("calls to EC2: {calls:?}, not {:?}", expect.ec2));
    }
    let requests = machine.metadata_requests() - requests_before;
    if let Some(most) = expect.metadata_requests
        && requests > most
    {
        problems.push(format!(
            "{requests} requests to the metadata service, not at most {most}"
        ));
    }
    if expect.untouched {
        let after = stamps(machine);
        let touched: Vec<&String> = before
            .iter()
            .chain(&after)
            .filter(|(path, stamp)| {
                before.get(*path) != Some(stamp) || after.get(*path) != Some(stamp)
            })
            .map(|(path, _)| path)
            .collect();
        if !touched.is_empty() {
            problems.push(format!("written, removed or touched: {touched:?}"));
        }
    }
    problems
}

/// Inode and time of every file that a run could have made. The ledger says what a run meant to do, so it changes.
fn stamps(machine: &Machine) -> BTreeMap<String, (u64, i64, i64)> {
    let stamp = |path: &String| {
        let metadata = fs::metadata(machine.path(path)).unwrap();
        (metadata.ino(), metadata.mtime(), metadata.mtime_nsec())
    };
    machine
        .files()
        .keys()
        .filter(|path| *path != super::LEDGER)
        .map(|path| (path.clone(), stamp(path)))
        .collect()
}

/// Lays the files below a folder over the machine's, with their permissions.
fn lay(folder: &Path, machine: &mut Machine) {
    if !folder.is_dir() {
        return;
    }
    let mut files = BTreeMap::new();
    machine::collect(folder, folder, &mut files);
    for (path, content) in files {
        let permissions = fs::metadata(folder.join(&path)).unwrap().permissions();
        machine.lay(&path, filled_in(content), permissions);
    }
}

fn filled_in(content: Vec<u8>) -> Vec<u8> {
    match String::from_utf8(content) {
        Ok(text) => fill_in(&text).into_bytes(),
        Err(error) => error.into_bytes(),
    }
}

fn answers(folder: &Path) -> BTreeMap<String, Answer> {
    let mut files = BTreeMap::new();
    if folder.is_dir() {
        machine::collect(folder, folder, &mut files);
    }
    let answer = |(name, body): (String, Vec<u8>)| {
        let stem = name.strip_suffix(".xml").unwrap();
        let (action, status) = stem.split_once('.').unwrap_or((stem, "200"));
        let answer = Answer {
            status: status.parse().unwrap(),
            body: String::from_utf8(body).unwrap(),
        };
        (action.to_owned(), answer)
    };
    files.into_iter().map(answer).collect()
}
