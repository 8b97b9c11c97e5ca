//! Lines out of the pieces in which an answer comes.

/// The longest line that is waited for; of a longer one the pieces are handed on.
const LONGEST: usize = 1 << 20;

/// What has come of the line that is not whole yet.
#[derive(Debug, Default)]
pub(super) struct Lines {
    begun: Vec<u8>,
}

impl Lines {
    /// Adds a piece; the lines that are whole now.
    pub(super) fn add(&mut self, piece: &[u8]) -> Option<String> {
        self.begun.extend_from_slice(piece);
        let end = match self.begun.iter().rposition(|byte| *byte == b'\n') {
            Some(last) => last + 1,
            None if self.begun.len() > LONGEST => self.begun.len(),
            None => return None,
        };
        let whole: Vec<u8> = self.begun.drain(..end).collect();
        Some(String::from_utf8_lossy(&whole).into_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_handed_on_whole() {
        let mut lines = Lines::default();
        assert_eq!(lines.add(b"one \xc3"), None);
        assert_eq!(
            lines.add(b"\xa4\ntwo\nthr").as_deref(),
            Some("one \u{e4}\ntwo\n")
        );
        assert_eq!(lines.add(b"ee\n").as_deref(), Some("three\n"));
        assert!(lines.add(&vec![b'x'; LONGEST + 1]).is_some());
    }
}
