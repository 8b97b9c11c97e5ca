//! Standard input, for commands that read a document from it.

use std::io::{self, Read as _};

use super::root;

/// What standard input holds, up to one byte more than `maximum`, so that the reader sees that it is too much.
///
/// # Errors
/// When it cannot be read.
pub fn read(maximum: u64) -> Result<Vec<u8>, root::Error> {
    let mut bytes = Vec::new();
    io::stdin()
        .lock()
        .take(maximum.saturating_add(1))
        .read_to_end(&mut bytes)
        .map_err(|source| root::Error {
            operation: "reading",
            path: "/dev/stdin".into(),
            source,
        })?;
    Ok(bytes)
}
