//! The token of this boot, `/run/nodeagent/token`: 256 bits of chance as hexadecimal digits, for root and one group. It
//! is kept over restarts of the daemon, and a new one is made when the machine starts again, because `/run` is empty then.

use std::fmt::Write as _;
use std::hint::black_box;
use std::io;

use node::chain::Chain;
use node::redact::Secret;
use sha2::{Digest as _, Sha256};

use super::super::group;
use crate::host::root::{self, Root};
use crate::host::{path, random};

const BYTES: usize = 32;
const MODE: u32 = 0o640;

/// Why there is no token.
#[derive(Debug, thiserror::Error)]
pub(super) enum Error {
    /// The file cannot be read or written.
    #[error("keeping the token")]
    File(#[source] root::Error),
    /// It cannot be given to its group.
    #[error("changing the group of `{}`", path::TOKEN)]
    Group(#[source] io::Error),
    /// The system has no chance to give.
    #[error("making a token")]
    Chance(#[source] io::Error),
}

/// The token that is there, else a new one.
pub(super) fn keep(root: &Root) -> Result<Secret<String>, Error> {
    if let Some(token) = existing(root)? {
        return Ok(token);
    }
    let mut text = String::with_capacity(2 * BYTES + 1);
    for byte in random::bytes::<BYTES>().map_err(Error::Chance)? {
        write!(text, "{byte:02x}").unwrap_or_default();
    }
    root.write(path::TOKEN, text.as_bytes(), MODE)
        .map_err(Error::File)?;
    group::give(root, &root.path(path::TOKEN)).map_err(Error::Group)?;
    Ok(Secret::new(text))
}

/// A token that somebody else can have read or chosen is none.
fn existing(root: &Root) -> Result<Option<Secret<String>>, Error> {
    if root.mode(path::TOKEN) != Some(MODE) {
        return Ok(None);
    }
    let text = root.read_text(path::TOKEN).map_err(Error::File)?;
    Ok(text
        .filter(|text| text.len() == 2 * BYTES && text.bytes().all(|byte| byte.is_ascii_hexdigit()))
        .map(Secret::new))
}

/// Without the listener there is no token either.
pub(super) fn remove(root: &Root) {
    if let Err(error) = root.remove(path::TOKEN) {
        tracing::warn!(error = %Chain(&error), "the token of loopback stays behind");
    }
}

/// What is kept of a token to know it again.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Fingerprint([u8; 32]);

impl std::fmt::Debug for Fingerprint {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("Fingerprint")
    }
}

impl Fingerprint {
    pub(super) fn of(token: &Secret<String>) -> Self {
        Self(Sha256::digest(token.expose().as_bytes()).into())
    }

    /// Whether both are of the same token, in a time that does not tell how much of them is the same.
    pub(super) fn is(&self, other: &Self) -> bool {
        let difference = self
            .0
            .iter()
            .zip(&other.0)
            .fold(0, |difference, (one, other)| {
                black_box(difference | (one ^ other))
            });
        difference == 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn root() -> (tempfile::TempDir, Root) {
        let directory = tempfile::tempdir().unwrap();
        let root = Root::new(directory.path());
        (directory, root)
    }

    #[test]
    fn a_token_is_kept_until_it_is_removed_and_no_two_are_the_same() {
        let (_directory, root) = root();
        let first = keep(&root).unwrap();
        assert_eq!(root.mode(path::TOKEN), Some(0o640));
        assert_eq!(first.expose().len(), 64);
        assert_eq!(keep(&root).unwrap(), first);
        remove(&root);
        assert!(!root.exists(path::TOKEN));
        assert_ne!(keep(&root).unwrap(), first);
    }

    #[test]
    fn a_token_that_others_could_read_or_that_is_short_is_made_anew() {
        let (_directory, root) = root();
        for (content, mode) in [("0".repeat(64), 0o644), ("0".repeat(8), 0o640)] {
            root.write(path::TOKEN, content.as_bytes(), mode).unwrap();
            assert_ne!(keep(&root).unwrap().expose(), &content);
            assert_eq!(root.mode(path::TOKEN), Some(0o640));
        }
    }

    #[test]
    fn fingerprints_are_those_of_the_same_token() {
        let of = |text: &str| Fingerprint::of(&Secret::new(text.to_owned()));
        assert!(of("a").is(&of("a")));
        assert!(!of("a").is(&of("b")));
        assert_eq!(format!("{:?}", of("a")), "Fingerprint");
    }
}
