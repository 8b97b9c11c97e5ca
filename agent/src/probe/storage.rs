//! Can the node write where it must: is there space, are there inodes, is nothing read-only?

use std::io::ErrorKind;

use node::finding::{self, Finding};

use super::Outcome;
use crate::host::root::{self, Root};
use crate::host::volume::{self, Volume};

/// Where the bootstrap, containerd and the kubelet write.
const PLACES: [&str; 5] = [
    "/etc",
    "/var/lib",
    "/var/lib/kubelet",
    "/var/lib/containerd",
    "/var/log",
];

/// Less than this share of a volume is nothing: the next image or log takes it. Long before, the kubelet evicts.
const LEAST_SHARE: u64 = 100;
/// And so is less than this, whatever the size.
const LEAST_BYTES: u64 = 16 << 20;

/// Looks at the volumes that a node writes to, each once. What cannot be looked at is left out: who wants to write there
/// says so.
pub fn look(root: &Root) -> Vec<Volume> {
    let mounts = volume::mounts(root).unwrap_or_default();
    let mut volumes: Vec<Volume> = Vec::new();
    for place in PLACES {
        let Ok(volume) = volume::look_in(root, place, &mounts) else {
            continue;
        };
        // One file system can be mounted in several ways.
        let is_known = volumes.iter().any(|known| {
            (known.id, known.size, known.is_read_only)
                == (volume.id, volume.size, volume.is_read_only)
        });
        if !is_known {
            volumes.push(volume);
        }
    }
    volumes
}

/// What these volumes mean: nothing but faults.
pub fn judge(volumes: &[Volume]) -> Vec<Outcome> {
    volumes.iter().filter_map(fault).collect()
}

fn fault(volume: &Volume) -> Option<Outcome> {
    let path = volume.path.display();
    let finding: &'static Finding;
    let seen: String;
    if volume.is_read_only {
        finding = &finding::STORAGE_READ_ONLY;
        seen = format!("the file system of `{path}` is mounted read-only");
    } else if volume.inodes > 0 && volume.free_inodes < volume.inodes.div_ceil(LEAST_SHARE) {
        finding = &finding::STORAGE_INODES_EXHAUSTED;
        let (free, all) = (volume.free_inodes, volume.inodes);
        seen = format!("the file system of `{path}` has {free} of {all} inodes left");
    } else if volume.free < (volume.size / LEAST_SHARE).max(LEAST_BYTES) {
        finding = &finding::STORAGE_DISK_FULL;
        let (free, all) = (megabytes(volume.free), megabytes(volume.size));
        seen = format!("the file system of `{path}` has {free} MiB of {all} MiB left");
    } else {
        return None;
    }
    Some(Outcome::fault(finding, seen))
}

fn megabytes(bytes: u64) -> u64 {
    bytes >> 20
}

/// Which finding it is that a file could not be written, if it is one of storage; with what its volume looks like.
pub fn of(root: &Root, error: &root::Error) -> Option<(&'static Finding, Option<String>)> {
    let finding = match error.source.kind() {
        ErrorKind::StorageFull | ErrorKind::QuotaExceeded => &finding::STORAGE_DISK_FULL,
        ErrorKind::ReadOnlyFilesystem => &finding::STORAGE_READ_ONLY,
        _ => return None,
    };
    // No space and no inodes are one error.
    let seen = error
        .path
        .to_str()
        .and_then(|path| volume::look(root, path).ok())
        .and_then(|volume| fault(&volume));
    Some(match seen {
        Some(Outcome::Fault(fault)) => (fault.finding, fault.evidence.into_iter().next()),
        _ => (finding, None),
    })
}

#[cfg(test)]
mod tests {
    use std::io;
    use std::path::PathBuf;

    use super::*;

    const GIB: u64 = 1 << 30;

    fn volume() -> Volume {
        Volume {
            path: PathBuf::from("/var/lib"),
            id: 1,
            size: 80 * GIB,
            free: 40 * GIB,
            inodes: 1000,
            free_inodes: 500,
            is_read_only: false,
        }
    }

    fn judged(volume: Volume) -> Option<(String, String)> {
        let outcomes = judge(&[volume]);
        let (code, seen) = outcomes.first()?.told();
        Some((code.to_owned(), seen.to_owned()))
    }

    #[test]
    fn a_volume_with_room_is_no_finding() {
        assert_eq!(judged(volume()), None);
        let nearly_full = Volume {
            free: GIB,
            ..volume()
        };
        assert_eq!(judged(nearly_full), None);
        // Inodes that are made as they are needed.
        let dynamic = Volume {
            inodes: 0,
            free_inodes: 0,
            ..volume()
        };
        assert_eq!(judged(dynamic), None);
    }

    #[test]
    fn a_volume_without_space_inodes_or_permission_is_named_with_its_figures() {
        let full = Volume {
            free: 700 << 20,
            ..volume()
        };
        let (code, seen) = judged(full).unwrap();
        assert_eq!(
            (code.as_str(), seen.as_str()),
            (
                "storage.disk_full",
                "the file system of `/var/lib` has 700 MiB of 81920 MiB left"
            )
        );
        let small = Volume {
            size: 64 << 20,
            free: 8 << 20,
            ..volume()
        };
        assert_eq!(judged(small).unwrap().0, "storage.disk_full");
        let crowded = Volume {
            free_inodes: 9,
            ..volume()
        };
        assert_eq!(judged(crowded).unwrap().0, "storage.inodes_exhausted");
        let locked = Volume {
            is_read_only: true,
            ..volume()
        };
        assert_eq!(judged(locked).unwrap().0, "storage.read_only");
    }

    #[test]
    fn an_error_of_a_write_is_named_after_what_the_kernel_says() {
        let directory = tempfile::tempdir().unwrap();
        let root = Root::new(directory.path());
        let code = |kind: ErrorKind| {
            let error = root::Error {
                operation: "writing",
                path: "/var/lib/kubelet/kubeconfig".into(),
                source: io::Error::from(kind),
            };
            of(&root, &error).map(|(finding, _)| finding.code)
        };
        assert_eq!(code(ErrorKind::StorageFull), Some("storage.disk_full"));
        assert_eq!(
            code(ErrorKind::ReadOnlyFilesystem),
            Some("storage.read_only")
        );
        assert_eq!(code(ErrorKind::PermissionDenied), None);
    }
}
