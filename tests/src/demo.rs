//! `lab demo`: the whole product on one machine in a minute. `nodectl apply` makes a cluster and its node groups from one file,
//! and real kubelets join. Then the access entry of a node role goes: the next node with it cannot join, `nodectl status`
//! shows it with the reason, `nodectl apply` puts the entry back, and the node joins. `nodectl delete` takes it all away.

use std::{
    ffi::OsStr,
    time::{Duration, Instant},
};

use thiserror::Error;

use crate::{
    cloud::record::MachineRecord,
    cluster::{self, AtStart, Cluster},
    exec::ExecError,
    guard::{GuardError, GuardedLab},
    image::{self, ImageError},
    layout::{Cache, Layout},
    lifecycle::Lab,
    machine::MachineError,
    node_object::NodeObjectError,
    progress::{self, say, seconds},
    setup::{self, SetupError},
    verdict::VerdictError,
};

/// The document, in the repository.
const DOCUMENT: &str = "examples/demo/cluster.yaml";
/// The cluster that it is of.
const CLUSTER: &str = "demo";
/// The group whose nodes lose their access, and the node role that it has to itself.
const GROUP: &str = "spare";
const ROLE: &str = "nodectl-demo-node-spare";
/// How long a machine may take from its start to a Ready Node, or to its verdict.
const DEADLINE: Duration = Duration::from_mins(2);
/// How long `nodectl scale` waits for the node that cannot join: the agent has said why by then.
const PATIENCE: &str = "20s";

/// Statuses that commands end with.
const DONE: u8 = 0;
const UNHEALTHY: u8 = 3;
const LEFT_ON_ITS_WAY: u8 = 6;

