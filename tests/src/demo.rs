//! `lab demo`: the whole product on one machine in a minute. Two nodes join, a third has a role that the cluster does not
//! know, and `nodectl status` shows all three, the third with the reason.

use std::{
    ffi::OsStr,
    time::{Duration, Instant},
};

use thiserror::Error;

use crate::{
    cloud::record::MachineRecord,
    exec::ExecError,
    guard::GuardError,
    image::{self, ImageError},
    layout::{Cache, Layout},
    lifecycle::Lab,
    machine::{MachineError, Wanted},
    node_object::NodeObjectError,
    progress::{self, say, seconds},
    setup::{self, SetupError},
    verdict::VerdictError,
};

/// How long a machine may take from its start to a Ready Node, or to its verdict.
const DEADLINE: Duration = Duration::from_mins(2);

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
    /// `nodectl` ended with an error.
    #[error("`nodectl {arguments}` ended with status {status}")]
    Nodectl {
        /// What it was asked.
        arguments: String,
        /// Its exit status.
        status: u8,
    },
    /// The third machine says nothing.
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
    // The lab's programs are on the path of what it runs.
    let nodectl = OsStr::new("nodectl");
    let began = Instant::now();
    let mut stages = Vec::new();
    let mut stage = |title: &'static str, since: Instant| stages.push((title, since.elapsed()));

    let since = heading("Set-up (once; later runs find it in the cache)");
    setup::all(cache)?;
    stage("set-up", since);

    let since = heading("A cluster: etcd, API server, authenticator, AWS");
    let lab = Lab::up_guarded(layout)?;
    stage("cluster up", since);

    let since = heading("Three machines; the cluster does not know the role of the third");
    let healthy = [add(&lab, "m5.large", None)?, add(&lab, "t3.small", None)?];
    let stranger = add(&lab, "m5.large", Some("forgotten-role"))?;
    stage("machines booted", since);

    let since = heading("Two join, one cannot");
    for record in &healthy {
        let step = progress::step(format!("{} Ready", record.local_hostname));
        lab.wait_ready(record, DEADLINE)?;
        step.done();
    }
    let step = progress::step(format!(
        "verdict of {} on its console",
        stranger.instance_id
    ));
    lab.wait_verdict(&stranger, "join.unauthorized", DEADLINE)?;
    step.done();
    stage("nodes joined", since);

    let since = heading("$ nodectl status");
    let name = lab.cluster.name.clone();
    let arguments = ["kubeconfig", "--name", &name];
    let written = lab.output(nodectl, &arguments)?.status;
    judge(
        &arguments,
        written.code().and_then(|code| u8::try_from(code).ok()),
        &[0],
    )?;
    // 3 is nodectl's way to say that a node is unhealthy, as one is here.
    let arguments = ["status"];
    judge(&arguments, Some(lab.exec(nodectl, &arguments)?), &[0, 3])?;
    stage("nodectl status", since);

    if keep {
        lab.keep();
        say(
            &"\nthe lab is left running: `lab node list`, `lab exec -- nodectl status`, `lab down`",
        );
    } else {
        let since = heading("Clean-up");
        let step = progress::step("lab down");
        let left = lab.down()?;
        step.done();
        if !left.is_empty() {
            return Err(DemoError::Leftovers { left });
        }
        stage("clean-up", since);
    }
    say(&"");
    for (title, took) in stages {
        say(&format_args!("{:>9}  {title}", seconds(took)));
    }
    say(&format_args!("{:>9}  in all", seconds(began.elapsed())));
    Ok(())
}

fn heading(title: &str) -> Instant {
    say(&format_args!("\n{title}"));
    Instant::now()
}

fn add(lab: &Lab, instance_type: &str, role: Option<&str>) -> Result<MachineRecord, DemoError> {
    let mut wanted = Wanted {
        instance_type: instance_type.to_owned(),
        ..Wanted::default()
    };
    if let Some(role) = role {
        role.clone_into(&mut wanted.role);
    }
    let step = progress::step(format!("{instance_type}, role {}", wanted.role));
    let record = lab.add_machine(&wanted)?;
    step.done_with(&record.instance_id);
    Ok(record)
}

fn judge(arguments: &[&str], status: Option<u8>, good: &[u8]) -> Result<(), DemoError> {
    match status {
        Some(status) if good.contains(&status) => Ok(()),
        status => Err(DemoError::Nodectl {
            arguments: arguments.join(" "),
            status: status.unwrap_or(130),
        }),
    }
}
