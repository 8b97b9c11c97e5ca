//! Files below a root directory: `/` on a node, another directory for `--root` and in tests.
//!
//! A file is written beside its place, synced and renamed, so that a reader, or a machine that loses power, sees the old
//! content or the new and never a part. A symbolic link at the place is replaced, not followed.

mod beneath;
mod staged;

use std::fs::{self, File};
use std::io::{self, ErrorKind, Read as _, Seek as _, SeekFrom};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use jiff::Timestamp;

use staged::{commit, discard, stage};

/// The file system below one directory.
#[derive(Debug, Clone)]
pub struct Root {
    directory: PathBuf,
}

/// A file as it shall be.
#[derive(Debug, Clone, Copy)]
pub struct NewFile<'a> {
    /// Absolute path on the node.
    pub path: &'a Path,
    /// Whole content.
    pub content: &'a [u8],
    /// Permission bits.
    pub mode: u32,
}

/// Whether a write changed anything.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Change {
    /// The file has new content or a new mode.
    Written,
    /// Content and mode were right already; the file was not touched.
    Unchanged,
}

/// An operation on a file that did not work.
#[derive(Debug, thiserror::Error)]
#[error("{operation} `{}`", path.display())]
pub struct Error {
    /// What was being done: `reading`, `writing`, `removing`.
    pub operation: &'static str,
    /// The path as the node knows it, without the root directory.
    pub path: PathBuf,
    /// What the system says.
    #[source]
    pub source: io::Error,
}

impl Root {
    /// Files below `directory`.
    pub fn new(directory: impl Into<PathBuf>) -> Self {
        Self {
            directory: directory.into(),
        }
    }

    /// Whether this is the machine's own file system.
    pub fn is_machine(&self) -> bool {
        self.directory == Path::new("/")
    }

    /// The real path of an absolute path below this root.
    pub fn path(&self, path: impl AsRef<Path>) -> PathBuf {
        let path = path.as_ref();
        self.directory.join(path.strip_prefix("/").unwrap_or(path))
    }

    /// Content of a file; `None` when it does not exist.
    pub fn read(&self, path: impl AsRef<Path>) -> Result<Option<Vec<u8>>, Error> {
        self.read_at_most(path, u64::MAX)
    }

    /// Content of a file, up to one byte more than `maximum`, so that the reader sees that it is too much; `None` when it
    /// does not exist.
    pub fn read_at_most(
        &self,
        path: impl AsRef<Path>,
        maximum: u64,
    ) -> Result<Option<Vec<u8>>, Error> {
        let Some(file) = self.open(&path)? else {
            return Ok(None);
        };
        let mut content = Vec::new();
        file.take(maximum.saturating_add(1))
            .read_to_end(&mut content)
            .map_err(|source| failed("reading", path, source))?;
        Ok(Some(content))
    }

