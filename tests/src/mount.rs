//! What is mounted on this host, read from the kernel. The lab mounts nothing on the host but the file of its network
//! namespace; this module is how that is checked.

use std::path::{Path, PathBuf};

use crate::file;

/// The mount points at `directory` and below it.
pub fn below(directory: &Path) -> Vec<PathBuf> {
    let table = file::read(Path::new("/proc/self/mountinfo")).unwrap_or_default();
    parse(&table)
        .into_iter()
        .filter(|point| point.starts_with(directory))
        .collect()
}

/// The mount points of a `mountinfo` table; its fifth field, with octal escapes for blanks (proc(5)).
fn parse(table: &str) -> Vec<PathBuf> {
    table
        .lines()
        .filter_map(|line| line.split(' ').nth(4))
        .map(|field| {
            PathBuf::from(
                field
                    .replace("\\040", " ")
                    .replace("\\011", "\t")
                    .replace("\\134", "\\"),
            )
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mount_point_with_a_blank_is_read_as_it_is() {
        let table = "36 35 98:0 / /mnt/a\\040b rw,noatime master:1 - ext3 /dev/root rw\n";
        assert_eq!(parse(table), [PathBuf::from("/mnt/a b")]);
    }
}
