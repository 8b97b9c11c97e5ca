//! One file that is read line by line as it grows.

use std::fs::File;
use std::io;
use std::os::unix::fs::{FileExt as _, MetadataExt as _};

use super::place::{Place, TRAIL, hash};

/// The most bytes of a line that are kept; of what is longer the beginning is.
pub(super) const LINE_BYTES: usize = 16 * 1024;
const READ_BYTES: usize = 16 * 1024;

/// One line.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Line {
    /// Its text; bytes that are not UTF-8 are replaced.
    pub text: String,
    /// It was longer.
    pub is_cut: bool,
}

/// A file and how far it was read.
#[derive(Debug)]
pub(super) struct Tail {
    file: File,
    inode: u64,
    /// Read and not looked at yet: from `start` on.
    chunk: Vec<u8>,
    start: usize,
    /// Bytes of the file before the next byte to be looked at.
    position: u64,
    /// The same at the end of the last whole line.
    offset: u64,
    line: Vec<u8>,
    is_overflowing: bool,
    /// The last bytes before `position`.
    trail: Vec<u8>,
    /// Its size and the time of its last change when it was last looked at.
    seen: Option<(u64, i64, i64)>,
    /// There was nothing more when it was last read.
    pub is_at_end: bool,
}

impl Tail {
    /// From its beginning.
    pub(super) fn new(file: File) -> io::Result<Self> {
        let inode = file.metadata()?.ino();
        Ok(Self {
            file,
            inode,
            chunk: Vec::new(),
            start: 0,
            position: 0,
            offset: 0,
            line: Vec::new(),
            is_overflowing: false,
            trail: Vec::new(),
            seen: None,
            is_at_end: false,
        })
    }

    /// From a place on; none where something else stands before it. The place may be of another file, of which this is a
    /// copy.
    pub(super) fn at(file: File, place: &Place) -> io::Result<Option<Self>> {
        let mut tail = Self::new(file)?;
        let mut trail = vec![0; place.length];
        let from = place.offset.checked_sub(place.length as u64);
        let is_it = match from {
            Some(from) => match tail.file.read_exact_at(&mut trail, from) {
                Ok(()) => hash(&trail) == place.hash,
                Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => false,
                Err(error) => return Err(error),
            },
            None => false,
        };
        if !is_it {
            return Ok(None);
        }
        tail.position = place.offset;
        tail.offset = place.offset;
        tail.trail = trail;
        Ok(Some(tail))
    }

    pub(super) fn inode(&self) -> u64 {
        self.inode
    }

    /// The end of the last whole line.
    pub(super) fn place(&self) -> Place {
        // A line that has begun is behind it.
        let begun = usize::try_from(self.position - self.offset).unwrap_or(usize::MAX);
        let length = self.trail.len().saturating_sub(begun);
        let trail = self.trail.get(..length).unwrap_or_default();
        Place {
            inode: self.inode,
            offset: self.offset,
            length,
            hash: hash(trail),
        }
    }

    /// When it was last written to: seconds and nanoseconds.
    pub(super) fn modified(&self) -> (i64, i64) {
        self.file
            .metadata()
            .map_or((0, 0), |metadata| (metadata.mtime(), metadata.mtime_nsec()))
    }

    /// Looks whether there is more. `false`: what was read stands there no more, since the file was emptied, and perhaps
    /// written anew, be it to the same size.
    pub(super) fn look(&mut self) -> bool {
        let Ok(metadata) = self.file.metadata() else {
            return true;
        };
        let seen = (metadata.len(), metadata.mtime(), metadata.mtime_nsec());
        if self.seen == Some(seen) {
            return true;
        }
        self.seen = Some(seen);
        let read_to = self.position + (self.chunk.len() - self.start) as u64;
        if metadata.len() < read_to {
            return false;
        }
        self.is_at_end = false;
        let mut trail = vec![0; self.trail.len()];
        let from = self.position - self.trail.len() as u64;
        self.file.read_exact_at(&mut trail, from).is_ok() && trail == self.trail
    }

    /// Begins anew, where the file was emptied.
    pub(super) fn rewind(&mut self) {
        self.chunk.clear();
        self.start = 0;
        self.position = 0;
        self.offset = 0;
        self.clear_line();
        self.trail.clear();
        self.is_at_end = false;
    }

    /// The next whole line that is there.
    pub(super) fn line(&mut self) -> io::Result<Option<Line>> {
        loop {
            let rest = self.chunk.get(self.start..).unwrap_or_default();
            if rest.is_empty() {
                if self.is_at_end || self.fill()? == 0 {
                    self.is_at_end = true;
                    return Ok(None);
                }
                continue;
            }
            let end = rest.iter().position(|byte| *byte == b'\n');
            let length = end.map_or(rest.len(), |end| end + 1);
            let part = rest.get(..length).unwrap_or_default();
            let text = part.strip_suffix(b"\n").unwrap_or(part);
            let room = LINE_BYTES - self.line.len();
            self.is_overflowing |= text.len() > room;
            self.line
                .extend_from_slice(text.get(..room).unwrap_or(text));
            remember(&mut self.trail, part);
            self.start += length;
            self.position += length as u64;
            if end.is_some() {
                self.offset = self.position;
                return Ok(Some(self.take_line()));
            }
        }
    }

