//! The group whose members may ask.

use std::io;
use std::path::Path;

use rustix::fs::{Gid, chown};

use crate::host::root::Root;

const NAME: &str = "nodeagent";

/// Gives a file to the group, where there is one.
pub(super) fn give(root: &Root, place: &Path) -> io::Result<()> {
    if let Some(group) = number(root) {
        chown(place, None, Some(Gid::from_raw(group)))?;
    }
    Ok(())
}

/// Number of the group, if there is one. A static program has no NSS; system groups are in the file.
fn number(root: &Root) -> Option<u32> {
    let groups = root.read_text("/etc/group").ok().flatten()?;
    groups.lines().find_map(|line| {
        let mut fields = line.split(':');
        (fields.next() == Some(NAME))
            .then(|| fields.nth(1))
            .flatten()?
            .parse()
            .ok()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_group_is_found_in_the_file() {
        let directory = tempfile::tempdir().unwrap();
        let root = Root::new(directory.path());
        assert_eq!(number(&root), None);
        root.write(
            "/etc/group",
            b"root:x:0:\nnodeagents:x:5:\nnodeagent:x:984:ops\n",
            0o644,
        )
        .unwrap();
        assert_eq!(number(&root), Some(984));
    }
}
