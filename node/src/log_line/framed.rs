//! The frame that a container runtime puts around what a container says: `TIME STREAM TAG text`.
//! <https://github.com/kubernetes/design-proposals-archive/blob/main/node/kubelet-cri-logging.md>

use jiff::Timestamp;

/// A line of a container's log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Framed<'a> {
    /// When the runtime received it.
    pub at: Timestamp,
    /// Whether it came through the error stream.
    pub is_error: bool,
    /// Whether the container's line ends here; else its next part is in the next line of the same stream.
    pub is_end: bool,
    /// What the container said.
    pub text: &'a str,
}

impl<'a> Framed<'a> {
    /// The line inside its frame; none where there is no frame.
    pub fn parse(line: &'a str) -> Option<Self> {
        // Nearly all lines of other logs end here.
        line.starts_with(|first: char| first.is_ascii_digit())
            .then_some(())?;
        let mut parts = line.splitn(4, ' ');
        let (time, stream, tags) = (parts.next()?, parts.next()?, parts.next()?);
        let is_error = match stream {
            "stdout" => false,
            "stderr" => true,
            _ => return None,
        };
        // There may be more tags than the first.
        let is_end = match tags.split(':').next()? {
            "F" => true,
            "P" => false,
            _ => return None,
        };
        Some(Self {
            at: time.parse().ok()?,
            is_error,
            is_end,
            text: parts.next().unwrap_or_default(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_taken_out_of_its_frame() {
        let line = "2026-01-02T03:04:05.123456789Z stderr F E0102 03:04:05.1 1 a.go:1] \"x\"  y";
        let framed = Framed::parse(line).unwrap();
        assert_eq!(framed.at.to_string(), "2026-01-02T03:04:05.123456789Z");
        assert!(framed.is_error && framed.is_end);
        assert_eq!(framed.text, "E0102 03:04:05.1 1 a.go:1] \"x\"  y");
        let part = Framed::parse("2026-01-02T03:04:05+01:00 stdout P:x half").unwrap();
        assert!(!part.is_error && !part.is_end);
        let empty = Framed::parse("2026-01-02T03:04:05Z stdout F").unwrap();
        assert_eq!(empty.text, "");
    }

    #[test]
    fn what_has_no_frame_is_none() {
        for line in [
            "",
            "2026-01-02T03:04:05Z host kubelet[1]: x",
            "2026-01-02T03:04:05Z stdout X text",
            "yesterday stdout F text",
            "2026-01-02 stdout F text",
            "{\"level\":\"info\"}",
        ] {
            assert_eq!(Framed::parse(line), None, "{line}");
        }
    }
}
