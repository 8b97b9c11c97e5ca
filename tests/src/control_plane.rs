//! The control plane: real etcd, API server, controller manager and authenticator, all in the lab's network. This module
//! starts them in order and waits until each one answers; one file per program says how it is called.

mod api_server;
mod authenticator;
mod bootstrap;
mod controller_manager;
mod etcd;
mod kubeconfig;

use std::{net::SocketAddr, time::Duration};

use thiserror::Error;
use tokio::net::TcpStream;

pub use self::{
    authenticator::mappings_path,
    bootstrap::{ADMIN_GROUP, client},
};
use crate::{
    cloud::json_file::JsonFileError,
    cluster::Cluster,
    control_group::ControlGroup,
    file::FileError,
    layout::Layout,
    machine,
    process::{ProcessError, Running, Service},
    progress,
    wait::{self, Poll, WaitError},
};

/// Why the control plane does not run.
#[derive(Debug, Error)]
pub enum ControlPlaneError {
    /// A program could not be started.
    #[error("starting the control plane")]
    Process(#[from] ProcessError),
    /// A file for it could not be written.
    #[error("preparing the control plane")]
    File(#[from] FileError),
    /// The control plane has no credential for AWS.
    #[error("making the control plane's credential")]
    Credential(#[from] JsonFileError),
    /// A program was started but does not answer.
    #[error("`{process}` does not answer; {last_words}")]
    NotReady {
        /// The program.
        process: &'static str,
        /// The end of its log.
        last_words: String,
        /// What was waited for.
        #[source]
        source: Box<WaitError>,
    },
    /// No client for the API server.
    #[error("making a client for the API server from `{kubeconfig}`")]
    Client {
        /// The file with its address and identity.
        kubeconfig: String,
        /// What is wrong.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// The API server refused what every EKS cluster has from the start.
    #[error("creating `{object}`")]
    Bootstrap {
        /// The object.
        object: String,
        /// Its answer.
        #[source]
        source: Box<kube::Error>,
    },
}

/// The control group of the lab in which each process has one of its own.
pub const GROUP: &str = "control";

/// The control groups of all that must live for the lab to be whole: the control plane and the AWS side.
pub const PROCESSES: [&str; 7] = [
    "etcd",
    "kube-apiserver",
    "kube-controller-manager",
    "aws-iam-authenticator",
    "moto",
    "gateway",
    machine::controller::PROCESS,
];

/// Where the control plane runs.
#[derive(Clone, Copy, Debug)]
pub struct Site<'a> {
    /// The lab's files.
    pub layout: &'a Layout,
    /// The lab's control group.
    pub group: &'a ControlGroup,
    /// What it is to be.
    pub cluster: &'a Cluster,
}

impl Site<'_> {
    /// One of the programs that the lab builds, in the lab's network and in a control group of its own.
    fn service(&self, program: &str) -> Service {
        self.program(program, self.layout.cache().bin().join(program))
    }

    /// Any program, in the lab's network and in a control group named `name`.
    pub fn program(&self, name: &str, program: impl Into<std::path::PathBuf>) -> Service {
        Service::new(program, self.process_group(name)).in_network(self.layout.network_namespace())
    }

    /// The control group of the program of this name.
    pub fn process_group(&self, name: &str) -> ControlGroup {
        self.group.child(GROUP).child(name)
    }
}

/// Starts everything and waits until it answers. Call it inside the lab's network. The gateway is to answer already:
/// the authenticator asks it.
pub async fn start(site: Site<'_>) -> Result<(), ControlPlaneError> {
    let step = progress::step("etcd, API server");
    authenticator::prepare(site)?;
    let mut etcd = etcd::start(site)?;
    answers("etcd", etcd::ADDRESS, &mut etcd).await?;
    let mut api_server = api_server::start(site)?;
    bootstrap::wait_ready(site, &mut api_server).await?;
    step.done();

    let step = progress::step("controller manager, authenticator");
    let mut controller_manager = controller_manager::start(site)?;
    let mut authenticator = authenticator::start(site)?;
    bootstrap::create_objects(site).await?;
    answers(
        "aws-iam-authenticator",
        authenticator::ADDRESS,
        &mut authenticator,
    )
    .await?;
    answers(
        "kube-controller-manager",
        controller_manager::ADDRESS,
        &mut controller_manager,
    )
    .await?;
    step.done();
    Ok(())
}

/// Waits until something listens on the address, or the program has ended.
pub async fn answers(
    process: &'static str,
    address: SocketAddr,
    running: &mut Running,
) -> Result<(), ControlPlaneError> {
    let what = format!("a connection to {address}");
    wait::until(&what, Duration::from_mins(1), async || {
        if let Some(end) = running.ended() {
            return Poll::Never(end);
        }
        match TcpStream::connect(address).await {
            Ok(_) => Poll::Ready(()),
            Err(error) => Poll::Pending(error.to_string()),
        }
    })
    .await
    .map_err(|source| ControlPlaneError::NotReady {
        process,
        last_words: running.last_words(),
        source: Box::new(source),
    })
}
