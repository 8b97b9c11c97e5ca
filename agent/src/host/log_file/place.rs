//! A place in a log file that is found again after a restart: which file, how far, and what stands before it.

use std::fmt;
use std::str::FromStr;

/// So many bytes before a place are compared.
pub(super) const TRAIL: usize = 64;

/// A place in a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Place {
    /// The file. A number is used again when its file is gone, so what stands before the place is compared, too.
    pub inode: u64,
    /// Bytes before the place.
    pub offset: u64,
    /// Of so many of them …
    pub length: usize,
    /// … this is the hash.
    pub hash: u64,
}

/// FNV-1a: it must be the same in the next version of this program, and nobody has a reason to forge it.
pub(super) fn hash(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3)
    })
}

impl fmt::Display for Place {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            inode,
            offset,
            length,
            hash,
        } = self;
        write!(formatter, "{inode}:{offset}:{length}:{hash:x}")
    }
}

/// The text is no place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct NoPlace;

impl FromStr for Place {
    type Err = NoPlace;

    fn from_str(text: &str) -> Result<Self, NoPlace> {
        let parse = || {
            let mut parts = text.split(':');
            let place = Self {
                inode: parts.next()?.parse().ok()?,
                offset: parts.next()?.parse().ok()?,
                length: parts.next()?.parse().ok()?,
                hash: u64::from_str_radix(parts.next()?, 16).ok()?,
            };
            let is_whole = parts.next().is_none() && place.length <= TRAIL;
            is_whole.then_some(place)
        };
        parse().ok_or(NoPlace)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_read_back() {
        let place = Place {
            inode: 12,
            offset: 345,
            length: 7,
            hash: hash(b"a line\n"),
        };
        assert_eq!(place.to_string().parse(), Ok(place));
        assert_eq!(hash(b""), 0xcbf2_9ce4_8422_2325);
        assert_eq!(hash(b"a"), 0xaf63_dc4c_8601_ec8c);
        for text in ["", "1:2:3", "1:2:65:0", "1:2:3:4:5", "a:2:3:4"] {
            assert_eq!(text.parse::<Place>(), Err(NoPlace), "{text}");
        }
    }
}
