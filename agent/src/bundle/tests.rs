//! A bundle as who unpacks it sees it.

use std::fs;
use std::process::Command;

use super::step::How;
use super::*;

async fn collected(root: &Root, steps: Vec<Step>) -> (Vec<StepReport>, Vec<u8>) {
    let mut bundle = Bundle::of(root, &Environment::default(), steps);
    let (mut reports, mut archive) = (Vec::new(), Vec::new());
    while let Some((report, part)) = bundle.next().await {
        reports.extend(report);
        archive.extend(part);
    }
    (reports, archive)
}

fn file(name: &str, path: &str, bytes: usize) -> Step {
    Step {
        name: name.to_owned(),
        how: How::Configuration(path.to_owned()),
        deadline: Duration::from_secs(5),
        bytes,
    }
}

/// What `tar` makes of it: names in their order, and the directory that it was unpacked to.
fn unpacked(archive: &[u8]) -> (Vec<String>, tempfile::TempDir) {
    let directory = tempfile::tempdir().unwrap();
    let place = directory.path().join("a.tar.gz");
    fs::write(&place, archive).unwrap();
    let output = Command::new("tar")
        .args(["-xvzf", "a.tar.gz"])
        .current_dir(&directory)
        .output()
        .unwrap();
    assert!(output.status.success(), "{output:?}");
    let names = String::from_utf8(output.stdout).unwrap();
    (names.lines().map(str::to_owned).collect(), directory)
}

#[tokio::test]
async fn what_is_there_is_unpacked_without_secrets_and_the_report_says_what_is_not() {
    let directory = tempfile::tempdir().unwrap();
    let root = Root::new(directory.path());
    let long = "x".repeat(600);
    root.write(
        "/a",
        b"user:\n  token: hunter2\n  client-key-data: hunter2\n",
        0o600,
    )
    .unwrap();
    root.write("/long", long.as_bytes(), 0o600).unwrap();
    fs::create_dir_all(root.path("/directory")).unwrap();
    let steps = vec![
        file("one/a.yaml", "/a", 1000),
        file("none", "/none", 1000),
        file("broken", "/directory", 1000),
        file("long", "/long", 512),
    ];
    let (reports, archive) = collected(&root, steps).await;
    let (names, out) = unpacked(&archive);
    assert_eq!(names, ["one/a.yaml", "long", "report.json"]);
    let read = |name: &str| fs::read_to_string(out.path().join(name)).unwrap();
    assert_eq!(
        read("one/a.yaml"),
        "user:\n  token: ***\n  client-key-data: ***\n"
    );
    assert_eq!(read("long"), "x".repeat(512));
    let outcomes: Vec<&Outcome> = reports.iter().map(|report| &report.outcome).collect();
    assert!(
        matches!(
            outcomes.as_slice(),
            [
                Outcome::Ok { is_cut: false, .. },
                Outcome::Skipped { .. },
                Outcome::Failed { .. },
                Outcome::Ok {
                    bytes: 512,
                    is_cut: true
                },
            ]
        ),
        "{outcomes:?}"
    );
    let report: serde_json::Value = serde_json::from_str(&read("report.json")).unwrap();
    assert_eq!(report["kind"], "BundleReport");
    assert_eq!(report["steps"][1]["outcome"], "skipped");
    assert_eq!(report["steps"][1]["why"], "there is no `/none`");
    assert_eq!(report["steps"][3]["isCut"], true);
}

#[tokio::test]
async fn a_bundle_that_is_full_or_late_skips_the_rest_and_ends() {
    let directory = tempfile::tempdir().unwrap();
    let root = Root::new(directory.path());
    root.write("/a", b"0123456789", 0o600).unwrap();
    let steps = || vec![file("1", "/a", 1000), file("2", "/a", 1000)];
    let mut bundle = Bundle::of(&root, &Environment::default(), steps());
    bundle.left = 10;
    assert!(bundle.next().await.is_some());
    let (second, _) = bundle.next().await.unwrap();
    let skipped = |why: &str| Outcome::Skipped { why: why.into() };
    assert_eq!(second.unwrap().outcome, skipped("the bundle is full"));
    let mut bundle = Bundle::of(&root, &Environment::default(), steps());
    bundle.until = Instant::now();
    let (first, _) = bundle.next().await.unwrap();
    assert_eq!(first.unwrap().outcome, skipped("there is no time left"));
    while bundle.next().await.is_some() {}
}

#[test]
fn names_are_short_plain_and_of_one_file_each() {
    let directory = tempfile::tempdir().unwrap();
    let root = Root::new(directory.path());
    root.write("/etc/nodeagent/config.d/..;a b.yaml", b"", 0o600)
        .unwrap();
    let steps = step::all(&root);
    let mut names: Vec<&str> = steps.iter().map(|step| step.name.as_str()).collect();
    assert!(names.contains(&"config/agent/..ab.yaml"));
    assert!(names.contains(&"journal/kernel.log"));
    assert!(names.iter().all(|name| name.len() < 100));
    names.sort_unstable();
    let count = names.len();
    names.dedup();
    assert_eq!(names.len(), count);
}
