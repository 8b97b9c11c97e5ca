//! Twenty machines with nothing wrong: each joins, and neither its agent nor its verdict ever complains.

use std::{sync::Mutex, thread, time::Duration};

use jiff::Timestamp;
use lab::{
    cloud::record::MachineRecord, guard::GuardedLab, lifecycle::Lab, machine::Wanted, setup,
};
use node::{
    console,
    finding::{Finding, Severity, catalogue},
    wire::{Outcome, Status},
};

use super::{DEADLINE, faults, layout, said};

const BOOTS: usize = 20;
/// A finding that a healthy boot raises would be raised within this time of its Node being Ready.
const AFTERWARDS: Duration = Duration::from_secs(5);

/// From the start of the machine, in seconds.
struct Times {
    ready: f64,
    told: f64,
}

#[test]
fn twenty_healthy_boots_raise_no_finding() {
    let Some((cache, layout)) = layout("healthy") else {
        return;
    };
    setup::all(&cache).unwrap();
    let lab = Lab::up_guarded(&layout).unwrap();
    let left = Mutex::new(0..BOOTS);
    let times = Mutex::new(Vec::new());
    let complaints = Mutex::new(Vec::new());
    thread::scope(|scope| {
        for _ in 0..faults::AT_ONCE {
            scope.spawn(|| {
                loop {
                    let next = left.lock().unwrap().next();
                    if next.is_none() {
                        return;
                    }
                    let mut record = lab.create_machine(&Wanted::default()).unwrap();
                    faults::start(&lab, &mut record);
                    let told = boot(&lab, &record, &complaints);
                    times.lock().unwrap().push(told);
                    lab.remove_machine(&record).unwrap();
                }
            });
        }
    });
    let times = times.into_inner().unwrap();
    assert_eq!(times.len(), BOOTS);
    print(
        "start of the machine to Ready",
        times.iter().map(|of| of.ready),
    );
    print(
        "start of the machine to the verdict",
        times.iter().map(|of| of.told),
    );
    let complaints = complaints.into_inner().unwrap();
    assert!(complaints.is_empty(), "{complaints:#?}");
    let left = GuardedLab::down(lab).unwrap();
    assert_eq!(left, Vec::<String>::new(), "left behind");
}

fn print(what: &str, seconds: impl Iterator<Item = f64>) {
    let mut seconds: Vec<f64> = seconds.collect();
    seconds.sort_by(f64::total_cmp);
    println!(
        "{BOOTS} boots, {} at once; {what}: median {:.1} s, maximum {:.1} s",
        faults::AT_ONCE,
        seconds[BOOTS / 2],
        seconds[BOOTS - 1]
    );
}

/// Waits until the machine has joined, then listens for a while.
fn boot(lab: &Lab, record: &MachineRecord, complaints: &Mutex<Vec<String>>) -> Times {
    lab.wait_ready(record, DEADLINE).unwrap();
    let now = Timestamp::now();
    let ready = now.duration_since(record.launch_time).as_secs_f64();
    let verdict = lab.wait_last_word(record, DEADLINE).unwrap();
    assert_eq!(verdict.outcome, Outcome::Joined, "{verdict:#?}");
    let told = verdict.at.duration_since(record.launch_time).as_secs_f64();
    lab.inside(|| tokio::time::sleep(AFTERWARDS)).unwrap();

    let mut found = Vec::new();
    let said = said::by_machine(lab, record);
    for verdict in console::decode(said::text(&said, "console")) {
        if verdict.root_cause.is_some() || !verdict.warnings.is_empty() {
            found.push(format!("on the console: {verdict:?}"));
        }
    }
    let status = said::text(&said, "GET /v1/status");
    let status: Status = serde_json::from_str(status).unwrap();
    for open in status.findings {
        if open.severity >= Severity::Warning {
            found.push(format!(
                "open: {} ({}): {:?}",
                open.code, open.object, open.evidence
            ));
        }
    }
    // What was raised and has cleared meanwhile is in the journal.
    let journal = said::text(&said, "journal");
    let raised = journal.lines().filter(|line| {
        let is_of = |finding: &&Finding| line.contains(&format!("finding: {}", finding.title));
        let finding = catalogue().find(is_of);
        finding.is_some_and(|finding| finding.severity >= Severity::Warning)
    });
    found.extend(raised.map(|line| format!("raised: {line}")));
    let of_machine = found
        .into_iter()
        .map(|what| format!("{}: {what}", record.name));
    complaints.lock().unwrap().extend(of_machine);
    Times { ready, told }
}