    /// The line without its end that a file which nobody writes to any more ends with.
    pub(super) fn last_line(&mut self) -> Option<Line> {
        if self.line.is_empty() {
            return None;
        }
        self.offset = self.position;
        Some(self.take_line())
    }

    fn take_line(&mut self) -> Line {
        let line = Line {
            text: String::from_utf8_lossy(&self.line).into_owned(),
            is_cut: self.is_overflowing,
        };
        self.clear_line();
        line
    }

    fn clear_line(&mut self) {
        self.line.clear();
        self.is_overflowing = false;
    }

    fn fill(&mut self) -> io::Result<usize> {
        self.start = 0;
        self.chunk.resize(READ_BYTES, 0);
        let read = self.file.read_at(&mut self.chunk, self.position);
        self.chunk
            .truncate(read.as_ref().copied().unwrap_or_default());
        read
    }
}

/// Keeps the last bytes of what went by.
fn remember(trail: &mut Vec<u8>, part: &[u8]) {
    let part = part.get(part.len().saturating_sub(TRAIL)..).unwrap_or(part);
    let excess = (trail.len() + part.len()).saturating_sub(TRAIL);
    trail.drain(..excess);
    trail.extend_from_slice(part);
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    fn tail(content: &[u8]) -> (tempfile::TempDir, Tail) {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("log");
        fs::write(&path, content).unwrap();
        (directory, Tail::new(File::open(path).unwrap()).unwrap())
    }

    fn texts(tail: &mut Tail) -> Vec<String> {
        std::iter::from_fn(|| tail.line().unwrap())
            .map(|line| line.text)
            .collect()
    }

    #[test]
    fn lines_are_whole_and_a_long_one_is_cut() {
        let long = "x".repeat(1024 * 1024);
        let (_directory, mut tail) = tail(format!("one\n\n{long}\nfour\nhalf").as_bytes());
        assert_eq!(tail.line().unwrap().unwrap().text, "one");
        assert_eq!(tail.line().unwrap().unwrap().text, "");
        let cut = tail.line().unwrap().unwrap();
        assert_eq!((cut.text.len(), cut.is_cut), (LINE_BYTES, true));
        let next = tail.line().unwrap().unwrap();
        assert_eq!((next.text.as_str(), next.is_cut), ("four", false));
        assert_eq!(tail.line().unwrap(), None);
        assert_eq!(tail.place().offset, 5 + 1024 * 1024 + 1 + 5);
        assert_eq!(tail.last_line().unwrap().text, "half");
    }

    #[test]
    fn a_place_is_found_again_unless_the_file_is_another() {
        let (directory, mut tail) = tail(b"one\ntwo\nhalf");
        let open = || File::open(directory.path().join("log")).unwrap();
        assert_eq!(texts(&mut tail), ["one", "two"]);
        let place = tail.place();
        assert_eq!((place.offset, place.length), (8, 8));
        let mut again = Tail::at(open(), &place).unwrap().unwrap();
        assert_eq!(texts(&mut again), [""; 0]);
        assert_eq!(again.last_line().unwrap().text, "half");
        fs::write(directory.path().join("log"), b"One\ntwo\nhalf").unwrap();
        assert!(Tail::at(open(), &place).unwrap().is_none());
        fs::write(directory.path().join("log"), b"one\n").unwrap();
        assert!(Tail::at(open(), &place).unwrap().is_none());
    }

    #[test]
    fn a_file_that_was_emptied_is_known_even_when_it_has_grown_again() {
        let (directory, mut tail) = tail(b"one\ntwo\n");
        let path = directory.path().join("log");
        assert_eq!(texts(&mut tail), ["one", "two"]);
        assert!(tail.look());
        fs::write(&path, b"one\ntwo\nthree\n").unwrap();
        assert!(tail.look());
        fs::write(&path, b"other\nlines\nthree\n").unwrap();
        assert!(!tail.look());
        tail.rewind();
        assert_eq!(texts(&mut tail).len(), 3);
        assert!(tail.look());
        fs::write(&path, b"OTHER\nLINES\nTHREE\n").unwrap();
        tail.seen = None;
        assert!(!tail.look(), "of the same size");
        fs::write(&path, b"").unwrap();
        assert!(!tail.look());
        tail.rewind();
        fs::write(&path, b"new\n").unwrap();
        assert!(tail.look());
        assert_eq!(texts(&mut tail), ["new"]);
    }

    #[test]
    fn bytes_that_are_no_text_are_replaced() {
        let (_directory, mut tail) = tail(b"a\xffb\n\0\n");
        assert_eq!(texts(&mut tail), ["a\u{fffd}b", "\0"]);
    }
}
