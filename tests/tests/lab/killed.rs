//! `kill -9` of the agent at points all over the first boot of a machine: config, run and join phase. systemd starts it
//! again, the node joins without help, and its files are those of a machine that nobody disturbed.

use std::{
    collections::BTreeMap,
    sync::Mutex,
    thread,
    time::{Duration, Instant},
};

use lab::{
    cloud::record::MachineRecord, control_group::ControlGroup, guard::GuardedLab, lifecycle::Lab,
    machine::Wanted, setup,
};
use node::wire::{Outcome, Phase, Verdict};
use rustix::process::{Pid, Signal, kill_process};

use super::{DEADLINE, faults, layout, user_data};

/// Kills of each phase, spread over the time that the phase takes on an undisturbed machine.
const POINTS: [(Phase, u32); 3] = [(Phase::Config, 8), (Phase::Run, 6), (Phase::Join, 2)];
/// Kills of the run phase as soon as this runs, before it is seen to be active.
const DAEMONS: [&str; 2] = ["containerd.service", "kubelet.service"];
/// What the agent owns; written by the config phase.
const LEDGER: &str = "var/lib/nodeagent/ledger.json";
/// Shows all that the agent writes, and what it means to have written.
const SCRIPT: &str = r#"
ledger=/var/lib/nodeagent/ledger.json
for file in $ledger $(grep -o '"/[^"]*"' $ledger | tr -d '"') /run/nodeagent/plan.json /run/eks/nodeadm/config.json; do
  [ -f "$file" ] || continue
  printf '\n=== %s %s\n' "$file" "$(stat --format=%a "$file")"
  cat "$file"
done
"#;

fn unit(phase: Phase) -> &'static str {
    match phase {
        Phase::Config => "nodeadm-config.service",
        Phase::Run => "nodeadm-run.service",
        Phase::Join => "nodeagent-join.service",
    }
}

/// When a machine's agent is killed.
#[derive(Clone, Copy, Debug)]
struct Point {
    phase: Phase,
    /// The unit in whose group there must be a process.
    unit: &'static str,
    /// So long after the first sign of that.
    after: Duration,
}

/// What was there when the agent had been killed.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct State {
    unit: &'static str,
    /// How many of some files were in their places.
    files: usize,
    containerd: bool,
    kubelet: bool,
}

#[test]
fn an_agent_that_is_killed_on_the_first_boot_is_started_again_and_joins() {
    let Some((cache, layout)) = layout("killed") else {
        return;
    };
    setup::all(&cache).unwrap();
    let lab = Lab::up_guarded(&layout).unwrap();

    let mut whole = create(&lab);
    faults::start(&lab, &mut whole);
    let verdict = joined(&lab, &whole);
    let expected = files(&lab, &whole);
    assert!(expected.matches("\n=== /").count() > 8, "{expected}");
    lab.remove_machine(&whole).unwrap();

    let points = Mutex::new(points(&verdict).into_iter());
    let states = Mutex::new(BTreeMap::<State, u32>::new());
    let missed = Mutex::new(0);
    thread::scope(|scope| {
        for _ in 0..faults::AT_ONCE {
            scope.spawn(|| {
                loop {
                    let next = points.lock().unwrap().next();
                    let Some(point) = next else { return };
                    let mut record = create(&lab);
                    let state = start_and_kill(&lab, &mut record, point);
                    match &state {
                        Some(state) => {
                            *states.lock().unwrap().entry(state.clone()).or_default() += 1;
                        }
                        None => *missed.lock().unwrap() += 1,
                    }
                    joined(&lab, &record);
                    assert_same(
                        &files(&lab, &record),
                        &expected,
                        &format!("{point:?}: {state:?}"),
                    );
                    lab.remove_machine(&record).unwrap();
                }
            });
        }
    });
    let states = states.into_inner().unwrap();
    for (state, times) in &states {
        println!("{times} killed: {state:?}");
    }
    println!(
        "{} kills at {} different points, {} came too late; every node joined with the files of an undisturbed one",
        states.values().sum::<u32>(),
        states.len(),
        missed.into_inner().unwrap()
    );
    // Of the run phase, before, between and after the starts of the daemons.
    for daemons in [(false, false), (true, false), (true, true)] {
        let is_hit = states.keys().any(|state| {
            state.unit == unit(Phase::Run) && (state.containerd, state.kubelet) == daemons
        });
        assert!(is_hit, "no kill with {daemons:?}");
    }
    let left = GuardedLab::down(lab).unwrap();
    assert_eq!(left, Vec::<String>::new(), "left behind");
}

