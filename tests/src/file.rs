//! Files with the path in the error. Whoever in the lab reads or writes a file of its own comes here.

use std::{
    fs::{self, File},
    io::{self, Read, Seek, SeekFrom},
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
};

use sha2::{Digest, Sha256};
use thiserror::Error;

/// What was being done to which file.
#[derive(Debug, Error)]
#[error("{doing} `{}`", path.display())]
pub struct FileError {
    doing: &'static str,
    path: PathBuf,
    #[source]
    source: io::Error,
}

impl FileError {
    /// An error of the operating system while `doing` something to `path`.
    pub fn new(doing: &'static str, path: impl Into<PathBuf>, source: io::Error) -> Self {
        Self {
            doing,
            path: path.into(),
            source,
        }
    }
}

fn at<T>(doing: &'static str, path: &Path, result: io::Result<T>) -> Result<T, FileError> {
    result.map_err(|source| FileError::new(doing, path, source))
}

/// The file as text.
pub fn read(path: &Path) -> Result<String, FileError> {
    at("reading", path, fs::read_to_string(path))
}

/// The file as bytes.
pub fn read_bytes(path: &Path) -> Result<Vec<u8>, FileError> {
    at("reading", path, fs::read(path))
}

/// Writes the file and the directories that lead to it.
pub fn write(path: &Path, content: impl AsRef<[u8]>) -> Result<(), FileError> {
    if let Some(parent) = path.parent() {
        create_directory(parent)?;
    }
    at("writing", path, fs::write(path, content))
}

/// Writes a file that only its owner may read.
pub fn write_secret(path: &Path, content: impl AsRef<[u8]>) -> Result<(), FileError> {
    write(path, "")?;
    set_mode(path, 0o600)?;
    write(path, content)
}

/// Writes a program.
pub fn write_program(path: &Path, content: impl AsRef<[u8]>) -> Result<(), FileError> {
    write(path, content)?;
    set_mode(path, 0o755)
}

/// Sets the permission bits.
pub fn set_mode(path: &Path, mode: u32) -> Result<(), FileError> {
    let permissions = fs::Permissions::from_mode(mode);
    at(
        "setting the mode of",
        path,
        fs::set_permissions(path, permissions),
    )
}

/// Creates the directory and those that lead to it.
pub fn create_directory(path: &Path) -> Result<(), FileError> {
    at("creating", path, fs::create_dir_all(path))
}

/// Opens the file for appending; creates it when there is none.
pub fn append(path: &Path) -> Result<File, FileError> {
    if let Some(parent) = path.parent() {
        create_directory(parent)?;
    }
    let opened = File::options().create(true).append(true).open(path);
    at("opening", path, opened)
}

/// Makes `link` point to `target`, whatever it pointed to before.
pub fn symlink(target: &Path, link: &Path) -> Result<(), FileError> {
    if let Some(parent) = link.parent() {
        create_directory(parent)?;
    }
    remove(link)?;
    at("linking", link, std::os::unix::fs::symlink(target, link))
}

/// Renames `from` to `to`.
pub fn rename(from: &Path, to: &Path) -> Result<(), FileError> {
    at("renaming", from, fs::rename(from, to))
}

/// Copies one file; shares its blocks where both are on one file system and `to` does not exist.
pub fn link_or_copy(from: &Path, to: &Path) -> Result<(), FileError> {
    if let Some(parent) = to.parent() {
        create_directory(parent)?;
    }
    if fs::hard_link(from, to).is_ok() {
        return Ok(());
    }
    at("copying", from, fs::copy(from, to).map(drop))
}

/// Copies a directory with all below it; symbolic links stay links.
pub fn copy_tree(from: &Path, to: &Path) -> Result<(), FileError> {
    create_directory(to)?;
    for entry in entries(from)? {
        let (source, target) = (from.join(&entry), to.join(&entry));
        let kind = at("reading", &source, fs::symlink_metadata(&source))?.file_type();
        if kind.is_dir() {
            copy_tree(&source, &target)?;
        } else if kind.is_symlink() {
            symlink(&at("reading", &source, fs::read_link(&source))?, &target)?;
        } else {
            at("copying", &source, fs::copy(&source, &target).map(drop))?;
        }
    }
    Ok(())
}

