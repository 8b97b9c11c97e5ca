//! The place of the socket: `/run/nodeagent/agent.sock`, for root and one group.

use std::fs;
use std::io;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use tokio::net::UnixListener;

use super::group;
use crate::host::path;
use crate::host::root::{self, Root};

const MODE: u32 = 0o660;

/// Why there is no socket.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Its place could not be taken.
    #[error("{operation} the socket `{}`", path::SOCKET)]
    Socket {
        /// What was being done.
        operation: &'static str,
        /// What the system says.
        #[source]
        source: io::Error,
    },
    /// What was there could not be removed.
    #[error(transparent)]
    Stale(root::Error),
}

/// Binds the socket. Between binding and the change of mode only its owner can connect: the usual umask takes the write
/// bit, and a connection needs it.
pub(super) fn bind(root: &Root) -> Result<UnixListener, Error> {
    let failed = |operation| move |source| Error::Socket { operation, source };
    let place = root.path(path::SOCKET);
    fs::create_dir_all(place.parent().unwrap_or_else(|| Path::new("/")))
        .map_err(failed("making the directory of"))?;
    root.remove(path::SOCKET).map_err(Error::Stale)?;
    let listener = UnixListener::bind(&place).map_err(failed("binding"))?;
    group::give(root, &place).map_err(failed("changing the group of"))?;
    fs::set_permissions(&place, fs::Permissions::from_mode(MODE))
        .map_err(failed("changing the mode of"))?;
    Ok(listener)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::{FileTypeExt as _, MetadataExt as _};

    use super::*;

    #[tokio::test]
    async fn the_socket_replaces_a_stale_one_and_is_closed_to_others() {
        let directory = tempfile::tempdir().unwrap();
        let root = Root::new(directory.path());
        drop(bind(&root).unwrap());
        let _listener = bind(&root).unwrap();
        let metadata = fs::metadata(root.path(path::SOCKET)).unwrap();
        assert!(metadata.file_type().is_socket());
        assert_eq!(metadata.mode() & 0o777, 0o660);
    }
}