    fn open(&self, path: impl AsRef<Path>) -> Result<Option<File>, Error> {
        match File::open(self.path(&path)) {
            Ok(file) => Ok(Some(file)),
            Err(error)
                if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) =>
            {
                Ok(None)
            }
            Err(source) => Err(failed("reading", path, source)),
        }
    }

    /// The last bytes of a file, at most `maximum`, and whether there is more before them; `None` when it does not exist.
    pub fn read_end(
        &self,
        path: impl AsRef<Path>,
        maximum: u64,
    ) -> Result<Option<(Vec<u8>, bool)>, Error> {
        let Some(mut file) = self.open(&path)? else {
            return Ok(None);
        };
        let mut end = || {
            let length = file.metadata()?.len();
            let before = length.saturating_sub(maximum);
            file.seek(SeekFrom::Start(before))?;
            let mut content = Vec::new();
            (&mut file).take(maximum).read_to_end(&mut content)?;
            Ok((content, before > 0))
        };
        end()
            .map(Some)
            .map_err(|source| failed("reading", path, source))
    }

    /// Content of a text file; `None` when it does not exist.
    pub fn read_text(&self, path: impl AsRef<Path>) -> Result<Option<String>, Error> {
        let Some(content) = self.read(&path)? else {
            return Ok(None);
        };
        String::from_utf8(content).map(Some).map_err(|error| {
            failed(
                "reading",
                path,
                io::Error::new(ErrorKind::InvalidData, error),
            )
        })
    }

    /// Whether something is there.
    pub fn exists(&self, path: impl AsRef<Path>) -> bool {
        self.path(path).exists()
    }

    /// Names of the entries of a directory, sorted; empty when it does not exist.
    pub fn list(&self, path: impl AsRef<Path>) -> Result<Vec<String>, Error> {
        let entries = match fs::read_dir(self.path(&path)) {
            Ok(entries) => entries,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
            Err(source) => return Err(failed("listing", path, source)),
        };
        let mut names = Vec::new();
        for entry in entries {
            let entry = entry.map_err(|source| failed("listing", &path, source))?;
            names.extend(entry.file_name().into_string().ok());
        }
        names.sort_unstable();
        Ok(names)
    }

    /// Makes `path` hold exactly `content` with these permission bits, as a whole or not at all. Directories above it are
    /// made when they are missing.
    pub fn write(
        &self,
        path: impl AsRef<Path>,
        content: &[u8],
        mode: u32,
    ) -> Result<Change, Error> {
        let path = path.as_ref();
        let written = self.write_all(&[NewFile {
            path,
            content,
            mode,
        }])?;
        Ok(written.first().copied().unwrap_or(Change::Unchanged))
    }

    /// The same for several files, which costs two waits for the disk in all and not two for each. A machine that loses
    /// power has each file as a whole or not at all, as with [`Self::write`].
    pub fn write_all(&self, files: &[NewFile<'_>]) -> Result<Vec<Change>, Error> {
        let mut staged = Vec::new();
        let mut changes = Vec::new();
        for file in files {
            match stage(&self.path(file.path), file) {
                Ok(Some(new)) => {
                    staged.push(new);
                    changes.push(Change::Written);
                }
                Ok(None) => changes.push(Change::Unchanged),
                Err(source) => {
                    discard(&staged);
                    return Err(failed("writing", file.path, source));
                }
            }
        }
        let committed = commit(&staged);
        if let Err((path, source)) = committed {
            discard(&staged);
            return Err(failed("writing", path, source));
        }
        Ok(changes)
    }

    /// Permission bits of a file; `None` when it does not exist.
    pub fn mode(&self, path: impl AsRef<Path>) -> Option<u32> {
        let metadata = fs::metadata(self.path(path)).ok()?;
        Some(metadata.permissions().mode() & 0o7777)
    }

    /// When a file was last written; `None` when it does not exist.
    pub fn modified(&self, path: impl AsRef<Path>) -> Option<Timestamp> {
        let metadata = fs::metadata(self.path(path)).ok()?;
        Timestamp::try_from(metadata.modified().ok()?).ok()
    }

    /// Removes a directory if it is empty; fine when it is not, or does not exist.
    pub fn remove_empty_directory(&self, path: impl AsRef<Path>) -> Result<Change, Error> {
        match fs::remove_dir(self.path(&path)) {
            Ok(()) => Ok(Change::Written),
            Err(error)
                if matches!(
                    error.kind(),
                    ErrorKind::NotFound
                        | ErrorKind::NotADirectory
                        | ErrorKind::DirectoryNotEmpty
                        | ErrorKind::ResourceBusy
                ) =>
            {
                Ok(Change::Unchanged)
            }
            Err(source) => Err(failed("removing", path, source)),
        }
    }

    /// Removes a file; fine when it does not exist.
    pub fn remove(&self, path: impl AsRef<Path>) -> Result<Change, Error> {
        match fs::remove_file(self.path(&path)) {
            Ok(()) => Ok(Change::Written),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(Change::Unchanged),
            Err(source) => Err(failed("removing", path, source)),
        }
    }
}

