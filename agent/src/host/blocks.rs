//! Logs as blocks of whole lines, from files or standard input: no more is in memory than one block, however long the log.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use super::root;

/// Bytes that are read at once. A line that is longer is handed out in pieces.
const BLOCK: usize = 256 * 1024;

/// A log that is read.
pub struct Blocks {
    name: String,
    input: Box<dyn Read>,
    buffer: Vec<u8>,
    /// Bytes of the buffer that hold something.
    filled: usize,
    /// Bytes of it that were handed out.
    used: usize,
    has_ended: bool,
}

impl std::fmt::Debug for Blocks {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("Blocks")
            .field("name", &self.name)
            .finish_non_exhaustive()
    }
}

impl Blocks {
    /// The log of this name; `-` is standard input.
    ///
    /// # Errors
    /// When there is no such file, or it cannot be read.
    pub fn open(name: &str) -> Result<Self, root::Error> {
        let input: Box<dyn Read> = if name == "-" {
            Box::new(io::stdin())
        } else {
            Box::new(File::open(Path::new(name)).map_err(|source| error("opening", name, source))?)
        };
        Ok(Self {
            name: name.to_owned(),
            input,
            buffer: vec![0; BLOCK],
            filled: 0,
            used: 0,
            has_ended: false,
        })
    }

    /// The next lines; none at the end.
    ///
    /// # Errors
    /// When they cannot be read.
    pub fn next_block(&mut self) -> Result<Option<&[u8]>, root::Error> {
        self.buffer.copy_within(self.used..self.filled, 0);
        self.filled -= self.used;
        self.used = 0;
        while !self.has_ended && self.filled < self.buffer.len() {
            let room = self.buffer.get_mut(self.filled..).unwrap_or_default();
            match self.input.read(room) {
                Ok(0) => self.has_ended = true,
                Ok(read) => self.filled += read,
                Err(source) if source.kind() == io::ErrorKind::Interrupted => {}
                Err(source) => return Err(error("reading", &self.name, source)),
            }
        }
        let whole = self.buffer.get(..self.filled).unwrap_or_default();
        let last = whole.iter().rposition(|byte| *byte == b'\n');
        self.used = match last {
            Some(end) if !self.has_ended => end + 1,
            _ => self.filled,
        };
        Ok(self
            .buffer
            .get(..self.used)
            .filter(|block| !block.is_empty()))
    }
}

fn error(operation: &'static str, name: &str, source: io::Error) -> root::Error {
    root::Error {
        operation,
        path: name.into(),
        source,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn blocks(content: &[u8]) -> Vec<Vec<u8>> {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("log");
        std::fs::write(&path, content).unwrap();
        let mut log = Blocks::open(path.to_str().unwrap()).unwrap();
        let mut all = Vec::new();
        while let Some(block) = log.next_block().unwrap() {
            all.push(block.to_vec());
        }
        all
    }

    #[test]
    fn each_block_is_of_whole_lines_and_nothing_is_lost() {
        let line = b"some words of a line of a log\n";
        let content = line.repeat(30_000);
        let blocks = blocks(&content);
        assert!(blocks.len() > 2);
        assert!(blocks.iter().all(|block| block.len() % line.len() == 0));
        assert_eq!(blocks.concat(), content);
    }

    #[test]
    fn ends_and_lines_of_any_length_are_borne() {
        assert_eq!(blocks(b""), Vec::<Vec<u8>>::new());
        assert_eq!(blocks(b"a\nb"), [b"a\nb".to_vec()]);
        let long = vec![b'x'; 3 * BLOCK + 7];
        assert_eq!(blocks(&long).concat(), long);
    }
}
