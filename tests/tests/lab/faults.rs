//! The fault matrix: each fault on a machine of its own, and what the machine's console says of it. `UPDATE=1` writes
//! docs/reference/faults.md; `FAULT='WORDS|WORDS'` picks the rows whose names hold one of these.

#[path = "faults/front.rs"]
mod front;
#[path = "faults/lift.rs"]
mod lift;
#[path = "faults/object.rs"]
mod object;
#[path = "faults/page.rs"]
mod page;
#[path = "faults/row.rs"]
mod row;
#[path = "faults/server.rs"]
mod server;
#[path = "faults/table.rs"]
mod table;
#[path = "faults/user_data.rs"]
mod user_data;

use std::{
    collections::HashSet,
    env,
    sync::Mutex,
    thread,
    time::{Duration, Instant},
};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use jiff::Timestamp;
use k8s_openapi::api::core::v1::ConfigMap;
use kube::{Api, api::PostParams};
use lab::{
    cloud::{gateway::Refusals, record::MachineRecord},
    control_plane, file,
    guard::GuardedLab,
    lifecycle::Lab,
    machine::MachineError,
    setup, verdict,
    wait::{self, Poll},
};
use node::{
    chain::Chain,
    console,
    wire::{Outcome, Status, Verdict},
};
use serde_json::{Value, json};
use tokio::sync::oneshot;

use super::{layout, said};
use row::{CANARY, End, Row};
use user_data::{FOREIGN_AUTHORITY, FRONT_AUTHORITY};

/// Machines that run at once, on two cores and with the inotify instances that a user has.
pub(crate) const AT_ONCE: usize = 5;
/// How long a machine waits for room on this host.
const FOR_ROOM: Duration = Duration::from_mins(2);
/// How long a node may take to join after its fault is gone: the kubelet and the agent wait between their tries.
const TO_RECOVER: Duration = Duration::from_secs(100);
/// Codes that say that something is wrong and not what.
const GENERIC: [&str; 3] = [
    "bootstrap.unit_failed",
    "join.not_registered",
    "kubelet.crash_loop",
];

