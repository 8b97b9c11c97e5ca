//! User data of an instance to the documents that are meant for us.
//!
//! User data is bytes: maybe base64, maybe gzip, then either a MIME multipart message (which cloud-init reads too; the
//! other parts are its own) or one plain document. Sizes are bounded: EC2 allows 16 KiB, gzip can hold more.

use std::io::Read as _;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use mailparse::{MailHeaderMap as _, ParsedMail};

use super::{Document, agent_config, node_config};

/// The most bytes that user data, or one part of it, may have when it is unpacked.
pub const MAXIMUM_BYTES: u64 = 1024 * 1024;
const MAXIMUM_PARTS: usize = 64;

/// Why user data holds nothing that can be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// There is none.
    #[error("the instance has no user data")]
    Empty,
    /// gzip that does not unpack.
    #[error("{place} is gzip that does not unpack: {detail}")]
    Gzip {
        /// Which document or part.
        place: String,
        /// What the decoder says.
        detail: String,
    },
    /// More than [`MAXIMUM_BYTES`].
    #[error("{place} unpacks to more than {MAXIMUM_BYTES} bytes")]
    TooLarge {
        /// Which document or part.
        place: String,
    },
    /// Bytes that are no text.
    #[error("{place} is not UTF-8 text (byte {position})")]
    NotText {
        /// Which document or part.
        place: String,
        /// Offset of the first byte that is no UTF-8.
        position: usize,
    },
    /// A MIME document that does not parse, or has too many parts.
    #[error("the MIME document of the user data does not parse: {detail}")]
    Mime {
        /// What is wrong with it.
        detail: String,
    },
    /// A script that calls the bootstrap script of Amazon Linux 2.
    #[error("the user data calls `/etc/eks/bootstrap.sh`, which this AMI family does not have")]
    Al2Script,
    /// No part for us.
    #[error("the user data holds no NodeConfig: {detail}")]
    NoNodeConfig {
        /// What it holds instead.
        detail: String,
    },
}

/// The documents in user data that are meant for us, in their order. At least one is a NodeConfig.
pub fn split(bytes: &[u8]) -> Result<Vec<Document>, Error> {
    let text = unpack(bytes, "the user data")?;
    if text.trim().is_empty() {
        return Err(Error::Empty);
    }
    if !is_multipart(&text) {
        return plain(text);
    }
    let mail = mailparse::parse_mail(text.as_bytes()).map_err(|error| Error::Mime {
        detail: error.to_string(),
    })?;
    let mut walk = Walk::default();
    walk.parts(&mail)?;
    walk.finish()
}

#[derive(Default)]
struct Walk {
    documents: Vec<Document>,
    others: Vec<String>,
    calls_bootstrap_script: bool,
    seen: usize,
}

impl Walk {
    fn parts(&mut self, mail: &ParsedMail<'_>) -> Result<(), Error> {
        for part in &mail.subparts {
            if !part.subparts.is_empty() {
                self.parts(part)?;
                continue;
            }
            self.seen += 1;
            if self.seen > MAXIMUM_PARTS {
                return Err(Error::Mime {
                    detail: format!("it has more than {MAXIMUM_PARTS} parts"),
                });
            }
            self.part(part)?;
        }
        Ok(())
    }

    fn part(&mut self, part: &ParsedMail<'_>) -> Result<(), Error> {
        let number = self.seen;
        let media_type = part.ctype.mimetype.to_ascii_lowercase();
        let place = format!("part {number} (`{media_type}`) of the user data");
        if media_type == node_config::MEDIA_TYPE || media_type == agent_config::MEDIA_TYPE {
            let bytes = part.get_body_raw().map_err(|error| Error::Mime {
                detail: format!("{place}: {error}"),
            })?;
            let text = unpack(&bytes, &place)?;
            self.documents.push(Document { name: place, text });
            return Ok(());
        }
        let body = part.get_body().unwrap_or_default();
        if body.contains("node.eks.aws/") && !body.starts_with("#!") {
            return Err(Error::NoNodeConfig {
                detail: format!(
                    "{place} looks like one; its Content-Type must be `{}`",
                    node_config::MEDIA_TYPE
                ),
            });
        }
        self.calls_bootstrap_script |= calls_bootstrap_script(&body);
        self.others.push(format!("part {number} is `{media_type}`"));
        Ok(())
    }

    fn finish(self) -> Result<Vec<Document>, Error> {
        if self
            .documents
            .iter()
            .any(|document| document.name.contains(node_config::MEDIA_TYPE))
        {
            return Ok(self.documents);
        }
        if self.calls_bootstrap_script {
            return Err(Error::Al2Script);
        }
        let others = if self.others.is_empty() {
            "it has no parts".to_owned()
        } else {
            self.others.join(", ")
        };
        Err(Error::NoNodeConfig { detail: others })
    }
}

/// User data that is not MIME is one NodeConfig as a whole.
fn plain(text: String) -> Result<Vec<Document>, Error> {
    if calls_bootstrap_script(&text) {
        return Err(Error::Al2Script);
    }
    if text.starts_with("#!") || text.starts_with("#cloud-config") {
        let first = text.lines().next().unwrap_or_default();
        return Err(Error::NoNodeConfig {
            detail: format!("it is one document that begins with `{first}`"),
        });
    }
    Ok(vec![Document {
        name: "the user data".to_owned(),
        text,
    }])
}

fn calls_bootstrap_script(text: &str) -> bool {
    text.starts_with("#!") && text.contains("/etc/eks/bootstrap.sh")
}

fn is_multipart(text: &str) -> bool {
    let Ok((headers, _)) = mailparse::parse_headers(text.as_bytes()) else {
        return false;
    };
    headers
        .get_first_value("Content-Type")
        .is_some_and(|value| {
            value
                .trim_start()
                .to_ascii_lowercase()
                .starts_with("multipart/")
        })
}

/// Base64 and gzip are taken off where they are; what remains must be text.
fn unpack(bytes: &[u8], place: &str) -> Result<String, Error> {
    let decoded = decode_base64(bytes);
    let bytes = decoded.as_deref().unwrap_or(bytes);
    let mut plain = Vec::new();
    if bytes.starts_with(&[0x1f, 0x8b]) {
        flate2::read::MultiGzDecoder::new(bytes)
            .take(MAXIMUM_BYTES + 1)
            .read_to_end(&mut plain)
            .map_err(|error| Error::Gzip {
                place: place.to_owned(),
                detail: error.to_string(),
            })?;
    } else {
        plain.extend_from_slice(bytes);
    }
    if u64::try_from(plain.len()).unwrap_or(u64::MAX) > MAXIMUM_BYTES {
        return Err(Error::TooLarge {
            place: place.to_owned(),
        });
    }
    String::from_utf8(plain).map_err(|error| Error::NotText {
        place: place.to_owned(),
        position: error.utf8_error().valid_up_to(),
    })
}

/// The bytes behind standard base64, in which line breaks are allowed; `None` when it is not base64.
fn decode_base64(bytes: &[u8]) -> Option<Vec<u8>> {
    let compact: Vec<u8> = bytes
        .iter()
        .copied()
        .filter(|byte| !byte.is_ascii_whitespace())
        .collect();
    if compact.is_empty() {
        return None;
    }
    STANDARD.decode(compact).ok()
}

#[cfg(test)]
mod tests;
