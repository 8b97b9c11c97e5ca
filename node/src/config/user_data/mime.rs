//! MIME multipart messages to their leaf parts. Nesting and the number of parts are bounded; the work is linear in the
//! size of the message for each level.
//!
//! cloud-init reads the same message. What is wrong in a part that is not ours, or in a multipart within the message,
//! is kept for when nothing better is found.

use mailparse::{MailHeader, MailHeaderMap as _, ParsedContentType};

use super::{Error, is_ours};

/// How deep multiparts may be nested in each other.
const MAXIMUM_DEPTH: usize = 8;
/// How many parts there may be that are ours, and how many others are looked at.
pub(super) const MAXIMUM_PARTS: usize = 64;
/// How much is told about the form of one message.
const MAXIMUM_REMARKS: usize = 16;

/// A part that is no multipart itself.
pub(super) struct Part {
    /// Its number among all of them, from 1.
    pub(super) number: usize,
    /// In lower case, without parameters.
    pub(super) media_type: String,
    /// Its content, with the transfer encoding taken off.
    pub(super) body: Vec<u8>,
    /// Why the transfer encoding could not be taken off: the content is as it stands.
    pub(super) undecoded: Option<String>,
    /// Whether it stands in a multipart that is itself a part. nodeadm does not look into these.
    pub(super) is_nested: bool,
}

/// The leaf parts of a message in their order.
#[derive(Default)]
pub(super) struct Message {
    pub(super) parts: Vec<Part>,
    pub(super) warnings: Vec<String>,
    /// Why multiparts within the message are not read.
    pub(super) failures: Vec<Error>,
    /// How many parts that are not ours were not looked at.
    pub(super) left_out: usize,
    ours: usize,
    others: usize,
}

/// Whether a text is a multipart message as a whole.
pub(super) fn is_multipart(bytes: &[u8]) -> bool {
    mailparse::parse_headers(bytes)
        .is_ok_and(|(headers, _)| content_type(&headers).mimetype.starts_with("multipart/"))
}

/// What is wrong with the place of a MIME header that does not begin the text.
pub(super) fn misplaced_header(text: &str) -> Option<String> {
    const LINES: usize = 20;
    let (number, line) = text.lines().take(LINES).enumerate().find(|(_, line)| {
        line.trim_start()
            .to_ascii_lowercase()
            .starts_with("content-type: multipart/")
    })?;
    let reason = if line.starts_with([' ', '\t']) {
        "is indented"
    } else {
        "is not part of the header, which ends at the first empty line"
    };
    Some(format!(
        "`Content-Type: multipart/…` in line {} {reason}",
        number + 1
    ))
}

/// Reads a message that [`is_multipart`].
pub(super) fn read(bytes: &[u8]) -> Result<Message, Error> {
    let mut message = Message::default();
    let (headers, start) = headers(bytes)?;
    let body = bytes.get(start..).unwrap_or_default();
    message.multipart(&content_type(&headers), body, 1)?;
    Ok(message)
}

impl Message {
    fn multipart(
        &mut self,
        content_type: &ParsedContentType,
        body: &[u8],
        depth: usize,
    ) -> Result<(), Error> {
        if depth > MAXIMUM_DEPTH {
            return Err(wrong(format!(
                "multiparts are nested deeper than {MAXIMUM_DEPTH} levels"
            )));
        }
        let boundary = content_type
            .params
            .get("boundary")
            .filter(|boundary| !boundary.is_empty())
            .ok_or_else(|| wrong("its `Content-Type: multipart/…` has no boundary".to_owned()))?;
        let split = split(body, boundary);
        if split.parts.is_empty() {
            return Err(wrong(no_part(body, boundary)));
        }
        if !split.is_closed && self.warnings.len() < MAXIMUM_REMARKS {
            self.warnings.push(format!(
                "the MIME document of the user data does not end with `--{}--` and may be cut off",
                shortened(boundary)
            ));
        }
        for part in split.parts {
            match self.part(part, depth) {
                Err(error @ Error::TooManyParts) => return Err(error),
                Err(error) if self.failures.len() < MAXIMUM_REMARKS => self.failures.push(error),
                Err(_) | Ok(()) => {}
            }
        }
        Ok(())
    }