/// Why the demonstration broke off.
#[derive(Debug, Error)]
pub enum DemoError {
    /// Set-up.
    #[error(transparent)]
    Setup(#[from] SetupError),
    /// The lab.
    #[error(transparent)]
    Guard(#[from] GuardError),
    /// A machine.
    #[error(transparent)]
    Machine(#[from] MachineError),
    /// A Node.
    #[error(transparent)]
    NodeObject(#[from] NodeObjectError),
    /// `nodectl` is not built.
    #[error("finding `nodectl`")]
    NoNodectl(#[source] ImageError),
    /// `nodectl` could not be run.
    #[error(transparent)]
    Exec(#[from] ExecError),
    /// A command ended otherwise than it should.
    #[error("`{command}` ended with status {status}")]
    Command {
        /// The command.
        command: String,
        /// Its exit status.
        status: u8,
    },
    /// No machine of the group is there.
    #[error("no machine of the node group `{GROUP}` came up")]
    NoMachine,
    /// The machine says nothing.
    #[error(transparent)]
    Verdict(#[from] VerdictError),
    /// Something of the lab is still there.
    #[error("the lab is down but left {}: run `lab down`", left.join(", "))]
    Leftovers {
        /// What is left.
        left: Vec<String>,
    },
}

/// Runs the demonstration; says how long each stage took.
pub fn run(cache: &Cache, layout: &Layout, keep: bool) -> Result<(), DemoError> {
    image::program("nodectl").map_err(DemoError::NoNodectl)?;
    let mut stages = Stages::default();

    stages.begin("Set-up (once; later runs find it in the cache)", "set-up");
    setup::all(cache)?;
    stages.begin(
        "A control plane and AWS; EKS knows of no cluster yet",
        "control plane up",
    );
    let lab = Lab::up_guarded_with(layout, AtStart::Absent(CLUSTER))?;

    let apply = ["apply", "--file", DOCUMENT, "--yes"];
    stages.nodectl(&lab, &apply, DONE)?;
    stages.nodectl(&lab, &["kubeconfig", "--name", CLUSTER], DONE)?;
    stages.nodectl(&lab, &["status"], DONE)?;

    let arn = Cluster::role_arn(ROLE);
    let gone = ["eks", "delete-access-entry", "--cluster-name", CLUSTER];
    let gone = [&gone[..], &["--principal-arn", &arn]].concat();
    stages.command(&lab, "aws", &gone, DONE)?;
    let scale = ["scale", "nodegroup", GROUP, "--to", "1", "--yes"];
    let scale = [&scale[..], &["--deadline", PATIENCE]].concat();
    stages.nodectl(&lab, &scale, LEFT_ON_ITS_WAY)?;
    let stranger = machine(&lab)?;
    lab.wait_verdict(&stranger, "join.unauthorized", DEADLINE)?;
    stages.nodectl(&lab, &["status"], UNHEALTHY)?;

    stages.nodectl(&lab, &apply, DONE)?;
    let step = progress::step(format!("{} Ready", stranger.local_hostname));
    lab.wait_ready(&stranger, DEADLINE)?;
    step.done();
    stages.nodectl(&lab, &["status"], DONE)?;

    if keep {
        lab.keep();
        say(
            &"\nthe lab is left running: `lab node list`, `lab exec -- nodectl status`, `lab down`",
        );
    } else {
        stages.nodectl(&lab, &["delete", CLUSTER, "--yes"], DONE)?;
        stages.begin("Clean-up", "clean-up");
        down(lab)?;
    }
    stages.say();
    Ok(())
}

/// The machine that the group has launched.
fn machine(lab: &Lab) -> Result<MachineRecord, DemoError> {
    let of_group = |record: &MachineRecord| record.role.as_deref() == Some(ROLE);
    lab.machines()?
        .into_iter()
        .find(of_group)
        .ok_or(DemoError::NoMachine)
}

fn down(lab: GuardedLab) -> Result<(), DemoError> {
    let step = progress::step("lab down");
    let left = lab.down()?;
    step.done();
    if left.is_empty() {
        Ok(())
    } else {
        Err(DemoError::Leftovers { left })
    }
}

/// What was shown, and how long it took.
#[derive(Default)]
struct Stages {
    shown: Vec<(String, Instant)>,
}

impl Stages {
    /// Shows a heading. The stage lasts until the next one begins.
    fn begin(&mut self, heading: &str, title: &str) {
        say(&format_args!("\n{heading}"));
        self.shown.push((title.to_owned(), Instant::now()));
    }

    fn nodectl(&mut self, lab: &Lab, arguments: &[&str], wanted: u8) -> Result<(), DemoError> {
        self.command(lab, "nodectl", arguments, wanted)
    }

    /// Shows a command as a person types it, and runs it. The lab's programs are on its path.
    fn command(
        &mut self,
        lab: &Lab,
        program: &str,
        arguments: &[&str],
        wanted: u8,
    ) -> Result<(), DemoError> {
        let command = format!("{program} {}", arguments.join(" "));
        let title = command
            .split_once(" --")
            .map_or(&*command, |(title, _)| title);
        self.begin(&format!("$ {command}"), title);
        let file = cluster::repository().join(DOCUMENT);
        let arguments: Vec<&OsStr> = arguments
            .iter()
            .map(|argument| match *argument {
                DOCUMENT => file.as_os_str(),
                argument => OsStr::new(argument),
            })
            .collect();
        let status = lab.exec(OsStr::new(program), &arguments)?;
        if status == wanted {
            Ok(())
        } else {
            Err(DemoError::Command { command, status })
        }
    }

    /// Says how long each stage took.
    fn say(&self) {
        let ends = self.shown.iter().skip(1).map(|(_, began)| *began);
        say(&"");
        for ((title, began), end) in self.shown.iter().zip(ends.chain([Instant::now()])) {
            let took = end.saturating_duration_since(*began);
            say(&format_args!("{:>9}  {title}", seconds(took)));
        }
        if let Some((_, began)) = self.shown.first() {
            say(&format_args!("{:>9}  in all", seconds(began.elapsed())));
        }
    }
}
