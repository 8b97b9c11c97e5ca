//! The machine image: the Debian root, above it the layer that makes it look like the EKS-optimised AMI, above that the
//! layer that `install-agent.sh` wrote, as it does when Packer makes the AMI. Layers are directories; a machine mounts
//! them with a layer of its own on top. Each one's name tells what it was made from. Machines that are to differ get
//! other layers ([`Features`]), which are made when the first of them is wanted.

mod agent;
mod archive;
mod aws_cli;
mod cloud_init;
mod containerd;
mod nodeadm;
mod worker;

use std::path::{Path, PathBuf};

use thiserror::Error;

use crate::{
    control_group::{ControlGroupError, Host},
    file::{self, FileError},
    layout::Cache,
    process::ProcessError,
    setup::{self, Root, SetupError},
};

/// Why there is no image.
#[derive(Debug, Error)]
pub enum ImageError {
    /// The agent has not been built.
    #[error("there is no `nodeagent` in `{}`: run `cargo build --package agent`", directory.display())]
    NoAgent {
        /// Where it was looked for.
        directory: PathBuf,
    },
    /// The path of the running program is not known.
    #[error("finding the directory of this program")]
    OwnPath {
        /// What the system said.
        #[source]
        source: std::io::Error,
    },
    /// A program of a step ended with an error.
    #[error("{step}")]
    Step {
        /// What the program was run for.
        step: &'static str,
        /// How it ended.
        #[source]
        source: ProcessError,
    },
    /// A program could not be built.
    #[error(transparent)]
    Setup(#[from] SetupError),
    /// The host's control groups could not be looked at.
    #[error(transparent)]
    ControlGroup(#[from] ControlGroupError),
    /// A file could not be read or written.
    #[error(transparent)]
    File(#[from] FileError),
}

/// In what a machine's image differs from the usual one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Features {
    /// containerd 2.x in the place of Debian's 1.7.
    pub containerd_2: bool,
    /// The agent is called `nodeadm` and nothing else is there of it: an AMI as AWS makes it, with one program replaced.
    /// Such a machine has the AWS CLI, which the kubelet's credential comes from.
    pub nodeadm: bool,
    /// The machine boots as Amazon Linux 2023 does: systemd 252, and cloud-init reads the user data too.
    pub cloud_init: bool,
}

/// The layers of a machine's root.
#[derive(Clone, Debug)]
pub struct Image {
    /// From the topmost to the lowest, as overlayfs wants them.
    pub layers: Vec<PathBuf>,
}

impl Image {
    /// Makes the layers that are missing.
    pub fn build(cache: &Cache, features: Features) -> Result<Self, ImageError> {
        let _held = file::lock(&cache.lock())?;
        let host = Host::detect()?;
        let root = if features.cloud_init {
            Root::CloudInit
        } else {
            Root::Plain
        };
        let base = setup::root_path(cache, root);
        let worker = worker::build(cache, &base, &host)?;
        let agent = agent::build(cache, &worker, &base)?;
        let mut layers = Vec::new();
        if features.containerd_2 {
            layers.push(containerd::build(cache, &host)?);
        }
        if features.nodeadm {
            layers.push(nodeadm::build(cache, &agent)?);
            layers.push(worker);
            layers.push(aws_cli::build(cache, &base)?);
        } else {
            layers.extend([agent, worker]);
        }
        if features.cloud_init {
            layers.push(cloud_init::build(cache, &base)?);
        }
        layers.push(base);
        Ok(Self { layers })
    }

    /// Keeps the names of the layers in a file, for a machine that is started again.
    pub fn write(&self, file: &Path) -> Result<(), FileError> {
        let names = self.layers.iter().map(|layer| layer.display().to_string());
        file::write(file, names.collect::<Vec<_>>().join("\n"))
    }

    /// The image of which the names were kept.
    pub fn read(file: &Path) -> Result<Self, FileError> {
        let layers = file::read(file)?.lines().map(PathBuf::from).collect();
        Ok(Self { layers })
    }
}

pub use agent::program;
