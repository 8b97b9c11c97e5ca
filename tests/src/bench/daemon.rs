//! The daemon on a machine of the lab: what it takes while nothing happens, beside a small journal and beside a large one,
//! and while a unit that it watches floods the journal.
//!
//! Memory is the proportional share (PSS) of every process of its control group, the journalctl child included, so that
//! pages which it shares with other programs do not count twice. Time is what its threads have run; those that ended meanwhile do not count.

use std::fmt::Write as _;
use std::fs;
use std::io;
use std::path::PathBuf;
use std::process::Command;
use std::time::{Duration, Instant};

use thiserror::Error;
use tokio::time::sleep;

use crate::cloud::record::MachineRecord;
use crate::control_group::ControlGroup;
use crate::file::{self, FileError};
use crate::guard::{GuardError, GuardedLab};
use crate::layout::{Cache, LayoutError};
use crate::lifecycle::Lab;
use crate::machine::{MachineError, Wanted};
use crate::node_object::NodeObjectError;
use crate::process::{self, ProcessError};
use crate::progress;
use crate::setup::{self, SetupError};

/// The name of its lab.
const LAB: &str = "bench";
const DEADLINE: Duration = Duration::from_mins(2);
/// A start is over after this time.
const SETTLING: Duration = Duration::from_mins(1);
/// How long nothing happens.
const IDLE: Duration = Duration::from_mins(2);
/// How long lines come.
const FLOOD: Duration = Duration::from_secs(30);

/// A journal without limits of the machine's size.
const JOURNALD: (&str, &str) = (
    "etc/systemd/journald.conf.d/bench.conf",
    "[Journal]\nStorage=persistent\nSystemMaxUse=3G\nRateLimitIntervalSec=0\n",
);
/// Lines of no unit that is watched, which only make the journal large.
const FILL: &str = "mkdir --parents /var/log/journal && systemctl restart systemd-journald &&
    base64 --wrap=900 /dev/urandom | head --bytes=1G | systemd-cat --identifier=filler &&
    journalctl --sync && systemctl restart nodeagent";
/// Ordinary lines of the kubelet, 100 of them each hundredth of a second.
const KUBELET_LINES: &str = "echo $$ >/sys/fs/cgroup/runtime.slice/kubelet.service/cgroup.procs &&
    exec systemd-cat --identifier=kubelet perl -e '
        $| = 1;
        my $line = q(I0102 03:04:05.123456     812 kubelet.go:2500] \"SyncLoop (PLEG): event for pod\" pod=\"default/a\" event={\"ID\":\"5f1c\",\"Type\":\"ContainerStarted\"});
        for (1 .. 3000) { print qq($line\n) x 100; select(undef, undef, undef, 0.01) }'";

