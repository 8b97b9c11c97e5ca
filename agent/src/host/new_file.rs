//! A file that a person asked for by name, anywhere; what stands there is left alone.

use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;

/// Creates it, for its owner alone. Neither an existing file nor the target of a link is written over.
pub fn create(path: &Path) -> io::Result<File> {
    OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path)
}

/// Takes a half-written one away.
pub fn discard(path: &Path) {
    drop(fs::remove_file(path));
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    #[test]
    fn a_file_is_new_and_its_owners_or_is_not_made() {
        let directory = tempfile::tempdir().unwrap();
        let place = directory.path().join("a");
        let file = create(&place).unwrap();
        let mode = file.metadata().unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        assert_eq!(
            create(&place).unwrap_err().kind(),
            io::ErrorKind::AlreadyExists
        );
        discard(&place);
        assert!(!place.exists());
    }
}
