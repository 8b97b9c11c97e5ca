//! Files in directories that others may write in: opened without following anybody's link.

use std::fs::File;
use std::io::{self, ErrorKind};
use std::path::{Component, Path};

use rustix::fs::{Mode, OFlags, openat};
use rustix::io::Errno;

use super::{Error, Root, failed};

impl Root {
    /// Opens a regular file for reading, `path` below the directory `trusted`: whoever may write below that directory, a pod
    /// that has it mounted for one, cannot have us read another file. `None`: there is no such file, or it is a link.
    ///
    /// # Errors
    /// When it may not be read, or is no regular file.
    pub fn open_beneath(&self, trusted: &str, path: &Path) -> Result<Option<File>, Error> {
        let full = || Path::new(trusted).join(path);
        match open(&self.path(trusted), path) {
            Ok(file) => Ok(Some(file)),
            Err(error)
                if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory)
                    || error.raw_os_error() == Some(Errno::LOOP.raw_os_error()) =>
            {
                Ok(None)
            }
            Err(source) => Err(failed("opening", full(), source)),
        }
    }
}

fn open(trusted: &Path, path: &Path) -> io::Result<File> {
    let mut at = File::open(trusted)?;
    let mut components = path.components().peekable();
    while let Some(component) = components.next() {
        let Component::Normal(name) = component else {
            return Err(ErrorKind::InvalidInput.into());
        };
        // A FIFO without a writer would be waited for.
        let mut flags = OFlags::RDONLY | OFlags::CLOEXEC | OFlags::NOFOLLOW | OFlags::NONBLOCK;
        if components.peek().is_some() {
            flags |= OFlags::DIRECTORY;
        }
        at = openat(&at, name, flags, Mode::empty())?.into();
    }
    if at.metadata()?.is_file() {
        Ok(at)
    } else {
        Err(io::Error::new(
            ErrorKind::InvalidInput,
            "it is no regular file",
        ))
    }
}

#[cfg(test)]
mod tests {
    use std::io::Read as _;
    use std::os::unix::fs::symlink;

    use rustix::fs::{CWD, mkfifoat};

    use super::*;

    #[test]
    fn a_file_is_opened_and_a_link_is_not() {
        let directory = tempfile::tempdir().unwrap();
        let root = Root::new(directory.path());
        root.write("/var/log/a/b.log", b"x", 0o600).unwrap();
        root.write("/etc/secret", b"x", 0o600).unwrap();
        let open = |path: &str| root.open_beneath("/var/log", Path::new(path));
        let mut content = String::new();
        let mut file = open("a/b.log").unwrap().unwrap();
        file.read_to_string(&mut content).unwrap();
        assert_eq!(content, "x");
        symlink(root.path("/etc/secret"), root.path("/var/log/a/link")).unwrap();
        symlink(root.path("/etc"), root.path("/var/log/etc")).unwrap();
        for path in ["a/link", "etc/secret", "none", "none/b", "a/b.log/c"] {
            assert!(open(path).unwrap().is_none(), "{path}");
        }
        assert!(open("../etc/secret").is_err());
        mkfifoat(CWD, root.path("/var/log/fifo"), Mode::RUSR).unwrap();
        let error = open("fifo").unwrap_err().to_string();
        assert_eq!(error, "opening `/var/log/fifo`");
    }
}
