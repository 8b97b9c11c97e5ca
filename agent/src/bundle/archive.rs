//! A `tar.gz` that comes out in parts. The same files give the same bytes, but for the time of the bundle.
//!
//! Format: <https://pubs.opengroup.org/onlinepubs/9799919799/utilities/pax.html>, "ustar Interchange Format". Names here
//! are of less than 100 characters and files of less than 8 GiB, so nothing of its extensions is needed.

use std::io::Write as _;

use flate2::Compression;
use flate2::write::GzEncoder;
use jiff::Timestamp;

const BLOCK: usize = 512;
/// For root alone: there are no secrets in it, and it still says much of a node.
const MODE: u64 = 0o600;

/// The archive: what was packed and not yet taken.
#[derive(Debug)]
pub(super) struct Archive {
    at: u64,
    gzip: GzEncoder<Vec<u8>>,
}

impl Archive {
    pub(super) fn new(at: Timestamp) -> Self {
        Self {
            at: u64::try_from(at.as_second()).unwrap_or_default(),
            gzip: GzEncoder::new(Vec::new(), Compression::default()),
        }
    }

    /// Packs a file.
    pub(super) fn append(&mut self, name: &str, content: &[u8]) {
        self.write(&header(name, content.len() as u64, self.at));
        self.write(content);
        let rest = content.len() % BLOCK;
        if rest > 0 {
            self.write(&vec![0; BLOCK - rest]);
        }
    }

    /// What is packed so far.
    pub(super) fn take(&mut self) -> Vec<u8> {
        std::mem::take(self.gzip.get_mut())
    }

    /// The rest, with the end of the archive.
    pub(super) fn finish(&mut self) -> Vec<u8> {
        self.write(&[0; 2 * BLOCK]);
        // Memory takes everything.
        drop(self.gzip.try_finish());
        self.take()
    }

    fn write(&mut self, bytes: &[u8]) {
        // Memory takes everything.
        drop(self.gzip.write_all(bytes));
    }
}

fn header(name: &str, length: u64, at: u64) -> [u8; BLOCK] {
    let mut header = [0; BLOCK];
    let mut put = |position: usize, value: &[u8]| {
        for (place, byte) in header.iter_mut().skip(position).zip(value) {
            *place = *byte;
        }
    };
    put(
        0,
        name.as_bytes()
            .get(..name.len().min(100))
            .unwrap_or_default(),
    );
    put(100, format!("{MODE:07o}").as_bytes());
    put(108, b"0000000");
    put(116, b"0000000");
    put(124, format!("{length:011o}").as_bytes());
    put(136, format!("{at:011o}").as_bytes());
    // The sum is that of a header with spaces in its place.
    put(148, b"        ");
    put(156, b"0");
    put(257, b"ustar\x0000");
    put(265, b"root");
    put(297, b"root");
    let sum: u64 = header.iter().map(|byte| u64::from(*byte)).sum();
    for (place, byte) in header
        .iter_mut()
        .skip(148)
        .zip(format!("{sum:06o}\0 ").bytes())
    {
        *place = byte;
    }
    header
}