/// Certificate authorities by what stands for them in user data, in PEM.
type Authorities = [(&'static str, String); 2];

/// What a machine said that was right.
struct Told {
    code: Option<String>,
    seconds: f64,
    /// Seconds from the end of the fault to the verdict that the node has joined.
    recovered: Option<f64>,
}

#[test]
fn the_page_has_the_rows_of_the_matrix() {
    let rows = table::rows();
    let names: HashSet<&str> = rows.iter().map(|row| row.fault).collect();
    assert_eq!(names.len(), rows.len(), "a name is given twice");
    if env::var_os("UPDATE").is_none() {
        let drift = page::drift(&rows);
        assert!(drift.is_empty(), "run `UPDATE=1 make faults`: {drift:#?}");
    }
}

#[test]
fn every_fault_ends_in_its_code() {
    let Some((cache, layout)) = layout("faults") else {
        return;
    };
    setup::all(&cache).unwrap();
    let picked = env::var("FAULT").ok();
    let mut rows = table::rows();
    if let Some(picked) = &picked {
        rows.retain(|row| picked.split('|').any(|words| row.fault.contains(words)));
    }
    let lab = Lab::up_guarded(&layout).unwrap();
    prepare(&lab, &rows);

    let began = Instant::now();
    front::certify(&lab);
    let (stop, stopped) = oneshot::channel::<()>();
    let (results, wrong) = thread::scope(|scope| {
        scope.spawn(|| server::serve(&lab, stopped));
        let results = run(&lab, rows);
        stop.send(()).unwrap();
        results
    });
    let mut seconds: Vec<f64> = results.iter().map(|(_, told)| told.seconds).collect();
    seconds.sort_by(f64::total_cmp);
    for (row, told) in &results {
        let code = told.code.as_deref().unwrap_or("-");
        println!(
            "{:<72} {:<10} {code:<38} {:>6.1} s  {}",
            row.fault,
            row.end.as_str(),
            told.seconds,
            page::recovered(told)
        );
    }
    let (median, maximum) = (
        seconds.get(seconds.len() / 2).copied().unwrap_or_default(),
        seconds.last().copied().unwrap_or_default(),
    );
    println!(
        "{} faults in {:.0} s; time to verdict: median {median:.1} s, maximum {maximum:.1} s",
        results.len(),
        began.elapsed().as_secs_f64()
    );
    assert!(wrong.is_empty(), "{}", wrong.join("\n\n"));
    if picked.is_none() && env::var_os("UPDATE").is_some() {
        page::write(&results, median, maximum);
    }
    let left = GuardedLab::down(lab).unwrap();
    assert_eq!(left, Vec::<String>::new(), "left behind");
}

/// What all rows share: whom EC2 refuses, whom `aws-auth` knows.
fn prepare(lab: &Lab, rows: &[Row]) {
    let refusals = rows.iter().flat_map(Row::refusals).collect();
    Refusals {
        refusals,
        ..Refusals::default()
    }
    .write(&lab.layout.run())
    .unwrap();
    let mappings: Vec<Value> = rows.iter().flat_map(Row::role_mappings).collect();
    let map: ConfigMap = serde_json::from_value(json!({
        "metadata": {"name": "aws-auth"},
        "data": {"mapRoles": Value::from(mappings).to_string()},
    }))
    .unwrap();
    lab.inside(|| async {
        let client = control_plane::client(&lab.layout).await.unwrap();
        let maps: Api<ConfigMap> = Api::namespaced(client, "kube-system");
        maps.create(&PostParams::default(), &map).await.unwrap();
    })
    .unwrap();
}

/// Runs the rows, some at once; what was told, in the order of the rows, and what was wrong.
fn run(lab: &Lab, rows: Vec<Row>) -> (Vec<(Row, Told)>, Vec<String>) {
    let authorities = [
        (
            FOREIGN_AUTHORITY,
            file::read(&lab.layout.pki("aws-ca.crt")).unwrap(),
        ),
        (
            FRONT_AUTHORITY,
            file::read(&lab.layout.pki("front-ca.crt")).unwrap(),
        ),
    ];
    let waiting = Mutex::new(rows.into_iter().enumerate());
    let results = Mutex::new(Vec::new());
    let wrong = Mutex::new(Vec::new());
    thread::scope(|scope| {
        for _ in 0..AT_ONCE {
            scope.spawn(|| {
                loop {
                    let next = waiting.lock().unwrap().next();
                    let Some((number, row)) = next else { return };
                    match one(lab, &authorities, &row) {
                        Ok(told) => results.lock().unwrap().push((number, (row, told))),
                        Err(why) => {
                            println!("WRONG {why}\n");
                            wrong.lock().unwrap().push(why);
                        }
                    }
                }
            });
        }
    });
    let mut results = results.into_inner().unwrap();
    results.sort_by_key(|(number, _)| *number);
    let results = results.into_iter().map(|(_, result)| result).collect();
    (results, wrong.into_inner().unwrap())
}

fn one(lab: &Lab, authorities: &Authorities, row: &Row) -> Result<Told, String> {
    let mut wanted = row.wanted.clone();
    if let Ok(text) = std::str::from_utf8(&wanted.user_data) {
        wanted.user_data = authorities
            .iter()
            .fold(text.to_owned(), |text, (name, pem)| {
                text.replace(name, &STANDARD.encode(pem))
            })
            .into_bytes();
    }
    let mut record = lab.create_machine(&wanted).unwrap();
    row.break_it(lab, &mut record);
    start(lab, &mut record);
    let verdict = wait(lab, &record, row);
    let told = verdict.and_then(|verdict| {
        let mut told = judge(lab, &record, row, &verdict)?;
        if let Some(code) = row.finding {
            let at = wait_finding(lab, &record, row, code)?;
            if row.code.is_none() {
                told.seconds = at.duration_since(record.launch_time).as_secs_f64();
                told.code = Some(code.to_owned());
            }
        }
        told.recovered = recover(lab, &record, row)?;
        tells_no_secret(lab, &record)?;
        Ok(told)
    });
    let told = told.map_err(|why| {
        let console = file::tail(&record.console, 8);
        format!("{}: {why}\n{console}\n{}", row.fault, journal(lab, &record))
    });
    lab.remove_machine(&record).unwrap();
    told
}

/// Starts the machine, as soon as other labs of this host leave room for it.
pub(crate) fn start(lab: &Lab, record: &mut MachineRecord) {
    let began = Instant::now();
    loop {
        record.launch_time = Timestamp::now();
        match lab.start_machine(record) {
            Err(MachineError::NoWatches { .. }) if began.elapsed() < FOR_ROOM => {
                lab.inside(|| tokio::time::sleep(Duration::from_secs(1)))
                    .unwrap();
            }
            started => return started.unwrap(),
        }
    }
}

/// The newest verdict on the console, once it is what the row wants.
fn wait(lab: &Lab, record: &MachineRecord, row: &Row) -> Result<Verdict, String> {
    let what = format!("{} with {:?}", row.end.as_str(), row.code);
    let look = async || match verdict::newest(record) {
        Err(error) => Poll::Never(error.to_string()),
        Ok(None) => Poll::Pending("no verdict".to_owned()),
        Ok(Some(verdict)) if row.end.is(&verdict) && verdict::code(&verdict) == row.code => {
            Poll::Ready(verdict)
        }
        Ok(Some(verdict)) if verdict.provisional || verdict.outcome == Outcome::Registered => {
            Poll::Pending(format!("{verdict:#?}"))
        }
        Ok(Some(verdict)) => Poll::Never(format!("{verdict:#?}")),
    };
    lab.inside(|| wait::until(&what, row.deadline, look))
        .unwrap()
        .map_err(|error| error.to_string())
}

/// When the daemon was seen to have this finding open, as it tells a person on the machine.
fn wait_finding(
    lab: &Lab,
    record: &MachineRecord,
    row: &Row,
    code: &str,
) -> Result<Timestamp, String> {
    let look = async || {
        let output = lab
            .enter(record)
            .unwrap()
            .args(["nodeagent", "status", "-o", "json"])
            .output()
            .unwrap();
        let status: Status = match serde_json::from_slice(&output.stdout) {
            Ok(status) => status,
            Err(error) => return Poll::Pending(error.to_string()),
        };
        let open = status.findings.iter().find(|finding| finding.code == code);
        match open {
            Some(finding) if finding.fix.is_empty() || finding.evidence.is_empty() => {
                Poll::Never(format!("no fix or no evidence: {finding:#?}"))
            }
            Some(_) => Poll::Ready(Timestamp::now()),
            None => Poll::Pending(format!("{:#?}", status.findings)),
        }
    };
    let what = format!("the finding {code}");
    lab.inside(|| wait::until(&what, row.deadline, look))
        .unwrap()
        .map_err(|error| error.to_string())
}

fn judge(lab: &Lab, record: &MachineRecord, row: &Row, verdict: &Verdict) -> Result<Told, String> {
    if let Some(cause) = &verdict.root_cause
        && (cause.fix.is_empty() || cause.evidence.is_empty())
    {
        return Err(format!("no fix or no evidence: {cause:#?}"));
    }
    // As an administrator asks for it, with nothing but this in hand.
    let text = lab
        .console_output(record)
        .map_err(|error| Chain(&error).to_string())?;
    let verdicts = console::decode(&text);
    let is_there = |verdict: &Verdict| row.end.is(verdict) && verdict::code(verdict) == row.code;
    if !verdicts.iter().any(is_there) {
        return Err("EC2 returns a console without the verdict".to_owned());
    }
    let codes: Vec<&str> = verdicts.iter().filter_map(verdict::code).collect();
    if codes.iter().any(|code| GENERIC.contains(code)) {
        return Err(format!("a generic code on the way: {codes:?}"));
    }
    Ok(Told {
        code: row.code.map(str::to_owned),
        seconds: verdict.at.duration_since(record.launch_time).as_secs_f64(),
        recovered: None,
    })
}

/// Takes the fault away, where the row says how, and waits until the node has joined; how long it took.
fn recover(lab: &Lab, record: &MachineRecord, row: &Row) -> Result<Option<f64>, String> {
    let Some(lift) = &row.lift else {
        return Ok(None);
    };
    let lifted = Timestamp::now();
    lift.run(lab, record, &row.wanted.role);
    let look = async || match verdict::newest(record) {
        Ok(Some(verdict)) if End::Joined.is(&verdict) => Poll::Ready(verdict),
        Ok(Some(verdict)) if verdict.outcome == Outcome::Failed => {
            Poll::Never(format!("{verdict:#?}"))
        }
        seen => Poll::Pending(format!("{seen:#?}")),
    };
    let verdict = lab
        .inside(|| wait::until("joined after the fault", TO_RECOVER, look))
        .unwrap()
        .map_err(|error| error.to_string())?;
    if verdict.root_cause.is_some() {
        return Err(format!("joined, and still: {verdict:#?}"));
    }
    Ok(Some(verdict.at.duration_since(lifted).as_secs_f64()))
}

/// The last of what our units and the kubelet have written, for whoever looks at a row that is wrong.
fn journal(lab: &Lab, record: &MachineRecord) -> String {
    let mut command = lab.enter(record).unwrap();
    let units = ["nodeadm-config", "nodeadm-run", "nodeagent-join", "kubelet"];
    command.args(["journalctl", "-b", "--no-pager", "--lines=30"]);
    let output = command
        .args(units.map(|unit| format!("--unit={unit}")))
        .output();
    output.map_or_else(
        |error| error.to_string(),
        |output| String::from_utf8_lossy(&output.stdout).into_owned(),
    )
}

fn tells_no_secret(lab: &Lab, record: &MachineRecord) -> Result<(), String> {
    let mut said = said::by_machine(lab, record);
    // `config check` shows a person the line in which an error is and masks what stands behind the name of a secret;
    // in some rows the secret is what does not parse, and has no name.
    said.retain(|said| !said.by.starts_with("config "));
    for by in ["journal", "console", "verdict.json"] {
        if said::text(&said, by).is_empty() {
            return Err(format!("{by} says nothing"));
        }
    }
    let told = said::who_tells(&said, CANARY);
    if told.is_empty() {
        return Ok(());
    }
    Err(format!("the secret is told by {told:?}"))
}
