//! Is a file system of the node full, or out of inodes? Looked at again and again: what the boot needs is `storage`'s.

use std::path::Path;

use node::finding;

use super::reading::{Open, Reading, Share};
use crate::host::root::Root;
use crate::host::volume::{self, Mount, Volume};

/// Where a node has file systems of its own, if only the first of them.
const PLACES: [&str; 5] = [
    "/",
    "/var",
    "/var/lib",
    "/var/lib/containerd",
    "/var/lib/kubelet",
];

const SPACE: Share = Share {
    fails_from: 95,
    passes_below: 85,
};
const INODES: Share = Share {
    fails_from: 95,
    passes_below: 90,
};

/// The file systems that are mounted at these places, each once. One that somebody
/// mounted to be read is as full as it shall be.
pub fn look(root: &Root, mounts: &[Mount]) -> Vec<Volume> {
    let mut volumes: Vec<Volume> = Vec::new();
    for place in PLACES {
        let is_mounted = volume::below(mounts, Path::new(place))
            .is_some_and(|mount| mount.point == Path::new(place) && !mount.is_read_only);
        if !is_mounted {
            continue;
        }
        if let Ok(volume) = volume::look_in(root, place, mounts)
            // Directories of one disk may be mounted at several places.
            && !volumes.iter().any(|known| (known.id, known.size) == (volume.id, volume.size))
        {
            volumes.push(volume);
        }
    }
    volumes
}

/// What these volumes mean.
pub fn judge(volumes: &[Volume], open: &Open) -> Vec<Reading> {
    let mut readings: Vec<Reading> = volumes
        .iter()
        .flat_map(|volume| of_volume(volume, open))
        .collect();
    // What is mounted no more is not full either. A file system that cannot be looked at any more is another fault.
    for finding in [
        &finding::STORAGE_DISK_FULL,
        &finding::STORAGE_INODES_EXHAUSTED,
    ] {
        let is_gone = |object: &&str| {
            object.starts_with('/')
                && !volumes
                    .iter()
                    .any(|volume| volume.path == Path::new(object))
        };
        let gone = open.objects(finding).filter(is_gone);
        readings.extend(gone.map(|object| Reading::passed(finding, object)));
    }
    readings
}

fn of_volume(volume: &Volume, open: &Open) -> impl Iterator<Item = Reading> {
    let object = volume.path.to_string_lossy().into_owned();
    let bytes = (volume.size.saturating_sub(volume.free), volume.size);
    let space = SPACE.reading(bytes, (&finding::STORAGE_DISK_FULL, &object), open, || {
        let (free, size) = (volume.free >> 20, volume.size >> 20);
        format!("the file system of `{object}` has {free} MiB of {size} MiB left")
    });
    // Where inodes are made as they are needed there are none in all.
    let inodes = (
        volume.inodes.saturating_sub(volume.free_inodes),
        volume.inodes,
    );
    let inodes = INODES.reading(
        inodes,
        (&finding::STORAGE_INODES_EXHAUSTED, &object),
        open,
        || {
            let (free, all) = (volume.free_inodes, volume.inodes);
            format!("the file system of `{object}` has {free} of {all} inodes left")
        },
    );
    [space, inodes].into_iter().flatten()
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::*;

    fn volume(free: u64, free_inodes: u64) -> Volume {
        Volume {
            path: PathBuf::from("/var/lib"),
            id: 1,
            size: 1000 << 20,
            free: free << 20,
            inodes: 1000,
            free_inodes,
            is_read_only: false,
        }
    }

    fn told(volumes: &[Volume], open: &Open) -> Vec<(&'static str, Option<String>)> {
        let readings = judge(volumes, open).into_iter();
        readings
            .map(|reading| (reading.finding.code, reading.failure))
            .collect()
    }

    #[test]
    fn a_full_volume_is_told_with_its_figures_until_there_is_room() {
        let nothing = Open::default();
        let full = Open::one(&finding::STORAGE_DISK_FULL, "/var/lib");
        let passed = |code| (code, None);
        let failed = |code, words: &str| {
            (
                code,
                Some(format!("the file system of `/var/lib` has {words} left")),
            )
        };
        assert_eq!(
            told(&[volume(500, 500)], &nothing),
            [
                passed("storage.disk_full"),
                passed("storage.inodes_exhausted")
            ]
        );
        assert_eq!(
            told(&[volume(50, 500)], &nothing),
            [
                failed("storage.disk_full", "50 MiB of 1000 MiB"),
                passed("storage.inodes_exhausted")
            ]
        );
        assert_eq!(
            told(&[volume(500, 50)], &nothing),
            [
                passed("storage.disk_full"),
                failed("storage.inodes_exhausted", "50 of 1000 inodes")
            ]
        );
        // Between the bounds nothing begins, and nothing is over.
        assert_eq!(told(&[volume(120, 80)], &nothing), []);
        assert_eq!(
            told(&[volume(120, 80)], &full),
            [failed("storage.disk_full", "120 MiB of 1000 MiB")]
        );
    }

    #[test]
    fn what_is_mounted_no_more_is_not_full_and_words_of_daemons_stay() {
        let open = Open::one(&finding::STORAGE_DISK_FULL, "/var/lib/kubelet");
        assert_eq!(
            judge(&[], &open),
            [Reading::passed(
                &finding::STORAGE_DISK_FULL,
                "/var/lib/kubelet"
            )]
        );
        assert_eq!(judge(&[], &Open::one(&finding::STORAGE_DISK_FULL, "")), []);
    }

    #[test]
    fn places_that_are_no_mounts_or_mounted_to_be_read_are_not_looked_at() {
        let directory = tempfile::tempdir().unwrap();
        let root = Root::new(directory.path());
        let look = |table: &str| {
            root.write("/proc/1/mountinfo", table.as_bytes(), 0o644)
                .unwrap();
            let volumes = look(&root, &volume::mounts(&root).unwrap());
            let paths = volumes
                .iter()
                .map(|volume| volume.path.display().to_string());
            paths.collect::<Vec<_>>()
        };
        let disk = "22 1 259:1 / / rw,noatime shared:1 - xfs /dev/nvme0n1p1 rw,attr2,inode64\n";
        assert_eq!(look(disk), ["/"]);
        // One disk at two places; a root that is an image.
        std::fs::create_dir_all(root.path("/var/lib/kubelet")).unwrap();
        let twice = "30 22 259:3 / /var/lib/kubelet rw - xfs /dev/nvme1n1 rw,attr2\n";
        assert_eq!(look(&format!("{disk}{twice}")), ["/"]);
        let image = disk.replace("/ / rw", "/ / ro");
        assert_eq!(look(&format!("{image}{twice}")), ["/var/lib/kubelet"]);
    }
}
