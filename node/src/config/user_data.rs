//! User data of an instance to the documents that are meant for us.
//!
//! User data is bytes: maybe base64, maybe gzip, then either a MIME multipart message (which cloud-init reads too; the
//! other parts are its own) or one plain document. Sizes are bounded: EC2 allows 16 KiB, gzip can hold more.

mod mime;

use std::io::Read as _;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::{Document, agent_config, node_config};
use crate::nearest::nearest;

/// The most bytes that user data, or one part of it, may have when it is unpacked.
pub const MAXIMUM_BYTES: u64 = 1024 * 1024;

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

/// What user data holds for us.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct UserData {
    /// The documents that may be a NodeConfig, in their order.
    pub documents: Vec<Document>,
    /// The documents that are for the agent alone. Together with the others there is at least one.
    pub agent_documents: Vec<Document>,
    /// What looks as if it were meant for us and is not read, and what is wrong with the form.
    pub warnings: Vec<String>,
}

/// The documents in user data that are meant for us.
///
/// # Errors
/// When there is none, or one cannot be unpacked.
pub fn split(bytes: &[u8]) -> Result<UserData, Error> {
    let text = unpack(bytes, "the user data")?;
    if text.trim().is_empty() {
        return Err(Error::Empty);
    }
    if !mime::is_multipart(text.as_bytes()) {
        return plain(text);
    }
    let mut found = Found::default();
    let message = mime::read(text.as_bytes())?;
    found.data.warnings.extend(message.warnings);
    for part in &message.parts {
        found.part(part)?;
    }
    found.finish()
}

#[derive(Default)]
struct Found {
    data: UserData,
    others: Vec<String>,
    /// Parts that look like a configuration and have another media type.
    lookalikes: Vec<String>,
    calls_bootstrap_script: bool,
}

impl Found {
    fn part(&mut self, part: &mime::Part) -> Result<(), Error> {
        let number = part.number;
        let media_type = &part.media_type;
        let place = format!("part {number} (`{media_type}`) of the user data");
        if media_type == node_config::MEDIA_TYPE {
            let text = unpack(&part.body, &place)?;
            self.data.documents.push(Document { name: place, text });
            return Ok(());
        }
        if media_type == agent_config::MEDIA_TYPE {
            match unpack(&part.body, &place) {
                Ok(text) => self
                    .data
                    .agent_documents
                    .push(Document { name: place, text }),
                Err(error) => self.data.warnings.push(format!("{error}; it is not used")),
            }
            return Ok(());
        }
        let body = String::from_utf8_lossy(&part.body);
        if let Some(wanted) = meant_for_us(media_type, &body) {
            self.lookalikes.push(format!(
                "{place} looks like one; its Content-Type must be `{wanted}`"
            ));
        }
        self.calls_bootstrap_script |= calls_bootstrap_script(&body);
        self.others.push(format!("part {number} is `{media_type}`"));
        Ok(())
    }

    fn finish(mut self) -> Result<UserData, Error> {
        if !self.data.documents.is_empty() {
            self.data
                .warnings
                .extend(self.lookalikes.into_iter().map(|told| {
                    told.replace(
                        "looks like one",
                        "looks like a configuration and is not read",
                    )
                }));
            return Ok(self.data);
        }
        if self.lookalikes.is_empty() && !self.data.agent_documents.is_empty() {
            return Ok(self.data);
        }
        if let Some(detail) = self.lookalikes.into_iter().next() {
            return Err(Error::NoNodeConfig { detail });
        }
        if self.calls_bootstrap_script {
            return Err(Error::Al2Script);
        }
        let detail = if self.others.is_empty() {
            "its MIME document has no part of that type".to_owned()
        } else {
            self.others.join(", ")
        };
        Err(Error::NoNodeConfig { detail })
    }
}

/// The media type that a part should have had: its type is nearly one of ours, or its text is a configuration of ours.
/// Scripts and cloud-config may write such files, and do not begin with them.
fn meant_for_us(media_type: &str, body: &str) -> Option<&'static str> {
    let ours = [node_config::MEDIA_TYPE, agent_config::MEDIA_TYPE];
    let written_for = |group: &str| {
        body.lines().any(|line| {
            line.to_ascii_lowercase().starts_with("apiversion:") && line.contains(group)
        })
    };
    if body.starts_with("#!") {
        None
    } else if written_for("node.eks.aws") {
        Some(node_config::MEDIA_TYPE)
    } else if written_for("nodectl.dev") {
        Some(agent_config::MEDIA_TYPE)
    } else {
        nearest(media_type, &ours).and_then(|near| ours.into_iter().find(|known| *known == near))
    }
}

/// User data that is not MIME is one NodeConfig as a whole.
fn plain(text: String) -> Result<UserData, Error> {
    if calls_bootstrap_script(&text) {
        return Err(Error::Al2Script);
    }
    if text.starts_with("#!") || text.starts_with("#cloud-config") {
        let first = text.lines().next().unwrap_or_default();
        return Err(Error::NoNodeConfig {
            detail: format!("it is one document that begins with `{first}`"),
        });
    }
    if let Some(detail) = mime::misplaced_header(&text) {
        return Err(Error::Mime { detail });
    }
    Ok(UserData {
        documents: vec![Document {
            name: "the user data".to_owned(),
            text,
        }],
        ..UserData::default()
    })
}

fn calls_bootstrap_script(text: &str) -> bool {
    text.starts_with("#!") && text.contains("/etc/eks/bootstrap.sh")
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
