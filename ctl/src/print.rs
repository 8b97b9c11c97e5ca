//! Standard output and standard error: the only module that writes to either.
//!
//! Data goes to standard output, everything else (notes, warnings, errors, hints, logs) to standard error. Colour is used
//! per stream, when that stream is a terminal and neither `NO_COLOR` nor `--color never` forbids it.

pub mod document;
pub mod ladder_page;
pub mod node_page;
pub mod node_status;
pub mod plan_page;
pub mod progress;
pub mod table;

use std::fmt;
use std::io::{self, IsTerminal, Write};

use clap::ValueEnum;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;

pub use table::{Cell, Table, Tone};

/// When to use colour.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub enum Color {
    /// On a terminal, unless `NO_COLOR` is set.
    #[default]
    Auto,
    /// Also into files and pipes.
    Always,
    /// Never.
    Never,
}

impl Color {
    fn applies(self, is_terminal: bool, no_color: bool) -> bool {
        match self {
            Self::Auto => is_terminal && !no_color,
            Self::Always => true,
            Self::Never => false,
        }
    }
}

/// Owner of standard output and standard error.
pub struct Printer {
    stdout: Box<dyn Write + Send>,
    stderr: Box<dyn Write + Send>,
    stdout_color: bool,
    stderr_color: bool,
    /// Whether lines of standard error can be drawn over.
    stderr_is_live: bool,
}

impl fmt::Debug for Printer {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Printer")
            .field("stdout_color", &self.stdout_color)
            .finish_non_exhaustive()
    }
}

impl Printer {
    /// Prints to the process's own streams.
    pub fn standard(color: Color) -> Self {
        let is_dumb = std::env::var_os("TERM").is_some_and(|value| value == "dumb");
        let no_color =
            is_dumb || std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
        let (stdout, stderr) = (io::stdout(), io::stderr());
        Self {
            stderr_is_live: stderr.is_terminal() && !is_dumb,
            stdout_color: color.applies(stdout.is_terminal(), no_color),
            stderr_color: color.applies(stderr.is_terminal(), no_color),
            stdout: Box::new(stdout),
            stderr: Box::new(stderr),
        }
    }

    /// Prints without colour to other writers.
    pub fn new(stdout: Box<dyn Write + Send>, stderr: Box<dyn Write + Send>) -> Self {
        Self {
            stdout,
            stderr,
            stdout_color: false,
            stderr_color: false,
            stderr_is_live: false,
        }
    }

    /// Whether data may carry colour.
    pub fn data_color(&self) -> bool {
        self.stdout_color
    }

    /// Writes data to standard output, ending in exactly one line feed.
    pub fn data(&mut self, text: &str) -> io::Result<()> {
        self.stdout
            .write_all(text.trim_end_matches('\n').as_bytes())?;
        self.stdout.write_all(b"\n")?;
        self.stdout.flush()
    }

    /// Writes data, if there is any: an empty list has no lines.
    pub fn data_unless_empty(&mut self, text: &str) -> io::Result<()> {
        if text.is_empty() {
            Ok(())
        } else {
            self.data(text)
        }
    }

    /// Tells what was done.
    pub fn note(&mut self, text: &str) {
        self.say("", Tone::Plain, text);
    }

    /// Tells what is incomplete or unexpected, and did not end the command.
    pub fn warning(&mut self, text: &str) {
        self.say("warning: ", Tone::Warning, text);
    }

    /// Tells why the command failed.
    pub fn error(&mut self, text: &str) {
        self.say("error: ", Tone::Bad, text);
    }

    /// Tells what to do next.
    pub fn hint(&mut self, text: &str) {
        self.say("hint: ", Tone::Hint, text);
    }

    /// Tells how far something is, in a colour of its own.
    fn line(&mut self, text: &str, tone: Tone) {
        let text = if self.stderr_color {
            tone.paint(text)
        } else {
            text.to_owned()
        };
        let _unsaid = writeln!(self.stderr, "{text}");
    }

    /// Takes back the last lines of standard error, which must be a terminal.
    fn erase(&mut self, lines: usize) {
        if lines > 0 {
            // Cursor to the beginning of the first of them, then everything below goes: ECMA-48 CPL and ED.
            let _unsaid = write!(self.stderr, "\u{1b}[{lines}F\u{1b}[J");
        }
    }

    fn say(&mut self, prefix: &str, tone: Tone, text: &str) {
        let prefix = if self.stderr_color {
            tone.paint(prefix)
        } else {
            prefix.to_owned()
        };
        // When standard error is closed there is nowhere left to say so.
        let _unsaid = writeln!(self.stderr, "{prefix}{text}");
    }
}

/// Sends logs to standard error: none by default, ours with `-v`, everything with `-vv`. `NODECTL_LOG` names its own filter.
pub fn tracing(verbosity: u8) {
    let filter = std::env::var("NODECTL_LOG").unwrap_or_else(|_| {
        match verbosity {
            0 => "off",
            1 => "warn,nodectl=debug",
            _ => "debug",
        }
        .to_owned()
    });
    let format = tracing_subscriber::fmt::layer()
        .with_writer(io::stderr)
        .with_ansi(false);
    let subscriber = tracing_subscriber::registry()
        .with(filter.parse::<Targets>().unwrap_or_default())
        .with(format);
    let _already_set = subscriber.try_init();
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn colour_needs_a_terminal_and_yields_to_no_color_unless_asked_for() {
        assert!(Color::Auto.applies(true, false));
        assert!(!Color::Auto.applies(true, true));
        assert!(!Color::Auto.applies(false, false));
        assert!(Color::Always.applies(false, true));
        assert!(!Color::Never.applies(true, false));
    }
}
