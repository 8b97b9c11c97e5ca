//! State that the lab's programs share: one JSON document a file, replaced as a whole and private to its owner.
//!
//! Owns the temp-and-rename write. Knows nothing of what the documents mean; records, credentials and access entries
//! are kept with it. The files live no longer than the lab, so nothing is synced to disk.

use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use serde::Serialize;
use serde::de::DeserializeOwned;
use thiserror::Error;

/// Why a state file could not be used.
#[derive(Debug, Error)]
pub enum JsonFileError {
    /// The file or its directory is there but cannot be read.
    #[error("cannot read `{}`", path.display())]
    Read {
        /// File or directory.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// The file holds something else than the document expected.
    #[error("cannot parse `{}`", path.display())]
    Parse {
        /// The file.
        path: PathBuf,
        /// What is wrong with it, with line and column.
        #[source]
        source: serde_json::Error,
    },
    /// The file could not be replaced; the old content, if any, is still there.
    #[error("cannot write `{}`", path.display())]
    Write {
        /// The file.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// The file could not be removed.
    #[error("cannot remove `{}`", path.display())]
    Remove {
        /// The file.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: io::Error,
    },
}

/// Reads a document; `None` when there is no such file.
pub(crate) fn read<T: DeserializeOwned>(path: &Path) -> Result<Option<T>, JsonFileError> {
    let text = match std::fs::read(path) {
        Ok(text) => text,
        Err(source) if source.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(source) => {
            return Err(JsonFileError::Read {
                path: path.to_owned(),
                source,
            });
        }
    };
    serde_json::from_slice(&text)
        .map(Some)
        .map_err(|source| JsonFileError::Parse {
            path: path.to_owned(),
            source,
        })
}

/// Reads every `*.json` document of a directory in the order of their names; none when there is no such directory.
pub(crate) fn read_directory<T: DeserializeOwned>(
    directory: &Path,
) -> Result<Vec<T>, JsonFileError> {
    let unreadable = |source| JsonFileError::Read {
        path: directory.to_owned(),
        source,
    };
    let entries = match std::fs::read_dir(directory) {
        Ok(entries) => entries,
        Err(source) if source.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(source) => return Err(unreadable(source)),
    };
    let mut paths = Vec::new();
    for entry in entries {
        let path = entry.map_err(unreadable)?.path();
        if path
            .extension()
            .is_some_and(|extension| extension == "json")
        {
            paths.push(path);
        }
    }
    paths.sort();
    // A document that another program removes between listing and reading is simply no longer there.
    paths
        .iter()
        .filter_map(|path| read(path).transpose())
        .collect()
}

/// Replaces a document (mode 0600), making its directory if need be. A reader sees the old one or the new one.
pub(crate) fn write<T: Serialize>(path: &Path, document: &T) -> Result<(), JsonFileError> {
    let replace = || -> io::Result<()> {
        let directory = path.parent().unwrap_or_else(|| Path::new("."));
        std::fs::create_dir_all(directory)?;
        let mut file = tempfile::NamedTempFile::new_in(directory)?;
        serde_json::to_writer_pretty(&mut file, document)?;
        file.write_all(b"\n")?;
        file.persist(path)?;
        Ok(())
    };
    replace().map_err(|source| JsonFileError::Write {
        path: path.to_owned(),
        source,
    })
}

/// Removes a document; one that is not there is no error.
pub(crate) fn remove(path: &Path) -> Result<(), JsonFileError> {
    match std::fs::remove_file(path) {
        Err(source) if source.kind() != io::ErrorKind::NotFound => Err(JsonFileError::Remove {
            path: path.to_owned(),
            source,
        }),
        _ => Ok(()),
    }
}
