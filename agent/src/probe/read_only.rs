//! Did the kernel give up on a file system of the node, and lets nobody write to it any more?

use std::path::Path;

use node::finding;

use super::reading::{Open, Reading};
use crate::host::volume::{self, Mount};

/// Where a node writes.
const PLACES: [&str; 7] = [
    "/",
    "/etc",
    "/var",
    "/var/lib",
    "/var/lib/containerd",
    "/var/lib/kubelet",
    "/var/log",
];

/// What these mounts mean. That a mount is read-only is somebody's wish, and the file system with it; that the file system
/// is while the mount is not is the kernel's doing.
pub fn judge(mounts: &[Mount], open: &Open) -> Vec<Reading> {
    let finding = &finding::STORAGE_READ_ONLY;
    let mut readings = Vec::new();
    let mut can_write = !mounts.is_empty();
    for place in PLACES {
        let Some(mount) = volume::below(mounts, Path::new(place)) else {
            continue;
        };
        can_write &= place == "/" || !(mount.is_read_only || mount.is_locked);
        if mount.point != Path::new(place) || !mount.source.starts_with("/dev/") {
            continue;
        }
        let has_failed = mount.is_locked && !mount.is_read_only;
        readings.push(if has_failed {
            let device = &mount.source;
            Reading::failed(
                finding,
                place,
                format!("the file system of `{place}` ({device}) turned read-only: it is mounted to be written"),
            )
        } else {
            Reading::passed(finding, place)
        });
    }
    let is_told = |object: &str| readings.iter().any(|reading| reading.object == object);
    let gone: Vec<Reading> = open
        .objects(finding)
        .filter(|object| object.starts_with('/') && !mounts.is_empty() && !is_told(object))
        .map(|object| Reading::passed(finding, object))
        .collect();
    readings.extend(gone);
    // The daemons can write again, whatever they have said. A root that is an image is nobody's to write to.
    if can_write && readings.iter().all(|reading| reading.failure.is_none()) {
        readings.push(Reading::passed(finding, ""));
    }
    readings
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::host::root::Root;

    fn told(table: &str) -> Vec<(String, bool)> {
        told_again(table, &Open::default())
    }

    fn told_again(table: &str, open: &Open) -> Vec<(String, bool)> {
        let directory = tempfile::tempdir().unwrap();
        let root = Root::new(directory.path());
        root.write("/proc/1/mountinfo", table.as_bytes(), 0o644)
            .unwrap();
        let readings = judge(&volume::mounts(&root).unwrap(), open).into_iter();
        readings
            .map(|reading| (reading.object, reading.failure.is_some()))
            .collect()
    }

    fn object(object: &str, is_failure: bool) -> (String, bool) {
        (object.to_owned(), is_failure)
    }

    const HEALTHY: &str = "\
22 1 259:1 / / rw,noatime shared:1 - xfs /dev/nvme0n1p1 rw,seclabel,attr2,inode64,noquota
23 22 0:21 / /proc rw,nosuid,nodev,noexec,relatime shared:12 - proc proc rw
25 22 259:2 / /boot/efi rw,noatime shared:30 - vfat /dev/nvme0n1p128 ro,fmask=0077
30 22 259:3 / /var/lib/containerd rw,noatime shared:9 - ext4 /dev/nvme1n1 rw,errors=remount-ro
";

    #[test]
    fn a_healthy_node_and_one_on_an_image_can_write() {
        assert_eq!(
            told(HEALTHY),
            [
                object("/", false),
                object("/var/lib/containerd", false),
                object("", false)
            ]
        );
        let image = HEALTHY
            .replace("/ / rw", "/ / ro")
            .replace("nvme0n1p1 rw", "nvme0n1p1 ro");
        let image = format!(
            "{image}31 22 259:4 / /etc rw - ext4 /dev/nvme2n1 rw\n32 22 259:4 /var /var rw - ext4 /dev/nvme2n1 rw\n"
        );
        assert!(told(&image).iter().all(|(_, is_failure)| !is_failure));
        assert!(told(&image).contains(&object("", false)));
    }

    #[test]
    fn a_file_system_that_the_kernel_gave_up_on_is_told() {
        for locked in ["ro,errors=remount-ro", "rw,emergency_ro"] {
            let table = HEALTHY.replace("rw,errors=remount-ro", locked);
            assert_eq!(
                told(&table),
                [object("/", false), object("/var/lib/containerd", true)]
            );
        }
    }

    #[test]
    fn what_somebody_mounted_read_only_is_no_fault_and_no_proof_that_daemons_can_write() {
        let wanted = HEALTHY
            .replace("containerd rw", "containerd ro")
            .replace("rw,errors=remount-ro", "ro");
        assert_eq!(
            told(&wanted),
            [object("/", false), object("/var/lib/containerd", false)]
        );
    }

    #[test]
    fn a_container_on_an_overlay_can_write() {
        let table = "\
700 650 0:60 / / rw,relatime shared:300 - overlay overlay rw,lowerdir=/a,upperdir=/b,workdir=/c
701 700 0:71 / /proc rw,nosuid - proc proc rw
702 701 0:71 /sys /proc/sys ro,nosuid - proc proc rw
703 700 254:0 /lab/c /var/lib/containerd rw,relatime - ext4 /dev/vda rw,discard
";
        assert_eq!(
            told(table),
            [object("/var/lib/containerd", false), object("", false)]
        );
        assert_eq!(told("no table"), []);
    }

    #[test]
    fn what_is_mounted_no_more_is_over_and_words_of_the_kernel_stay() {
        let of = |object| Open::one(&finding::STORAGE_READ_ONLY, object);
        assert!(
            told_again(HEALTHY, &of("/var/lib/kubelet"))
                .contains(&object("/var/lib/kubelet", false))
        );
        assert!(!told_again(HEALTHY, &of("nvme1n1")).contains(&object("nvme1n1", false)));
    }
}
