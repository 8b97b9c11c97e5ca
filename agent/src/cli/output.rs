//! The two streams: data on standard output, everything else on standard error.

use std::io::{self, Write as _};

/// Prints data. A reader that has gone away (`| head`) is no error.
pub fn data(text: &str) {
    let mut out = io::stdout().lock();
    drop(out.write_all(text.as_bytes()).and_then(|()| {
        if text.ends_with('\n') {
            Ok(())
        } else {
            out.write_all(b"\n")
        }
    }));
}

/// Prints one line of data; an error when the reader has gone away.
pub fn line(text: &str) -> io::Result<()> {
    writeln!(io::stdout().lock(), "{text}")
}

/// Prints an error and what to do about it.
pub fn error(message: &str, hint: Option<&str>) {
    let mut out = io::stderr().lock();
    drop(writeln!(out, "error: {message}"));
    if let Some(hint) = hint {
        drop(writeln!(out, "hint: {hint}"));
    }
}

/// Prints a warning.
pub fn warning(message: &str) {
    drop(writeln!(io::stderr().lock(), "warning: {message}"));
}

/// Prints lines about the data, as they are.
pub fn block(text: &str) {
    drop(writeln!(io::stderr().lock(), "{text}"));
}
