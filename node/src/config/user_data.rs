//! User data of an instance to the documents that are meant for us.
//!
//! User data is bytes: maybe base64, maybe gzip, then either a MIME multipart message (which cloud-init reads too; the
//! other parts are its own) or one plain document. Sizes are bounded: EC2 allows 16 KiB, gzip can hold more.

mod mime;

use std::io::Read as _;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::{Document, agent_config, decode, node_config};
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
    #[error("{place} {} {MAXIMUM_BYTES} bytes", if *.is_packed { "unpacks to more than" } else { "is larger than" })]
    TooLarge {
        /// Which document or part.
        place: String,
        /// Whether it was base64 or gzip.
        is_packed: bool,
    },
    /// Bytes that are no text.
    #[error("{place} is not UTF-8 text (byte {position})")]
    NotText {
        /// Which document or part.
        place: String,
        /// Offset of the first byte that is no UTF-8.
        position: usize,
    },
    /// A MIME document that does not parse.
    #[error("the MIME document of the user data does not parse: {detail}")]
    Mime {
        /// What is wrong with it.
        detail: String,
    },
    /// More parts that are for us than are read.
    #[error(
        "the MIME document of the user data has more than {} parts of our media types",
        mime::MAXIMUM_PARTS
    )]
    TooManyParts,
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
    found.failures.extend(message.failures);
    for part in &message.parts {
        found.part(part)?;
    }
    if message.left_out > 0 {
        found.others.push(format!("{} more", message.left_out));
    }
    found.finish()
}

/// Whether all of the user data is for nodeadm and us, so that cloud-init finds nothing in it to do.
pub fn is_ours_alone(bytes: &[u8]) -> bool {
    let Ok(text) = unpack(bytes, "the user data") else {
        return false;
    };
    if !mime::is_multipart(text.as_bytes()) {
        // cloud-init goes by how a text begins: `#!`, `#cloud-config`, `#include`, `## template: jinja`.
        return !text.trim_start().starts_with('#') && decode::is_configuration(&text);
    }
    mime::read(text.as_bytes()).is_ok_and(|message| {
        message.left_out == 0
            && message.failures.is_empty()
            && !message.parts.is_empty()
            && message.parts.iter().all(|part| is_ours(&part.media_type))
    })
}

#[derive(Default)]
struct Found {
    data: UserData,
    others: Vec<String>,
    /// Parts that look like a configuration and have another media type.
    lookalikes: Vec<String>,
    /// What could not be read and need not be when a NodeConfig is there.
    failures: Vec<Error>,
    calls_bootstrap_script: bool,
}

/// Whether a media type is one of ours.
fn is_ours(media_type: &str) -> bool {
    [node_config::MEDIA_TYPE, agent_config::MEDIA_TYPE].contains(&media_type)
}

impl Found {
    fn part(&mut self, part: &mime::Part) -> Result<(), Error> {
        let number = part.number;
        let media_type = &part.media_type;
        let place = format!("part {number} (`{media_type}`) of the user data");
        if is_ours(media_type) {
            let is_of_agent = media_type == agent_config::MEDIA_TYPE;
            match self.text(part, &place) {
                Ok(text) if is_of_agent => self
                    .data
                    .agent_documents
                    .push(Document { name: place, text }),
                Ok(text) => self.data.documents.push(Document { name: place, text }),
                Err(error) if is_of_agent => {
                    self.data.warnings.push(format!("{error}; it is not used"));
                }
                Err(error) if part.is_nested => self.failures.push(error),
                Err(error) => return Err(error),
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

    /// The text of a part of ours. One whose transfer encoding is not what its header says is still a configuration when
    /// it reads as one as it stands, which is how nodeadm reads it.
    fn text(&mut self, part: &mime::Part, place: &str) -> Result<String, Error> {
        let text = unpack(&part.body, place);
        let Some(detail) = &part.undecoded else {
            return text;
        };
        match text {
            Ok(text) if decode::is_configuration(&text) => {
                self.data.warnings.push(format!(
                    "{place} is not in the Content-Transfer-Encoding that it names, and is read as it stands"
                ));
                Ok(text)
            }
            _ => Err(Error::Mime {
                detail: format!("part {} (`{}`): {detail}", part.number, part.media_type),
            }),
        }
    }

    fn finish(mut self) -> Result<UserData, Error> {
        let has_node_config = !self.data.documents.is_empty();
        if has_node_config || (self.lookalikes.is_empty() && !self.data.agent_documents.is_empty())
        {
            self.data.warnings.extend(
                self.failures
                    .iter()
                    .map(|error| format!("{error}; that part of it is not read")),
            );
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
        if let Some(detail) = self.lookalikes.into_iter().next() {
            return Err(Error::NoNodeConfig { detail });
        }
        if self.calls_bootstrap_script {
            return Err(Error::Al2Script);
        }
        if let Some(error) = self.failures.into_iter().next() {
            return Err(error);
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
    // To YAML the first line of a script is a comment.
    if let Some(error) = something_else(&text)
        && !decode::is_configuration(&text)
    {
        return Err(error);
    }
    Ok(UserData {
        documents: vec![Document {
            name: "the user data".to_owned(),
            text,
        }],
        ..UserData::default()
    })
}

/// What a text looks like that is meant for others.
fn something_else(text: &str) -> Option<Error> {
    if calls_bootstrap_script(text) {
        return Some(Error::Al2Script);
    }
    if text.starts_with("#!") || text.starts_with("#cloud-config") {
        let first = text.lines().next().unwrap_or_default();
        return Some(Error::NoNodeConfig {
            detail: format!("it is one document that begins with `{first}`"),
        });
    }
    mime::misplaced_header(text).map(|detail| Error::Mime { detail })
}

fn calls_bootstrap_script(text: &str) -> bool {
    text.starts_with("#!") && text.contains("/etc/eks/bootstrap.sh")
}

/// Base64 and gzip are taken off where they are; what remains must be text.
fn unpack(bytes: &[u8], place: &str) -> Result<String, Error> {
    let decoded = decode_base64(bytes);
    let bytes = decoded.as_deref().unwrap_or(bytes);
    let mut plain = Vec::new();
    let is_gzip = bytes.starts_with(&[0x1f, 0x8b]);
    if is_gzip {
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
            is_packed: is_gzip || decoded.is_some(),
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
