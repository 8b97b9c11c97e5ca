//! How files get their content: beside their place, synced, renamed.

use std::collections::BTreeSet;
use std::fs::{self, File, OpenOptions};
use std::io::{self, ErrorKind, Write as _};
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use super::NewFile;

const TEMPORARY_PREFIX: &str = ".nodeagent-";

/// A new content that stands beside its place.
pub(super) struct Staged<'a> {
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
pub(super) fn stage<'a>(target: &Path, new: &NewFile<'a>) -> io::Result<Option<Staged<'a>>> {
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
pub(super) fn commit<'a>(staged: &[Staged<'a>]) -> Result<(), (&'a Path, io::Error)> {
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
pub(super) fn discard(staged: &[Staged<'_>]) {
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
