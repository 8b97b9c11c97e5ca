//! Files that are wholly written or not at all.

use std::fs::{self, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

/// What a person keeps to themselves.
pub const PRIVATE: u32 = 0o600;

/// Writes a file anew with this mode, or leaves it as it was. A symbolic link stays one, and its target is changed.
pub fn replace(path: &Path, mode: u32, content: &[u8]) -> io::Result<()> {
    let path = &fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
    let temporary = with_suffix(path, &format!(".{}.tmp", std::process::id()));
    let written = write_new(&temporary, mode, content).and_then(|()| fs::rename(&temporary, path));
    if written.is_err() {
        let _already_gone = fs::remove_file(&temporary);
    }
    written
}

fn write_new(path: &Path, mode: u32, content: &[u8]) -> io::Result<()> {
    // A leftover of a killed run with the same process id is nobody's.
    let _absent = fs::remove_file(path);
    let mut file = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(mode)
        .open(path)?;
    file.write_all(content)?;
    file.sync_all()
}

/// The path with something after its last character.
pub fn with_suffix(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    name.into()
}
