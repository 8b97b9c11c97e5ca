//! The machine controller: whatever launches an instance in EC2, an Auto Scaling group as well as `RunInstances`, gets a
//! machine that boots with the instance's id, address, user data and role; and when the instance is terminated, the machine
//! ends and its Node goes, as EKS' cloud controller does it. A process of the lab, which looks at moto twice a second.
//!
//! It keeps nothing in mind: what is to be done follows from the instances and the machines' records ([`plan`]), so that it
//! may be killed at any point. Whoever else adds or removes machines holds the lab's lock while he does.

mod plan;

use std::{collections::BTreeMap, convert::Infallible, time::Duration};

use node::chain::Chain;
use rustix::process::{WaitOptions, wait};
use thiserror::Error;
use tokio::time::sleep;
use tracing::{info, warn};

use self::plan::plan;
use super::MachineError;
use crate::{
    aws,
    cloud::{moto::Instance, record::MachineRecord},
    cluster,
    file::{self, FileError},
    image::{self, Features, Image, ImageError},
    lifecycle::Lab,
    network::NetworkError,
    process::ProcessError,
    wait::{self, Poll, WaitError},
};

/// Its name among the processes of the lab.
pub const PROCESS: &str = "machine-controller";

const PERIOD: Duration = Duration::from_millis(500);

/// Why a machine is not as its instance is, or nobody sees to it.
#[derive(Debug, Error)]
pub enum ControllerError {
    /// The path of the running program is not known.
    #[error("finding this program")]
    OwnPath(#[source] ImageError),
    /// It could not be started.
    #[error("starting the machine controller")]
    Process(#[from] ProcessError),
    /// It was started but does not run.
    #[error("the machine controller does not run")]
    NotRunning(#[from] WaitError),
    /// The lab's network could not be entered.
    #[error(transparent)]
    Network(#[from] NetworkError),
    /// The lab could not be locked.
    #[error(transparent)]
    File(#[from] FileError),
    /// A machine.
    #[error(transparent)]
    Machine(#[from] MachineError),
}

/// Starts it as a process of the lab, whose description is written.
pub(crate) fn start(lab: &Lab) -> Result<(), ControllerError> {
    let program = image::program("lab").map_err(ControllerError::OwnPath)?;
    let site = lab.site();
    let mut running = site
        .program(PROCESS, program)
        .args(["--name", lab.layout.name(), PROCESS])
        // The files of the image are those of this checkout.
        .directory(cluster::repository())
        .start(&lab.layout.log(PROCESS))?;
    let group = site.process_group(PROCESS);
    let started = lab.inside(|| async {
        wait::until("its process", Duration::from_secs(10), async || {
            match (running.ended(), group.processes().len()) {
                (Some(end), _) => Poll::Never(end),
                (None, 0) => Poll::Pending("none".to_owned()),
                _ => Poll::Ready(()),
            }
        })
        .await
    })?;
    Ok(started?)
}

/// What is not as it should be, by what it is about.
type Complaints = BTreeMap<String, String>;

/// Sees to the machines for as long as the lab lives.
pub async fn run(lab: &Lab) -> Infallible {
    let mut said = Complaints::new();
    loop {
        let mut complaints = Complaints::new();
        if let Err(error) = reconcile(lab, &mut complaints) {
            complaints.insert(lab.layout.name().to_owned(), Chain(&error).to_string());
        }
        for (subject, complaint) in &complaints {
            if said.get(subject) != Some(complaint) {
                warn!(subject, "{complaint}");
            }
        }
        said = complaints;
        // Machines that it has started are its children.
        while let Ok(Some(_)) = wait(WaitOptions::NOHANG) {}
        sleep(PERIOD).await;
    }
}

fn reconcile(lab: &Lab, complaints: &mut Complaints) -> Result<(), ControllerError> {
    let (instances, machines) = observe(lab)?;
    let seen = plan(&instances, &machines);
    for (instance, other) in &seen.taken {
        let address = instance.private_ip;
        let complaint = format!("no machine: `{other}` has its address, {address}");
        complaints.insert(instance.instance_id.clone(), complaint);
    }
    if seen.is_done() {
        return Ok(());
    }
    // It may be that somebody was adding or removing a machine.
    let _held = file::lock(&lab.layout.lock())?;
    let (instances, machines) = observe(lab)?;
    let plan = plan(&instances, &machines);
    let mut complain = |subject: &str, error: &MachineError| {
        complaints.insert(subject.to_owned(), Chain(error).to_string());
    };
    for machine in plan.end {
        info!(machine.name, machine.instance_id, "terminated");
        if let Err(error) = lab.take_away(machine) {
            complain(&machine.instance_id, &error);
        }
    }
    for instance in plan.launch {
        match launch(lab, instance) {
            Ok(machine) => info!(machine.name, machine.instance_id, "launched"),
            Err(error) => complain(&instance.instance_id, &error),
        }
    }
    Ok(())
}

fn observe(lab: &Lab) -> Result<(Vec<Instance>, Vec<MachineRecord>), MachineError> {
    let instances = lab.inside(async || aws::moto().instances().await)??;
    Ok((instances, lab.machines()?))
}

fn launch(lab: &Lab, instance: &Instance) -> Result<MachineRecord, MachineError> {
    let image =
        Image::build(lab.layout.cache(), Features::default()).map_err(MachineError::Image)?;
    let number = lab.next_number()?;
    let machine = lab.describe(instance, number)?;
    lab.use_number(number)?;
    lab.keep(&machine, number, &image, &[])?;
    lab.boot(&machine, &image)?;
    Ok(machine)
}
