//! The body of an answer as a whole, bounded.

use bytes::{Bytes, BytesMut};
use http_body_util::BodyExt as _;
use hyper::body::Incoming;

/// Reads a body to its end.
///
/// # Errors
/// In words, when it breaks off or is larger than `maximum` bytes.
pub(super) async fn whole(mut body: Incoming, maximum: usize) -> Result<Bytes, String> {
    let mut content = BytesMut::new();
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|error| format!("the answer broke off: {error}"))?;
        content.extend_from_slice(frame.data_ref().map_or(&[], |data| data));
        if content.len() > maximum {
            return Err(format!("the answer is larger than {maximum} bytes"));
        }
    }
    Ok(content.freeze())
}
