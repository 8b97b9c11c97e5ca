//! The place of the socket: `/run/nodeagent/agent.sock`, for root and one group.

use std::fs;
use std::io;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use rustix::fs::{Gid, chown};
use tokio::net::UnixListener;

use crate::host::path;
use crate::host::root::{self, Root};

/// Group whose members may ask.
const GROUP: &str = "nodeagent";
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
    if let Some(group) = group(root) {
        let group = Some(Gid::from_raw(group));
        chown(&place, None, group)
            .map_err(|error| failed("changing the group of")(error.into()))?;
    }
    fs::set_permissions(&place, fs::Permissions::from_mode(MODE))
        .map_err(failed("changing the mode of"))?;
    Ok(listener)
}

/// Number of the group, if there is one. A static program has no NSS; system groups are in the file.
fn group(root: &Root) -> Option<u32> {
    let groups = root.read_text("/etc/group").ok().flatten()?;
    groups.lines().find_map(|line| {
        let mut fields = line.split(':');
        (fields.next() == Some(GROUP))
            .then(|| fields.nth(1))
            .flatten()?
            .parse()
            .ok()
    })
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

    #[test]
    fn the_group_is_found_in_the_file() {
        let directory = tempfile::tempdir().unwrap();
        let root = Root::new(directory.path());
        assert_eq!(group(&root), None);
        root.write(
            "/etc/group",
            b"root:x:0:\nnodeagents:x:5:\nnodeagent:x:984:ops\n",
            0o644,
        )
        .unwrap();
        assert_eq!(group(&root), Some(984));
    }
}
