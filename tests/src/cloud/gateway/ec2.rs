//! GetConsoleOutput from the machine's real console.

use std::io::{self, Read as _, Seek as _, SeekFrom};
use std::path::Path;

use axum::response::Response;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use http::StatusCode;
use jiff::Timestamp;

use super::call::Call;
use super::fault::{Fault, respond};
use crate::cloud::random;
use crate::cloud::record;
use crate::cloud::xml;

/// EC2 keeps the most recent 64 KB of a console.
const KEPT_BYTES: u64 = 64 << 10;

pub(super) fn console_output(run: &Path, call: &Call) -> Result<Response, Fault> {
    let bad_request = StatusCode::BAD_REQUEST;
    let instance_id = call.parameter("InstanceId").ok_or_else(|| {
        let message = "The request must contain the parameter InstanceId";
        Fault::new(bad_request, "MissingParameter", message)
    })?;
    if !record::is_instance_id(&instance_id) {
        let message = format!("Invalid id: \"{instance_id}\"");
        return Err(Fault::new(
            bad_request,
            "InvalidInstanceID.Malformed",
            message,
        ));
    }
    let machine = record::find_by_instance_id(run, &instance_id)?.ok_or_else(|| {
        let message = format!("The instance ID '{instance_id}' does not exist");
        Fault::new(bad_request, "InvalidInstanceID.NotFound", message)
    })?;
    let console = read_console(&machine.console).map_err(|error| Fault::internal(&error))?;
    let (timestamp, output) = console.unwrap_or((machine.launch_time, Vec::new()));
    let output = if output.is_empty() {
        String::new()
    } else {
        format!("\n    <output>{}</output>", BASE64.encode(output))
    };
    let request_id = random::request_id();
    let body = format!(
        r#"<?xml version="1.0" encoding="UTF-8"?>
<GetConsoleOutputResponse xmlns="http://ec2.amazonaws.com/doc/2016-11-15/">
    <requestId>{request_id}</requestId>
    <instanceId>{}</instanceId>
    <timestamp>{}</timestamp>{output}
</GetConsoleOutputResponse>"#,
        xml::escape(&instance_id),
        timestamp.strftime("%Y-%m-%dT%H:%M:%S.000Z"),
    );
    Ok(respond(
        StatusCode::OK,
        "text/xml;charset=UTF-8",
        &request_id,
        body,
    ))
}

/// The end of the console, as much as EC2 keeps of it, and when it last changed; `None` for a machine that has not
/// written anything yet.
pub fn read_console(path: &Path) -> io::Result<Option<(Timestamp, Vec<u8>)>> {
    let mut file = match std::fs::File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error),
    };
    let metadata = file.metadata()?;
    file.seek(SeekFrom::Start(metadata.len().saturating_sub(KEPT_BYTES)))?;
    let mut output = Vec::new();
    file.take(KEPT_BYTES).read_to_end(&mut output)?;
    let changed = Timestamp::try_from(metadata.modified()?).unwrap_or(Timestamp::UNIX_EPOCH);
    Ok(Some((changed, output)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_end_of_a_long_console_is_kept() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("console");
        assert_eq!(read_console(&path).unwrap(), None);
        let mut text = "a".repeat(70_000);
        text.push_str("the end");
        std::fs::write(&path, &text).unwrap();
        let (_, output) = read_console(&path).unwrap().unwrap();
        assert_eq!(output.len(), 65_536);
        assert!(output.ends_with(b"the end"));
    }
}
