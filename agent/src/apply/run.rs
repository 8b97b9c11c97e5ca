//! The run phase: the marker, the local disks, then the daemons in their order, each with what follows its start.

use std::time::Duration;

use node::finding::{self, Finding};

use crate::host::exec::{self, Run};
use crate::host::journal::Recent;
use crate::host::path;
use crate::host::root::{self, Root};
use crate::host::systemd::Units;
use crate::plan::Summary;

use super::daemon::{self, Daemon};

/// Program of the AMI that makes volumes of the instance store.
const SETUP_LOCAL_DISKS: &str = "setup-local-disks";
/// Making file systems and arrays of many large disks takes minutes.
const LOCAL_DISKS_DEADLINE: Duration = Duration::from_mins(10);
/// The pause image has less than a megabyte.
const PAUSE_IMAGE_DEADLINE: Duration = Duration::from_mins(1);

/// Why the run phase ended.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A file cannot be written.
    #[error("preparing the start of the daemons")]
    File {
        /// Which, and why.
        #[source]
        source: root::Error,
    },
    /// The local disks cannot be made.
    #[error("setting up the local disks")]
    LocalDisks {
        /// What became of the program.
        #[source]
        source: exec::Error,
    },
    /// A daemon does not run.
    #[error(transparent)]
    Daemon(daemon::Error),
    /// The pause image cannot be given to the snapshotter.
    #[error("importing the pause image into the SOCI snapshotter")]
    PauseImage {
        /// What became of the program.
        #[source]
        source: exec::Error,
    },
}

impl Error {
    /// What a person is told that this is.
    pub fn finding(&self) -> &'static Finding {
        match self {
            Self::File { .. } => &finding::BOOTSTRAP_UNIT_FAILED,
            Self::LocalDisks { .. } => &finding::STORAGE_LOCAL_DISKS_FAILED,
            Self::Daemon(error) => error.finding(),
            Self::PauseImage { .. } => &finding::IMAGE_SANDBOX_UNAVAILABLE,
        }
    }

    /// Lines of others that show it, oldest first.
    pub fn evidence(&self) -> &[String] {
        match self {
            Self::Daemon(error) => error.evidence(),
            Self::File { .. } | Self::LocalDisks { .. } | Self::PauseImage { .. } => &[],
        }
    }
}

/// What comes before the daemons.
pub async fn prepare(root: &Root, programs: &impl Run, summary: &Summary) -> Result<(), Error> {
    root.write(path::MARKER, b"", 0o644)
        .map_err(|source| Error::File { source })?;
    if !summary.local_disks.is_empty() {
        let arguments: Vec<&str> = summary.local_disks.iter().map(String::as_str).collect();
        programs
            .run(SETUP_LOCAL_DISKS, &arguments, LOCAL_DISKS_DEADLINE)
            .await
            .map_err(|source| Error::LocalDisks { source })?;
    }
    Ok(())
}

/// Restarts the daemons in their order, waits for each, and does what follows its start.
pub async fn start(
    systemd: &impl Units,
    programs: &impl Run,
    journal: &impl Recent,
    daemons: &[Daemon],
    summary: &Summary,
) -> Result<(), Error> {
    for daemon in Daemon::ALL
        .into_iter()
        .filter(|daemon| daemons.contains(daemon))
    {
        daemon::start(systemd, journal, daemon)
            .await
            .map_err(Error::Daemon)?;
        if daemon == Daemon::Containerd && summary.fast_image_pull {
            import_pause_image(programs).await?;
        }
    }
    Ok(())
}

/// The AMI's pause image is in containerd's own snapshotter only, and no registry has it.
async fn import_pause_image(programs: &impl Run) -> Result<(), Error> {
    let arguments = [
        "--namespace",
        "k8s.io",
        "images",
        "import",
        "--snapshotter",
        "soci",
        path::PAUSE_IMAGE,
    ];
    programs
        .run("ctr", &arguments, PAUSE_IMAGE_DEADLINE)
        .await
        .map_err(|source| Error::PauseImage { source })
}

#[cfg(test)]
mod tests;
