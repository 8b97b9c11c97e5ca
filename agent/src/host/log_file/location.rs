//! Where a log file is now, and which other files it may have become.

use std::fs::{self, File, Metadata};
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use super::super::root::{self, Root};

/// What may hold links is below this; it is root's own.
const TRUSTED: &str = "/var/log";
/// The directory of the pods' logs, in it.
const PODS: &str = "pods";
/// How the names of files end that are no text any more, or not yet.
const COMPRESSED: [&str; 5] = [".gz", ".tmp", ".zst", ".xz", ".bz2"];
/// The most files of a directory that are looked at.
const FILES: usize = 256;
/// The pods of a node are listed when their directory has changed, and after so many looks in any case: a change within
/// one tick of the kernel's clock does not show.
const LOOKS: u32 = 20;

/// Where a log is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Location {
    /// At a path, below `/var/log`.
    Path(&'static str),
    /// Where the kubelet has the log of a container, `pods/NAMESPACE_POD_UID/CONTAINER/RESTARTS.log`, below `/var/log`.
    Container {
        /// `NAMESPACE_POD`, as far as it is the same for all pods of the kind.
        pod: &'static str,
        /// Name of the container.
        container: &'static str,
    },
}

/// A file that is there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Found {
    /// Below [`TRUSTED`].
    pub path: PathBuf,
    pub inode: u64,
    /// Seconds and nanoseconds.
    pub modified: (i64, i64),
}

impl Found {
    fn new(path: PathBuf, metadata: &Metadata) -> Option<Self> {
        metadata.is_file().then(|| Self {
            path,
            inode: metadata.ino(),
            modified: (metadata.mtime(), metadata.mtime_nsec()),
        })
    }
}

impl Location {
    /// Whether the container runtime puts each line in a frame.
    pub(super) fn is_framed(self) -> bool {
        matches!(self, Self::Container { .. })
    }

    /// How the names of all files of this log begin.
    fn stem(self) -> &'static str {
        match self {
            Self::Path(path) => Path::new(path)
                .file_stem()
                .and_then(|stem| stem.to_str())
                .unwrap_or(path),
            Self::Container { .. } => "",
        }
    }
}

/// Looks for the files of one log.
#[derive(Debug)]
pub(super) struct Search {
    root: Root,
    location: Location,
    /// Directories of the container, and when that of all pods had last changed.
    pods: Vec<PathBuf>,
    changed: Option<(i64, i64)>,
    looks: u32,
}

impl Search {
    pub(super) fn new(root: &Root, location: Location) -> Self {
        Self {
            root: root.clone(),
            location,
            pods: Vec::new(),
            changed: None,
            looks: 0,
        }
    }

    /// The file that is written now.
    pub(super) fn find(&mut self) -> Option<Found> {
        if let Location::Path(path) = self.location {
            let metadata = fs::symlink_metadata(self.root.path(TRUSTED).join(path)).ok()?;
            return Found::new(PathBuf::from(path), &metadata);
        }
        let directories = self.directories();
        let restarts = |found: &Found| {
            let name = found.path.file_name()?.to_str()?;
            name.strip_suffix(".log")?.parse::<u64>().ok()
        };
        let newest = |directory: PathBuf| {
            let files = files(&self.root, &directory).into_iter();
            files
                .filter_map(|found| Some((restarts(&found)?, found)))
                .max_by_key(|(restarts, _)| *restarts)
                .map(|(_, found)| found)
        };
        directories
            .into_iter()
            .filter_map(newest)
            .max_by_key(|found| found.modified)
    }

    /// Opens a file that was found, without following a link.
    pub(super) fn open(&self, found: &Found) -> Result<Option<File>, root::Error> {
        self.root.open_beneath(TRUSTED, &found.path)
    }

    /// Files beside it that are what it was before, or copies of it, the oldest first. Compressed ones are not.
    pub(super) fn others(&mut self) -> Vec<Found> {
        let directories = self.directories();
        let begins_so = |found: &Found| {
            let name = found.path.file_name().and_then(|name| name.to_str());
            name.is_some_and(|name| {
                let is_compressed = COMPRESSED.iter().any(|ending| name.ends_with(ending));
                !is_compressed && name.starts_with(self.location.stem())
            })
        };
        let mut others: Vec<Found> = directories
            .iter()
            .flat_map(|directory| files(&self.root, directory))
            .filter(begins_so)
            .collect();
        others.sort_by_key(|found| found.modified);
        others
    }

    /// The directories of pods are listed at the next look: within one tick of the kernel's clock a change does not show.
    #[cfg(test)]
    pub(super) fn look_again(&mut self) {
        self.looks = LOOKS;
    }

    /// The directories that may hold it, below [`TRUSTED`].
    fn directories(&mut self) -> Vec<PathBuf> {
        let (pod, container) = match self.location {
            Location::Path(path) => {
                let parent = Path::new(path).parent().map(Path::to_owned);
                return parent.into_iter().collect();
            }
            Location::Container { pod, container } => (pod, container),
        };
        let pods = Path::new(TRUSTED).join(PODS);
        let changed = fs::metadata(self.root.path(&pods))
            .ok()
            .map(|metadata| (metadata.mtime(), metadata.mtime_nsec()));
        self.looks += 1;
        if changed != self.changed || self.looks >= LOOKS {
            self.looks = 0;
            self.changed = changed;
            let names = self.root.list(&pods).unwrap_or_default().into_iter();
            self.pods = names
                .filter(|name| name.starts_with(pod))
                .map(|name| Path::new(PODS).join(name).join(container))
                .collect();
        }
        self.pods.clone()
    }
}

fn files(root: &Root, directory: &Path) -> Vec<Found> {
    let real = root.path(TRUSTED).join(directory);
    let Ok(entries) = fs::read_dir(real) else {
        return Vec::new();
    };
    let entries = entries.take(FILES).flatten();
    entries
        .filter_map(|entry| {
            let path = directory.join(entry.file_name());
            // Of a link it is the link's own.
            Found::new(path, &entry.metadata().ok()?)
        })
        .collect()
}
