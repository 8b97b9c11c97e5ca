//! Files below a root directory: `/` on a node, another directory for `--root` and in tests.
//!
//! A file is written beside its place, synced and renamed, so that a reader, or a machine that loses power, sees the old
//! content or the new and never a part. A symbolic link at the place is replaced, not followed.

use std::collections::BTreeSet;
use std::fs::{self, File, OpenOptions};
use std::io::{self, ErrorKind, Write as _};
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

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

const TEMPORARY_PREFIX: &str = ".nodeagent-";

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
        match fs::read(self.path(&path)) {
            Ok(content) => Ok(Some(content)),
            Err(error)
                if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) =>
            {
                Ok(None)
            }
            Err(source) => Err(failed("reading", path, source)),
        }
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

/// A new content that stands beside its place.
struct Staged<'a> {
    path: &'a Path,
    target: PathBuf,
    temporary: PathBuf,
    file: File,
}

impl Staged<'_> {
    fn directory(&self) -> &Path {
        directory_of(&self.target)
    }

    /// What is below `/run` is gone after a loss of power whatever is done.
    fn is_volatile(&self) -> bool {
        self.path.starts_with("/run")
    }
}

fn directory_of(target: &Path) -> &Path {
    target.parent().unwrap_or_else(|| Path::new("/"))
}

/// Writes the new content beside its place; `None` when it is there already.
fn stage<'a>(target: &Path, new: &NewFile<'a>) -> io::Result<Option<Staged<'a>>> {
    if is_already(target, new.content, new.mode) {
        return Ok(None);
    }
    let directory = directory_of(target);
    fs::create_dir_all(directory)?;
    let name = target.file_name().unwrap_or_default().to_string_lossy();
    // One name per target, so that what a killed run left is replaced by the next and never piles up.
    let temporary = directory.join(format!("{TEMPORARY_PREFIX}{name}"));
    match fs::remove_file(&temporary) {
        Err(error) if error.kind() != ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    match write_temporary(&temporary, target, new.content, new.mode) {
        Ok(file) => Ok(Some(Staged {
            path: new.path,
            target: target.to_owned(),
            temporary,
            file,
        })),
        Err(error) => {
            drop(fs::remove_file(&temporary));
            Err(error)
        }
    }
}

fn write_temporary(temporary: &Path, target: &Path, content: &[u8], mode: u32) -> io::Result<File> {
    let mut file = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(mode)
        .open(temporary)?;
    // The mode of `open` is cut by the umask.
    file.set_permissions(fs::Permissions::from_mode(mode))?;
    keep_security_context(target, &file);
    file.write_all(content)?;
    Ok(file)
}

/// Moves what is staged to its place: first the content is on the disk, then the names are.
fn commit<'a>(staged: &[Staged<'a>]) -> Result<(), (&'a Path, io::Error)> {
    let durable: Vec<&Staged<'a>> = staged.iter().filter(|new| !new.is_volatile()).collect();
    let sync_directory = |new: &Staged<'_>| File::open(new.directory())?.sync_all();
    match &*durable {
        [] => {}
        [new] => new.file.sync_all().map_err(|error| (new.path, error))?,
        several => sync_file_systems(several)?,
    }
    for new in staged {
        fs::rename(&new.temporary, &new.target).map_err(|error| (new.path, error))?;
    }
    match &*durable {
        [] => Ok(()),
        [new] => sync_directory(new).map_err(|error| (new.path, error)),
        several => sync_file_systems(several),
    }
}

/// Everything that is new on the file systems of these files is on the disk afterwards.
fn sync_file_systems<'a>(staged: &[&Staged<'a>]) -> Result<(), (&'a Path, io::Error)> {
    let mut devices = BTreeSet::new();
    for new in staged {
        let synced = new.file.metadata().and_then(|metadata| {
            if devices.insert(metadata.dev()) {
                rustix::fs::syncfs(&new.file)?;
            }
            Ok(())
        });
        synced.map_err(|error| (new.path, error))?;
    }
    Ok(())
}

/// The error that led here is the one that matters; the next run removes what is left.
fn discard(staged: &[Staged<'_>]) {
    for new in staged {
        drop(fs::remove_file(&new.temporary));
    }
}

/// A new file takes the context of its directory; one that was relabelled by hand keeps its own.
fn keep_security_context(target: &Path, file: &File) {
    const ATTRIBUTE: &str = "security.selinux";
    let mut context = [0_u8; 256];
    let Ok(length) = rustix::fs::lgetxattr(target, ATTRIBUTE, &mut context) else {
        return;
    };
    let Some(context) = context.get(..length) else {
        return;
    };
    // Without SELinux there is nothing to keep, and with it a denial shows in the audit log.
    rustix::fs::fsetxattr(file, ATTRIBUTE, context, rustix::fs::XattrFlags::empty())
        .unwrap_or_default();
}

fn is_already(target: &Path, content: &[u8], mode: u32) -> bool {
    let Ok(metadata) = fs::symlink_metadata(target) else {
        return false;
    };
    metadata.is_file()
        && metadata.permissions().mode() & 0o7777 == mode
        && usize::try_from(metadata.len()).is_ok_and(|length| length == content.len())
        && fs::read(target).is_ok_and(|existing| existing == content)
}

#[cfg(test)]
mod tests {
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