fn create(lab: &Lab) -> MachineRecord {
    let wanted = Wanted {
        user_data: user_data("eks-managed"),
        ..Wanted::default()
    };
    lab.create_machine(&wanted).unwrap()
}

fn points(verdict: &Verdict) -> Vec<Point> {
    let mut points = Vec::new();
    for (phase, count) in POINTS {
        let took = verdict.timings.iter().find(|timing| timing.phase == phase);
        // The start of the program comes before what it measures.
        let took = Duration::from_millis(took.unwrap().milliseconds + 20);
        println!("{}: {} ms undisturbed", phase.as_str(), took.as_millis());
        points.extend((0..count).map(|number| Point {
            phase,
            unit: unit(phase),
            after: took * number / count,
        }));
    }
    points.extend(DAEMONS.map(|unit| Point {
        phase: Phase::Run,
        unit,
        after: Duration::ZERO,
    }));
    points
}

/// Starts the machine and kills the agent; `None` when it had ended before.
#[expect(
    clippy::disallowed_methods,
    reason = "a kill comes at a moment of the machine, which no paused clock has"
)]
fn start_and_kill(lab: &Lab, record: &mut MachineRecord, point: Point) -> Option<State> {
    faults::start(lab, record);
    let of_unit = |name: &str| slices(lab, record).child(slice(name)).child(name);
    let group = of_unit(unit(point.phase));
    let sign = of_unit(point.unit);
    let layer = lab.machine_layer(record);
    let began = Instant::now();
    while sign.processes().is_empty() {
        // The config phase is so short that a busy host can miss it.
        let has_written = layer.join(LEDGER).exists();
        if point.phase == Phase::Config && has_written && sign.processes().is_empty() {
            return None;
        }
        assert!(began.elapsed() < DEADLINE, "{} never starts", point.unit);
        thread::sleep(Duration::from_millis(1));
    }
    thread::sleep(point.after);
    let killed: Vec<u32> = group.processes();
    for process in &killed {
        let process = Pid::from_raw(i32::try_from(*process).unwrap()).unwrap();
        // It may end at this moment.
        kill_process(process, Signal::KILL).unwrap_or_default();
    }
    let written = [
        "etc/kubernetes/kubelet/config.json",
        "etc/kubernetes/pki/ca.crt",
        "etc/containerd/config.toml",
        "etc/eks/kubelet/environment",
        "var/lib/kubelet/kubeconfig",
        LEDGER,
    ];
    (!killed.is_empty()).then(|| State {
        unit: unit(point.phase),
        files: written
            .iter()
            .filter(|file| layer.join(file).exists())
            .count(),
        containerd: !of_unit("containerd.service").processes().is_empty(),
        kubelet: !of_unit("kubelet.service").processes().is_empty(),
    })
}

fn slices(lab: &Lab, record: &MachineRecord) -> ControlGroup {
    let machine = lab.group.child("machine").child(&record.name);
    machine.child("payload")
}

/// The slice of a unit, as on the EKS AMI.
fn slice(unit: &str) -> &'static str {
    if DAEMONS.contains(&unit) {
        "runtime.slice"
    } else {
        "system.slice"
    }
}

fn joined(lab: &Lab, record: &MachineRecord) -> Verdict {
    lab.wait_ready(record, DEADLINE).unwrap();
    let verdict = lab.wait_last_word(record, DEADLINE).unwrap();
    assert_eq!(verdict.outcome, Outcome::Joined, "{verdict:#?}");
    verdict
}

/// All that the agent writes, with names and addresses of the machine replaced.
fn files(lab: &Lab, record: &MachineRecord) -> String {
    let mut command = lab.enter(record).unwrap();
    let output = command.args(["sh", "-c", SCRIPT]).output().unwrap();
    String::from_utf8_lossy(&output.stdout)
        .replace(&record.instance_id, "INSTANCE")
        .replace(&record.local_hostname, "HOSTNAME")
        .replace(&record.private_ip.to_string(), "ADDRESS")
}

fn assert_same(files: &str, expected: &str, which: &str) {
    let differing = files
        .lines()
        .zip(expected.lines())
        .find(|(one, other)| one != other);
    assert_eq!(differing, None, "{which}");
    assert_eq!(files.lines().count(), expected.lines().count(), "{which}");
}