fn failed(operation: &'static str, path: impl AsRef<Path>, source: io::Error) -> Error {
    Error {
        operation,
        path: path.as_ref().to_path_buf(),
        source,
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::MetadataExt as _;

    use super::*;

    fn root() -> (tempfile::TempDir, Root) {
        let directory = tempfile::tempdir().unwrap();
        let root = Root::new(directory.path());
        (directory, root)
    }

    #[test]
    fn a_file_is_written_once_and_left_alone_after() {
        let (_directory, root) = root();
        assert_eq!(
            root.write("/etc/a/b", b"x", 0o600).unwrap(),
            Change::Written
        );
        let inode = fs::metadata(root.path("/etc/a/b")).unwrap().ino();
        assert_eq!(
            root.write("/etc/a/b", b"x", 0o600).unwrap(),
            Change::Unchanged
        );
        assert_eq!(fs::metadata(root.path("/etc/a/b")).unwrap().ino(), inode);
        assert_eq!(
            root.write("/etc/a/b", b"x", 0o644).unwrap(),
            Change::Written
        );
        assert_eq!(
            fs::metadata(root.path("/etc/a/b")).unwrap().mode() & 0o777,
            0o644
        );
        assert_eq!(root.list("/etc/a").unwrap(), ["b"]);
    }

    #[test]
    fn of_several_files_all_are_written_or_none() {
        let (_directory, root) = root();
        let new = |path, content: &'static str| NewFile {
            path: Path::new(path),
            content: content.as_bytes(),
            mode: 0o644,
        };
        root.write("/etc/a", b"old", 0o644).unwrap();
        let error = root
            .write_all(&[new("/etc/a", "new"), new("/etc/a/below", "x")])
            .unwrap_err();
        assert_eq!(error.to_string(), "writing `/etc/a/below`");
        assert_eq!(root.read_text("/etc/a").unwrap().as_deref(), Some("old"));
        assert_eq!(root.list("/etc").unwrap(), ["a"]);
        let changes = root
            .write_all(&[
                new("/etc/a", "old"),
                new("/etc/b", "b"),
                new("/run/c", "c"),
                new("/var/d", "d"),
            ])
            .unwrap();
        let names: Vec<bool> = changes
            .iter()
            .map(|change| *change == Change::Written)
            .collect();
        assert_eq!(names, [false, true, true, true]);
        assert_eq!(root.read_text("/var/d").unwrap().as_deref(), Some("d"));
    }

    #[test]
    fn a_link_is_replaced_and_its_target_untouched() {
        let (_directory, root) = root();
        root.write("/victim", b"mine", 0o644).unwrap();
        fs::create_dir_all(root.path("/etc")).unwrap();
        std::os::unix::fs::symlink(root.path("/victim"), root.path("/etc/file")).unwrap();
        root.write("/etc/file", b"new", 0o644).unwrap();
        assert_eq!(root.read_text("/victim").unwrap().as_deref(), Some("mine"));
        assert_eq!(root.read_text("/etc/file").unwrap().as_deref(), Some("new"));
    }

    #[test]
    fn what_a_killed_run_left_is_replaced() {
        let (_directory, root) = root();
        root.write("/etc/.nodeagent-file", b"half", 0o600).unwrap();
        root.write("/etc/file", b"whole", 0o644).unwrap();
        assert_eq!(root.list("/etc").unwrap(), ["file"]);
    }

    #[test]
    fn an_error_names_the_operation_and_the_path_of_the_node() {
        let (_directory, root) = root();
        root.write("/file", b"", 0o644).unwrap();
        assert_eq!(
            root.write("/file/below", b"x", 0o644)
                .unwrap_err()
                .to_string(),
            "writing `/file/below`"
        );
    }
}
