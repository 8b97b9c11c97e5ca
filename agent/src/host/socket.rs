//! Unix sockets of other programs of the node.

use std::io;
use std::path::Path;

use tokio::net::UnixStream;

use super::root::Root;

/// A connection to the program that listens there.
pub async fn connect(root: &Root, path: impl AsRef<Path>) -> io::Result<UnixStream> {
    UnixStream::connect(root.path(path)).await
}