/// The names in a directory, sorted; none when there is no such directory.
pub fn entries(directory: &Path) -> Result<Vec<String>, FileError> {
    let listing = match fs::read_dir(directory) {
        Err(source)
            if matches!(
                source.kind(),
                io::ErrorKind::NotFound | io::ErrorKind::NotADirectory
            ) =>
        {
            return Ok(Vec::new());
        }
        other => at("listing", directory, other)?,
    };
    let mut names = Vec::new();
    for entry in listing {
        let name = at("listing", directory, entry)?.file_name();
        names.push(name.to_string_lossy().into_owned());
    }
    names.sort_unstable();
    Ok(names)
}

/// Removes the file or the whole directory; nothing there is as good.
pub fn remove(path: &Path) -> Result<(), FileError> {
    let removed = match fs::symlink_metadata(path) {
        Ok(metadata) if metadata.is_dir() => fs::remove_dir_all(path),
        Ok(_) => fs::remove_file(path),
        Err(source) => Err(source),
    };
    match removed {
        Err(source) if source.kind() != io::ErrorKind::NotFound => {
            Err(FileError::new("removing", path, source))
        }
        _ => Ok(()),
    }
}

/// Waits until no other process holds the file, then holds it until the value is dropped.
pub fn lock(path: &Path) -> Result<File, FileError> {
    let file = append(path)?;
    at("locking", path, file.lock())?;
    Ok(file)
}

/// The last lines of a log, for an error message; empty when there is no such file.
pub fn tail(path: &Path, lines: usize) -> String {
    const ENOUGH: i64 = 64 * 1024;
    let read = || -> io::Result<String> {
        let mut file = File::open(path)?;
        let length = i64::try_from(file.metadata()?.len()).unwrap_or(i64::MAX);
        file.seek(SeekFrom::End(-length.min(ENOUGH)))?;
        let mut bytes = Vec::new();
        file.read_to_end(&mut bytes)?;
        Ok(String::from_utf8_lossy(&bytes).into_owned())
    };
    let text = read().unwrap_or_default();
    let kept: Vec<&str> = text.lines().rev().take(lines).collect();
    kept.into_iter().rev().collect::<Vec<_>>().join("\n")
}

/// A short name for what something was built from: 16 hexadecimal digits over all parts.
pub fn key<'a>(parts: impl IntoIterator<Item = &'a [u8]>) -> String {
    let mut digest = Sha256::new();
    for part in parts {
        digest.update(part.len().to_le_bytes());
        digest.update(part);
    }
    let digest = digest.finalize();
    digest
        .iter()
        .take(8)
        .fold(String::new(), |text, byte| text + &format!("{byte:02x}"))
}

/// Everything below a directory as parts of a [`key`]: names, modes and contents.
pub fn fingerprint(directory: &Path) -> Result<Vec<u8>, FileError> {
    let mut digest = Sha256::new();
    digest_tree(directory, &mut digest)?;
    Ok(digest.finalize().to_vec())
}

fn digest_tree(directory: &Path, digest: &mut Sha256) -> Result<(), FileError> {
    for name in entries(directory)? {
        let path = directory.join(&name);
        let metadata = at("reading", &path, fs::symlink_metadata(&path))?;
        digest.update(name.as_bytes());
        digest.update([0]);
        digest.update(metadata.permissions().mode().to_le_bytes());
        if metadata.is_dir() {
            digest_tree(&path, digest)?;
        } else if metadata.is_symlink() {
            let target = at("reading", &path, fs::read_link(&path))?;
            digest.update(target.as_os_str().as_encoded_bytes());
        } else {
            digest.update(read_bytes(&path)?);
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_depends_on_where_one_part_ends() {
        let one = key([b"ab".as_slice(), b"c"]);
        let other = key([b"a".as_slice(), b"bc"]);
        assert_ne!(one, other);
        assert_eq!(one.len(), 16);
    }

    #[test]
    fn the_tail_of_a_log_is_its_last_lines_in_order() {
        let directory = tempfile::tempdir().unwrap();
        let log = directory.path().join("x.log");
        write(&log, "1\n2\n3\n").unwrap();
        assert_eq!(tail(&log, 2), "2\n3");
        assert_eq!(tail(&directory.path().join("none"), 2), "");
    }

    #[test]
    fn a_fingerprint_changes_with_the_mode_of_a_file() {
        let directory = tempfile::tempdir().unwrap();
        let program = directory.path().join("p");
        write(&program, "x").unwrap();
        let before = fingerprint(directory.path()).unwrap();
        set_mode(&program, 0o755).unwrap();
        assert_ne!(before, fingerprint(directory.path()).unwrap());
    }

    #[test]
    fn removing_what_is_not_there_succeeds() {
        let directory = tempfile::tempdir().unwrap();
        remove(&directory.path().join("none")).unwrap();
    }
}
