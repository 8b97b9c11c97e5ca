//! The machine image: the Debian root, above it the layer that makes it look like the EKS-optimised AMI, above that the
//! layer that `install-agent.sh` wrote, as it does when Packer makes the AMI. Layers are directories; a machine mounts
//! them with a layer of its own on top. Each one's name tells what it was made from.

mod agent;
mod archive;
mod worker;

use std::path::PathBuf;

use thiserror::Error;

use crate::{
    control_group::{ControlGroupError, Host},
    file::{self, FileError},
    layout::Cache,
    process::ProcessError,
    setup,
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
    /// The host's control groups could not be looked at.
    #[error(transparent)]
    ControlGroup(#[from] ControlGroupError),
    /// A file could not be read or written.
    #[error(transparent)]
    File(#[from] FileError),
}

/// The layers of a machine's root.
#[derive(Clone, Debug)]
pub struct Image {
    /// From the topmost to the lowest, as overlayfs wants them.
    pub layers: Vec<PathBuf>,
}

impl Image {
    /// Makes the layers that are missing.
    pub fn build(cache: &Cache) -> Result<Self, ImageError> {
        let _held = file::lock(&cache.lock())?;
        let base = setup::root_path(cache);
        let worker = worker::build(cache, &base, &Host::detect()?)?;
        let agent = agent::build(cache, &worker, &base)?;
        Ok(Self {
            layers: vec![agent, worker, base],
        })
    }
}

pub use agent::program;