    fn part(&mut self, bytes: &[u8], depth: usize) -> Result<(), Error> {
        let (headers, start) = headers(bytes)?;
        let content_type = content_type(&headers);
        if content_type.mimetype.starts_with("multipart/") {
            let body = bytes.get(start..).unwrap_or_default();
            return self.multipart(&content_type, body, depth + 1);
        }
        let media_type = content_type.mimetype.to_ascii_lowercase();
        let number = self.ours + self.others + 1;
        if is_ours(&media_type) {
            self.ours += 1;
            if self.ours > MAXIMUM_PARTS {
                return Err(Error::TooManyParts);
            }
        } else {
            self.others += 1;
            if self.others > MAXIMUM_PARTS {
                self.left_out += 1;
                return Ok(());
            }
        }
        let decoded = mailparse::parse_mail(bytes).and_then(|mail| mail.get_body_raw());
        let (body, undecoded) = match decoded {
            Ok(body) => (body, None),
            Err(error) => (
                bytes.get(start..).unwrap_or_default().to_vec(),
                Some(error.to_string()),
            ),
        };
        self.parts.push(Part {
            number,
            media_type,
            body,
            undecoded,
            is_nested: depth > 1,
        });
        Ok(())
    }
}

fn wrong(detail: String) -> Error {
    Error::Mime { detail }
}

fn headers(bytes: &[u8]) -> Result<(Vec<MailHeader<'_>>, usize), Error> {
    mailparse::parse_headers(bytes).map_err(|error| wrong(error.to_string()))
}

fn content_type(headers: &[MailHeader<'_>]) -> ParsedContentType {
    mailparse::parse_content_type(
        &headers
            .get_first_value("Content-Type")
            .unwrap_or_else(|| "text/plain".to_owned()),
    )
}

struct Split<'a> {
    parts: Vec<&'a [u8]>,
    /// Whether the closing delimiter is there.
    is_closed: bool,
}

/// What stands between the delimiter lines `--boundary`, RFC 2046 section 5.1.1. The line break before a delimiter belongs
/// to the delimiter.
fn split<'a>(body: &'a [u8], boundary: &str) -> Split<'a> {
    let delimiter = format!("--{boundary}");
    let mut split = Split {
        parts: Vec::new(),
        is_closed: false,
    };
    let mut part_start = None;
    let mut offset = 0;
    for line in body.split_inclusive(|byte| *byte == b'\n') {
        let start = offset;
        offset += line.len();
        let Some(rest) = line.strip_prefix(delimiter.as_bytes()) else {
            continue;
        };
        let rest = rest.trim_ascii_end();
        let closes = rest == b"--";
        if !rest.is_empty() && !closes {
            continue;
        }
        if let Some(part) = part_start.and_then(|begin| body.get(begin..start)) {
            split.parts.push(without_last_line_break(part));
        }
        part_start = Some(offset);
        if closes {
            split.is_closed = true;
            return split;
        }
    }
    let rest = part_start
        .and_then(|begin| body.get(begin..))
        .unwrap_or_default();
    if !rest.trim_ascii().is_empty() {
        split.parts.push(rest);
    }
    split
}

fn without_last_line_break(part: &[u8]) -> &[u8] {
    let part = part.strip_suffix(b"\n").unwrap_or(part);
    part.strip_suffix(b"\r").unwrap_or(part)
}

/// Why a multipart has no part: its boundary is nowhere, or another one is.
fn no_part(body: &[u8], boundary: &str) -> String {
    let text = String::from_utf8_lossy(body);
    let is_header = |line: &str| line.to_ascii_lowercase().starts_with("content-");
    let other = text
        .lines()
        .zip(text.lines().skip(1))
        .filter(|(_, next)| is_header(next))
        .find_map(|(line, _)| line.strip_prefix("--"))
        .map(str::trim_end);
    let boundary = shortened(boundary);
    match other {
        Some(other) => format!(
            "no line is `--{boundary}`, the boundary of its Content-Type; there is a line `--{}`",
            shortened(other)
        ),
        None => format!("no part follows a line `--{boundary}`, the boundary of its Content-Type"),
    }
}

fn shortened(text: &str) -> String {
    const LONGEST: usize = 80;
    text.chars()
        .take(LONGEST)
        .flat_map(char::escape_debug)
        .collect()
}
