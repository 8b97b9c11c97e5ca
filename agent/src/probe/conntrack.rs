//! Is the table of tracked connections full?

use node::finding;

use super::reading::{Open, Reading, Share, number};
use crate::host::root::Root;

const SHARE: Share = Share {
    fails_from: 90,
    passes_below: 80,
};

/// Connections that are tracked, and the most that may be; nothing where the kernel tracks none.
pub fn look(root: &Root) -> Option<(u64, u64)> {
    let of = |name| {
        number(
            root,
            &format!("/proc/sys/net/netfilter/nf_conntrack_{name}"),
        )
    };
    Some((of("count")?, of("max")?))
}

/// What that means.
pub fn judge(seen: Option<(u64, u64)>, open: &Open) -> Option<Reading> {
    let (count, limit) = seen?;
    SHARE.reading(
        (count, limit),
        (&finding::NETWORK_CONNTRACK_FULL, ""),
        open,
        || format!("{count} of {limit} connections are tracked (net.netfilter.nf_conntrack_max)"),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_is_full_from_nine_tenths_on_until_a_fifth_is_free() {
        let directory = tempfile::tempdir().unwrap();
        let root = Root::new(directory.path());
        let set = |name: &str, text: &str| {
            let path = format!("/proc/sys/net/netfilter/nf_conntrack_{name}");
            root.write(path, text.as_bytes(), 0o644).unwrap();
        };
        let open = Open::one(&finding::NETWORK_CONNTRACK_FULL, "");
        assert_eq!(judge(look(&root), &open), None);
        set("max", "131072\n");
        assert_eq!(judge(look(&root), &open), None);
        set("count", "118000\n");
        let failure = judge(look(&root), &Open::default()).unwrap().failure;
        assert_eq!(
            failure.as_deref(),
            Some("118000 of 131072 connections are tracked (net.netfilter.nf_conntrack_max)")
        );
        set("count", "110000\n");
        assert_eq!(judge(look(&root), &Open::default()), None);
        assert!(judge(look(&root), &open).unwrap().failure.is_some());
        set("count", "312\n");
        assert_eq!(judge(look(&root), &open).unwrap().failure, None);
        // No limit.
        set("max", "0\n");
        assert_eq!(judge(look(&root), &open), None);
    }
}