/// Why the daemon was not measured.
#[derive(Debug, Error)]
pub enum DaemonError {
    /// The lab cannot be set up.
    #[error(transparent)]
    Setup(#[from] SetupError),
    /// The lab has no place.
    #[error(transparent)]
    Layout(#[from] LayoutError),
    /// It does not come up, or does not go.
    #[error(transparent)]
    Lab(#[from] GuardError),
    /// It has no machine.
    #[error(transparent)]
    Machine(#[from] MachineError),
    /// The machine does not join.
    #[error(transparent)]
    Node(#[from] NodeObjectError),
    /// A file of it.
    #[error(transparent)]
    File(#[from] FileError),
    /// A program in it.
    #[error(transparent)]
    Process(#[from] ProcessError),
    /// The daemon, or its machine, does not run.
    #[error("the daemon does not run")]
    Ended,
    /// The kernel does not tell.
    #[error("reading the kernel's account of the daemon")]
    Account(#[source] io::Error),
}

/// What the daemon took over some time.
struct Figures {
    agent_mebibytes: f64,
    group_mebibytes: f64,
    /// Share of a core, per cent.
    processor: f64,
}

/// Measures and returns a table.
pub(super) fn run(nodeagent: &std::path::Path, cache: &Cache) -> Result<String, DaemonError> {
    setup::all(cache)?;
    let lab = Lab::up_guarded(&cache.lab(LAB)?)?;
    let (path, content) = JOURNALD;
    let record = lab.create_machine(&Wanted {
        files: vec![(path, content.to_owned())],
        ..Wanted::default()
    })?;
    let installed = lab.machine_layer(&record).join("usr/bin/nodeagent");
    file::write_program(&installed, file::read_bytes(nodeagent)?)?;
    lab.start_machine(&record)?;
    lab.wait_ready(&record, DEADLINE)?;
    let daemon = Daemon {
        group: lab.slice(&record).child("nodeagent.service"),
        lab: &lab,
        record: &record,
    };
    let mut table = format!(
        "{:<34}{:>14}{:>14}{:>14}\n",
        "daemon", "agent MiB", "group MiB", "% of a core"
    );
    let mut row = |name: &str, budget: &str, figures: &Figures| {
        let Figures {
            agent_mebibytes,
            group_mebibytes,
            processor,
        } = figures;
        writeln!(
            table,
            "  {name:<32}{agent_mebibytes:>14.1}{group_mebibytes:>14.1}{processor:>14.3}  ({budget})"
        )
        .unwrap_or_default();
    };
    let step = progress::step("daemon: nothing happens");
    pause(SETTLING)?;
    row("idle", "10, 15, 0.05", &daemon.watch(IDLE)?);
    step.done();
    let step = progress::step("daemon: a journal of 1 GB");
    daemon.say(FILL)?;
    pause(SETTLING)?;
    row(
        "idle, journal of 1 GB",
        "10, 15, 0.05",
        &daemon.watch(IDLE)?,
    );
    step.done();
    let step = progress::step("daemon: 10,000 lines a second");
    let mut flood = daemon.command(KUBELET_LINES)?;
    let mut flood = flood.spawn().map_err(DaemonError::Account)?;
    row(
        "10,000 journal lines a second",
        "40, -, -",
        &daemon.watch(FLOOD)?,
    );
    flood.wait().map_err(DaemonError::Account)?;
    step.done();
    GuardedLab::down(lab)?;
    Ok(table)
}

/// Waits on a runtime of its own: the lab's calls bring theirs.
fn pause(time: Duration) -> Result<(), DaemonError> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .build();
    runtime
        .map_err(DaemonError::Account)?
        .block_on(async { sleep(time).await });
    Ok(())
}

struct Daemon<'a> {
    lab: &'a Lab,
    record: &'a MachineRecord,
    group: ControlGroup,
}

impl Daemon<'_> {
    fn command(&self, script: &str) -> Result<Command, DaemonError> {
        let mut command = self.lab.enter(self.record).ok_or(DaemonError::Ended)?;
        command.args(["sh", "-c", script]);
        Ok(command)
    }

    fn say(&self, script: &str) -> Result<(), DaemonError> {
        process::run(&mut self.command(script)?)?;
        Ok(())
    }

    /// Largest memory, and the time of the processor, from now on for some time.
    fn watch(&self, time: Duration) -> Result<Figures, DaemonError> {
        let began = Instant::now();
        let before = self.processor_nanoseconds()?;
        let (mut agent, mut group) = (0, 0);
        while began.elapsed() < time {
            let (own, all) = self.kibibytes();
            (agent, group) = (agent.max(own), group.max(all));
            pause(Duration::from_secs(1))?;
        }
        let used = self.processor_nanoseconds()?.saturating_sub(before);
        #[expect(clippy::cast_precision_loss, reason = "far from 2^52")]
        let (agent, group, used) = (agent as f64, group as f64, used as f64);
        Ok(Figures {
            agent_mebibytes: agent / 1024.0,
            group_mebibytes: group / 1024.0,
            processor: used / 10_000_000.0 / began.elapsed().as_secs_f64(),
        })
    }

    /// Shares of the daemon itself and of all processes of its group, `Pss` of `proc_pid_smaps(5)`.
    fn kibibytes(&self) -> (u64, u64) {
        let of = |process: &u32| {
            let process = PathBuf::from(format!("/proc/{process}"));
            let name = fs::read_to_string(process.join("comm")).ok()?;
            let text = fs::read_to_string(process.join("smaps_rollup")).ok()?;
            let line = text.lines().find_map(|line| line.strip_prefix("Pss:"))?;
            let size: u64 = line.trim().strip_suffix(" kB")?.trim().parse().ok()?;
            Some((name.trim() == "nodeagent", size))
        };
        let processes = self.group.processes();
        processes
            .iter()
            .filter_map(of)
            .fold((0, 0), |(own, all), (is_own, size)| {
                (own + if is_own { size } else { 0 }, all + size)
            })
    }

    /// What the threads of all its processes have run, the first number of `/proc/PID/task/TID/schedstat`, nanoseconds.
    fn processor_nanoseconds(&self) -> Result<u64, DaemonError> {
        let mut all = 0;
        let processes = self.group.processes();
        if processes.is_empty() {
            return Err(DaemonError::Ended);
        }
        for process in processes {
            let threads = format!("/proc/{process}/task");
            for thread in fs::read_dir(threads).map_err(DaemonError::Account)? {
                let thread = thread.map_err(DaemonError::Account)?.path();
                let text = fs::read_to_string(thread.join("schedstat"));
                let text = text.map_err(DaemonError::Account)?;
                let run = text.split(' ').next().unwrap_or_default();
                all += run.parse::<u64>().unwrap_or_default();
            }
        }
        Ok(all)
    }
}
