//! A verdict framed for the instance's serial console, and back.
//!
//! The console is the one channel that works without network, role or API server: EC2 keeps its last 64 KiB and
//! `GetConsoleOutput` returns it. Other programs write to it too and lines may be torn, so a verdict is one block of lines
//!
//! ```text
//! NODEAGENT|v1|BOOT|n/N|CRC|payload
//! ```
//!
//! `BOOT` is the first eight digits of the kernel's boot id, `n/N` the line's place in its block, `CRC` the CRC-32 (hex)
//! of the whole payload of the block, which thereby tells blocks apart. The payload is the verdict's compact JSON. No line
//! is longer than 200 bytes and no block larger than 16 KiB: evidence is shortened first.

mod line;

use std::collections::BTreeMap;
use std::fmt::Write as _;

use crate::wire::Verdict;

pub use line::{line, sentence};

/// The most bytes of one line, without the line feed.
pub const LINE_BYTES: usize = 200;
/// The most bytes of one block.
pub const BLOCK_BYTES: usize = 16 * 1024;

const MAGIC: &str = "NODEAGENT|v1|";
const PAYLOAD_BYTES: usize = 160;
/// Room for the frame of each line: magic, boot id, `999/999`, CRC and separators.
const BLOCK_LINES: usize = BLOCK_BYTES / (LINE_BYTES + 1);

/// Frames a verdict as console lines (without line feeds). The boot id is cut to eight characters.
pub fn encode(boot_id: &str, verdict: &Verdict) -> Vec<String> {
    let payload = fitting_payload(verdict);
    let crc = crc32fast::hash(payload.as_bytes());
    let boot: String = boot_id
        .chars()
        .filter(char::is_ascii_hexdigit)
        .take(8)
        .collect();
    let chunks = chunks(&payload);
    let total = chunks.len();
    chunks
        .iter()
        .enumerate()
        .map(|(index, chunk)| format!("{MAGIC}{boot}|{}/{total}|{crc:08x}|{chunk}", index + 1))
        .collect()
}

/// All whole verdicts in a console's text, oldest first. Torn, damaged and foreign lines are passed over.
pub fn decode(text: &str) -> Vec<Verdict> {
    let mut blocks: Vec<Block<'_>> = Vec::new();
    for frame in text.lines().filter_map(Frame::parse) {
        // A block written again (the same verdict) counts as its latest writing.
        if frame.index == 1 {
            blocks.retain(|block| !block.holds(&frame));
        }
        let known = blocks.iter().position(|block| block.holds(&frame));
        let position = known.unwrap_or(blocks.len());
        if known.is_none() {
            blocks.push(Block::of(&frame));
        }
        if let Some(block) = blocks.get_mut(position) {
            block.lines.insert(frame.index, frame.payload);
        }
    }
    blocks.iter().filter_map(Block::verdict).collect()
}

/// The lines of one verdict that were found so far.
struct Block<'a> {
    boot: &'a str,
    total: usize,
    crc: u32,
    lines: BTreeMap<usize, &'a str>,
}

impl<'a> Block<'a> {
    fn of(frame: &Frame<'a>) -> Self {
        Self {
            boot: frame.boot,
            total: frame.total,
            crc: frame.crc,
            lines: BTreeMap::new(),
        }
    }

    fn holds(&self, frame: &Frame<'_>) -> bool {
        (self.boot, self.total, self.crc) == (frame.boot, frame.total, frame.crc)
    }

    fn verdict(&self) -> Option<Verdict> {
        if self.lines.len() != self.total {
            return None;
        }
        let payload: String = self.lines.values().copied().collect();
        if crc32fast::hash(payload.as_bytes()) != self.crc {
            return None;
        }
        serde_json::from_str(&payload).ok()
    }
}

struct Frame<'a> {
    boot: &'a str,
    index: usize,
    total: usize,
    crc: u32,
    payload: &'a str,
}

impl<'a> Frame<'a> {
    /// A console line may have a prefix (a kernel time stamp, a getty's prompt) and a carriage return at its end.
    fn parse(line: &'a str) -> Option<Self> {
        let (_, rest) = line.split_once(MAGIC)?;
        let mut fields = rest.splitn(4, '|');
        let boot = fields.next()?;
        let (index, total) = fields.next()?.split_once('/')?;
        let crc = u32::from_str_radix(fields.next()?, 16).ok()?;
        let payload = fields.next()?.trim_end_matches('\r');
        let (index, total) = (index.parse().ok()?, total.parse().ok()?);
        (index >= 1 && index <= total && total <= BLOCK_LINES).then_some(Self {
            boot,
            index,
            total,
            crc,
            payload,
        })
    }
}

