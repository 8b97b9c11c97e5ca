//! A lab from its first process to its last file: [`Lab::up`], [`down`], and [`leftovers`], which says what `down` missed.
//! `down` needs no memory of `up`: whatever a lab consists of is found by its name, so it works after a kill -9 of any
//! program of the lab and when there is nothing to do.

use std::{
    process::Command,
    time::{SystemTime, UNIX_EPOCH},
};

use thiserror::Error;

use crate::{
    aws::{self, AwsError},
    cluster::{AtStart, Cluster, ClusterError},
    control_group::{ControlGroup, ControlGroupError, Host},
    control_plane::{self, ControlPlaneError, Site},
    file::{self, FileError},
    layout::Layout,
    machine::controller::{self, ControllerError},
    mount,
    network::{self, NetworkError},
    pki::{self, PkiError},
    process::{self, ProcessError},
    progress,
};

/// Why a lab could not be brought up or taken down.
#[derive(Debug, Error)]
pub enum LifecycleError {
    /// Control groups.
    #[error(transparent)]
    ControlGroup(#[from] ControlGroupError),
    /// The network.
    #[error(transparent)]
    Network(#[from] NetworkError),
    /// Certificates.
    #[error(transparent)]
    Pki(#[from] PkiError),
    /// The AWS side.
    #[error(transparent)]
    Aws(#[from] AwsError),
    /// The control plane.
    #[error(transparent)]
    ControlPlane(#[from] ControlPlaneError),
    /// The machine controller.
    #[error(transparent)]
    MachineController(#[from] ControllerError),
    /// The lab's description.
    #[error(transparent)]
    Cluster(#[from] ClusterError),
    /// A file of the lab.
    #[error(transparent)]
    File(#[from] FileError),
    /// A mount that would not go.
    #[error("unmounting what is left of the lab")]
    Unmount(#[source] ProcessError),
    /// The runtime for waiting could not be made.
    #[error("starting a runtime")]
    Runtime(#[source] std::io::Error),
}

/// A lab that is up.
#[derive(Clone, Debug)]
pub struct Lab {
    /// Its files.
    pub layout: Layout,
    /// Its control group.
    pub group: ControlGroup,
    /// Its cluster.
    pub cluster: Cluster,
}

impl Lab {
    /// The lab of this layout, if it is up.
    pub fn open(layout: &Layout) -> Result<Self, LifecycleError> {
        let cluster = Cluster::read(layout)?;
        Ok(Self {
            layout: layout.clone(),
            group: Host::detect()?.lab(layout),
            cluster,
        })
    }

    /// Brings the lab up, or finds that it is up. Something half dead under its name is cleaned away first.
    pub fn up(layout: &Layout, at_start: AtStart<'_>) -> Result<Self, LifecycleError> {
        let _held = file::lock(&layout.lock())?;
        if let Ok(lab) = Self::open(layout) {
            if lab.is_whole() {
                progress::say(&format_args!("lab `{}` is up already", layout.name()));
                return Ok(lab);
            }
            progress::say(&format_args!(
                "lab `{}` is half dead: cleaning it away first",
                layout.name()
            ));
        }
        clean(layout)?;
        let lab = Self::start(layout, at_start)?;
        lab.cluster.write(layout)?;
        controller::start(&lab)?;
        Ok(lab)
    }

    fn start(layout: &Layout, at_start: AtStart<'_>) -> Result<Self, LifecycleError> {
        let mut lab = Self {
            layout: layout.clone(),
            group: Host::detect()?.lab(layout),
            cluster: Cluster::new(at_start.name(layout.name()), identity(layout)),
        };
        let step = progress::step("network, certificates");
        file::create_directory(&layout.run())?;
        file::set_mode(&layout.run(), 0o700)?;
        network::create(&layout.network_namespace())?;
        pki::create(layout, &lab.cluster.endpoint_host, crate::cluster::REGION)?;
        file::write(&layout.hosts(), network::hosts(&lab.cluster.endpoint_host))?;
        step.done();

        let mut cluster = lab.cluster.clone();
        let started = lab.inside(|| async {
            aws::start(lab.site(), &mut cluster, at_start).await?;
            control_plane::start(lab.site()).await?;
            Ok::<(), LifecycleError>(())
        })?;
        started?;
        lab.cluster = cluster;
        Ok(lab)
    }

    /// Where the control plane runs.
    pub fn site(&self) -> Site<'_> {
        Site {
            layout: &self.layout,
            group: &self.group,
            cluster: &self.cluster,
        }
    }

    /// Runs `work` with a runtime whose sockets are in the lab's network.
    pub fn inside<T, W, F>(&self, work: W) -> Result<T, NetworkError>
    where
        T: Send,
        W: FnOnce() -> F + Send,
        F: Future<Output = T>,
    {
        network::run_inside(&self.layout.network_namespace(), work)
    }

    /// Whether every process of the control plane lives.
    fn is_whole(&self) -> bool {
        network::is_mounted(&self.layout.network_namespace())
            && control_plane::PROCESSES
                .iter()
                .all(|name| !self.site().process_group(name).processes().is_empty())
    }
}

/// A number that no two labs share.
fn identity(layout: &Layout) -> u128 {
    let now = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(0, |since| since.as_nanos());
    let key = file::key([
        layout.run().as_os_str().as_encoded_bytes(),
        now.to_le_bytes().as_slice(),
    ]);
    let other = file::key([key.as_bytes()]);
    u128::from_str_radix(&format!("{key}{other}"), 16).unwrap_or(now)
}

/// Ends every process of the lab and removes all that belongs to it. Nothing to do is success.
pub fn down(layout: &Layout) -> Result<(), LifecycleError> {
    // It holds the lock while it boots a machine that nobody needs any more.
    let group = Host::detect()?.lab(layout);
    remove(&group.child(control_plane::GROUP).child(controller::PROCESS))?;
    let _held = file::lock(&layout.lock())?;
    clean(layout)
}

fn clean(layout: &Layout) -> Result<(), LifecycleError> {
    let group = Host::detect()?.lab(layout);
    remove(&group)?;
    group.remove_parent();
    network::remove(&layout.network_namespace())?;
    for point in mount::below(&layout.run()).iter().rev() {
        process::run(Command::new("umount").arg("--lazy").arg(point))
            .map_err(LifecycleError::Unmount)?;
    }
    file::remove(&layout.run())?;
    Ok(())
}

fn remove(group: &ControlGroup) -> Result<(), LifecycleError> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .build()
        .map_err(LifecycleError::Runtime)?;
    Ok(runtime.block_on(group.remove())?)
}

/// What is there of the lab: processes, control groups, the namespace, mounts, files. Empty after [`down`].
pub fn leftovers(layout: &Layout) -> Result<Vec<String>, LifecycleError> {
    let group = Host::detect()?.lab(layout);
    let processes = group
        .processes()
        .into_iter()
        .map(|id| format!("process {id}"));
    let mut found: Vec<String> = processes.collect();
    if group.exists() {
        found.push(format!(
            "control group {}",
            layout.control_group().display()
        ));
    }
    let namespace = layout.network_namespace();
    if namespace.exists() {
        found.push(format!("network namespace {}", namespace.display()));
    }
    let mounts = mount::below(&layout.run());
    found.extend(
        mounts
            .iter()
            .map(|point| format!("mount {}", point.display())),
    );
    if layout.run().exists() {
        found.push(format!("directory {}", layout.run().display()));
    }
    Ok(found)
}
