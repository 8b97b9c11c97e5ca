//! The run phase: the marker, the local disks, then the daemons in their order, each with what follows its start.

use std::time::Duration;

use crate::host::exec::{self, Run};
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

/// What comes before the daemons.
pub async fn prepare(root: &Root, programs: &impl Run, summary: &Summary) -> Result<(), Error> {
    root.write(path::MARKER, b"", 0o644)
        .map_err(|source| Error::File { source })?;
    // Only a log line: not every machine has cloud-init.
    if !root.exists(path::CLOUD_INIT_RESULT) {
        tracing::warn!(
            "cloud-init has not ended: there is no `{}`; was `init` called from user data?",
            path::CLOUD_INIT_RESULT
        );
    }
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
    daemons: &[Daemon],
    summary: &Summary,
) -> Result<(), Error> {
    for daemon in Daemon::ALL
        .into_iter()
        .filter(|daemon| daemons.contains(daemon))
    {
        daemon::start(systemd, daemon)
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
