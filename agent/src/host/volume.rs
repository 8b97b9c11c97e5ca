//! The file systems below paths of the node: how much of them is left, and whether they can be written.

use std::io;
use std::path::{Path, PathBuf};

use rustix::fs::StatVfsMountFlags;

use super::root::Root;

/// The mounts of PID 1, which are the machine's whatever this process is shown:
/// <https://docs.kernel.org/filesystems/proc.html#proc-pid-mountinfo-information-about-mounts>.
const MOUNTS: &str = "/proc/1/mountinfo";

/// The file system that a path lies on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Volume {
    /// The path that was asked about, or the nearest directory above it that exists.
    pub path: PathBuf,
    /// Tells file systems apart.
    pub id: u64,
    /// Bytes in all.
    pub size: u64,
    /// Bytes that root may still write.
    pub free: u64,
    /// Inodes in all; 0 where they are made as they are needed.
    pub inodes: u64,
    /// Inodes that are left.
    pub free_inodes: u64,
    /// Whether nothing can be written.
    pub is_read_only: bool,
}

/// One line of the table of mounts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mount {
    /// Where it is mounted.
    pub point: PathBuf,
    /// What is mounted: a device, or a word.
    pub source: String,
    /// Whether nothing can be written through this mount: somebody wanted it so.
    pub is_read_only: bool,
    /// Whether nothing can be written to the file system, through whichever mount: somebody wanted it so, or the kernel
    /// gave up on it.
    pub is_locked: bool,
}

/// All mounts of the machine, the earliest first; `None` where the table is not there.
pub fn mounts(root: &Root) -> Option<Vec<Mount>> {
    let table = root.read_text(MOUNTS).ok().flatten()?;
    Some(table.lines().filter_map(mount).collect())
}

/// Looks at the file system that this path lies on.
pub fn look(root: &Root, path: &str) -> io::Result<Volume> {
    look_in(root, path, &mounts(root).unwrap_or_default())
}

/// The same with the table of mounts at hand.
pub fn look_in(root: &Root, path: &str, mounts: &[Mount]) -> io::Result<Volume> {
    let existing = Path::new(path)
        .ancestors()
        .find(|path| root.exists(path))
        .unwrap_or_else(|| Path::new("/"));
    let is_read_only = below(mounts, existing).map(|mount| mount.is_read_only || mount.is_locked);
    let seen = rustix::fs::statvfs(root.path(existing))?;
    Ok(Volume {
        path: existing.to_owned(),
        id: seen.f_fsid,
        size: seen.f_blocks.saturating_mul(seen.f_frsize),
        free: seen.f_bfree.saturating_mul(seen.f_frsize),
        inodes: seen.f_files,
        free_inodes: seen.f_ffree,
        is_read_only: is_read_only
            .unwrap_or_else(|| seen.f_flag.contains(StatVfsMountFlags::RDONLY)),
    })
}

/// The mount that this path lies on; `None` when the table does not tell.
pub fn below<'a>(mounts: &'a [Mount], path: &Path) -> Option<&'a Mount> {
    // Of two mounts at one place the later one is seen.
    mounts
        .iter()
        .filter(|mount| path.starts_with(&mount.point))
        .max_by_key(|mount| mount.point.components().count())
}

fn mount(line: &str) -> Option<Mount> {
    let (mount, file_system) = line.split_once(" - ")?;
    let mut fields = mount.split(' ').skip(4);
    let (point, options) = (fields.next()?, fields.next()?);
    let mut file_system = file_system.split(' ').skip(1);
    let (source, super_options) = (file_system.next()?, file_system.next()?);
    let has = |options: &str, wanted: &str| options.split(',').any(|option| option == wanted);
    Some(Mount {
        point: PathBuf::from(point.replace("\\040", " ")),
        source: source.to_owned(),
        is_read_only: has(options, "ro"),
        // Since Linux 6.15 ext4 shows so that it has given up, and leaves `rw` where it is.
        is_locked: has(super_options, "ro") || has(super_options, "emergency_ro"),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const TABLE: &str = "\
22 1 254:0 / / rw,relatime shared:1 - xfs /dev/nvme0n1p1 rw,attr2
23 22 0:21 / /proc rw,nosuid - proc proc rw
30 22 254:1 / /var rw,relatime shared:9 - ext4 /dev/nvme1n1 ro,errors=remount-ro
31 30 254:2 / /var/lib/kubelet ro,relatime - ext4 /dev/nvme2n1 rw
32 30 254:3 / /var/a\\040b rw - ext4 /dev/nvme3n1 rw
33 22 0:30 / /run rw - tmpfs tmpfs rw
34 22 0:31 / /run ro - tmpfs tmpfs rw
";

    fn read_only(path: &str) -> Option<bool> {
        read_only_in(TABLE, path)
    }

    fn read_only_in(table: &str, path: &str) -> Option<bool> {
        let mounts: Vec<Mount> = table.lines().filter_map(mount).collect();
        below(&mounts, Path::new(path)).map(|mount| mount.is_read_only || mount.is_locked)
    }

    #[test]
    fn the_deepest_and_latest_mount_above_a_path_counts() {
        assert_eq!(read_only("/etc"), Some(false));
        // The kernel has given up on this one: the mount itself still says `rw`.
        assert_eq!(read_only("/var/lib/containerd"), Some(true));
        assert_eq!(read_only("/var/lib/kubelet/pki"), Some(true));
        assert_eq!(read_only("/var/a b/c"), Some(false));
        assert_eq!(read_only("/variable"), Some(false));
        assert_eq!(read_only("/run"), Some(true));
        assert_eq!(read_only_in("no table", "/"), None);
    }

    #[test]
    fn a_path_that_is_not_there_yet_lies_on_the_volume_above_it() {
        let directory = tempfile::tempdir().unwrap();
        let root = Root::new(directory.path());
        std::fs::create_dir(directory.path().join("var")).unwrap();
        let volume = look(&root, "/var/lib/kubelet").unwrap();
        assert_eq!(volume.path, Path::new("/var"));
        assert!(volume.size >= volume.free && volume.size > 0);
    }
}