fn fitting_payload(verdict: &Verdict) -> String {
    let mut fitting = verdict.clone();
    for evidence_bytes in [2000, 400, 150, 0] {
        if let Some(root) = &mut fitting.root_cause {
            for line in &mut root.evidence {
                truncate(line, evidence_bytes);
            }
            root.evidence.retain(|line| !line.is_empty());
        }
        let payload = ascii_json(&fitting);
        if payload.len() <= BLOCK_LINES * PAYLOAD_BYTES {
            return payload;
        }
        for warning in &mut fitting.warnings {
            truncate(warning, evidence_bytes / 4);
        }
        fitting.warnings.retain(|line| !line.is_empty());
    }
    ascii_json(&fitting)
}

/// Compact JSON in which everything outside printable ASCII is escaped, since a serial console keeps nothing else.
fn ascii_json(verdict: &Verdict) -> String {
    let json = serde_json::to_string(verdict).unwrap_or_default();
    let mut out = String::with_capacity(json.len());
    let mut units = [0_u16; 2];
    for character in json.chars() {
        if character.is_ascii() && character != '\u{7f}' {
            out.push(character);
        } else {
            for unit in character.encode_utf16(&mut units) {
                // Writing into a text cannot fail.
                write!(out, "\\u{unit:04x}").unwrap_or_default();
            }
        }
    }
    out
}

/// Splits ASCII text; a chunk never ends in a space, which terminals and log shippers like to strip.
fn chunks(payload: &str) -> Vec<&str> {
    let mut rest = payload;
    let mut chunks = Vec::new();
    while !rest.is_empty() {
        let mut end = rest.len().min(PAYLOAD_BYTES);
        while end > 1 && rest.as_bytes()[end - 1] == b' ' {
            end -= 1;
        }
        let Some((chunk, tail)) = rest.split_at_checked(end) else {
            break;
        };
        chunks.push(chunk);
        rest = tail;
    }
    chunks
}

fn truncate(text: &mut String, bytes: usize) {
    if text.len() > bytes {
        let mut end = bytes;
        while !text.is_char_boundary(end) {
            end -= 1;
        }
        text.truncate(end);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::{API_VERSION, Identity, Outcome, Phase, RootCause};

    fn verdict(evidence: &str) -> Verdict {
        Verdict {
            api_version: API_VERSION.into(),
            kind: "Verdict".into(),
            agent_version: "0.1.0".into(),
            at: "2026-01-02T03:04:05Z".parse().unwrap(),
            provisional: true,
            outcome: Outcome::Running,
            phase: Phase::Join,
            identity: Identity {
                instance_id: "i-0123456789abcdef0".into(),
                ..Identity::default()
            },
            root_cause: Some(RootCause {
                code: "join.unauthorized".into(),
                cause: "the role has no access entry".into(),
                evidence: vec![evidence.into()],
                fix: "create one".into(),
            }),
            consequences: Vec::new(),
            warnings: Vec::new(),
            waiting_for: None,
            timings: Vec::new(),
        }
    }

    #[test]
    fn a_verdict_survives_the_console_with_noise_around_it() {
        let lines = encode("0f1e2d3c-4b5a", &verdict("Unauthorized — 401"));
        assert!(lines.len() > 1);
        assert!(
            lines
                .iter()
                .all(|line| line.len() <= LINE_BYTES && line.is_ascii()),
            "{lines:?}"
        );
        let console = lines
            .iter()
            .map(|line| format!("[    5.1] {line}\r\nlogin: \r"))
            .collect::<Vec<_>>()
            .join("\n");
        assert_eq!(decode(&console), vec![verdict("Unauthorized — 401")]);
    }

    #[test]
    fn a_torn_or_damaged_block_is_not_a_verdict() {
        let lines = encode("0f1e2d3c", &verdict("x"));
        assert!(decode(&lines[1..].join("\n")).is_empty());
        assert!(
            decode(
                &lines
                    .join("\n")
                    .replace("no access entry", "an access entry")
            )
            .is_empty()
        );
    }

    #[test]
    fn the_latest_writing_of_a_verdict_comes_last() {
        let (first, second) = (encode("aa", &verdict("one")), encode("aa", &verdict("two")));
        let console = [first.clone(), second, first].concat().join("\n");
        let evidence: Vec<_> = decode(&console)
            .into_iter()
            .map(|v| v.root_cause.unwrap().evidence)
            .collect();
        assert_eq!(evidence, [["two"], ["one"]]);
    }

    #[test]
    fn a_block_is_never_larger_than_sixteen_kibibytes() {
        let lines = encode("aa", &verdict(&"long \" evidence ".repeat(4000)));
        assert!(lines.iter().map(|line| line.len() + 1).sum::<usize>() <= BLOCK_BYTES);
        assert_eq!(decode(&lines.join("\n")).len(), 1);
    }
}
