//! Lines of logs as they are found in files: what unit they are about, who wrote them, when, and what they say.
//!
//! Known forms: `journalctl -o json`, `-o short`, `-o short-iso` and syslog files, `dmesg` and `/dev/kmsg`, klog, logfmt,
//! the JSON lines of the VPC CNI, and any of them in the frame of a container's log. A line without a clock of its own has the time of the one before. Times without a
//! zone are read as UTC, dates without a year as of the last twelve months.

mod framed;
mod head;

use std::borrow::Cow;

use jiff::{SignedDuration, Timestamp};

use crate::journal;
use crate::kmsg;
use crate::rule::{self, CONTAINERD, IPAMD, KERNEL, KUBELET, MANAGER, Record};

use head::Head;

pub use framed::Framed;

/// Whose the manager's own lines are that speak of no unit.
const MANAGER_SCOPE: &str = "init.scope";

/// Reads the lines of one log, in their order.
#[derive(Debug, Clone)]
pub struct Reader {
    /// When it is now: a date without a year is not later.
    now: Timestamp,
    last: Timestamp,
}

/// A line that was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogLine<'a> {
    /// What it is about, as [`rule::source`] names it.
    pub unit: Cow<'a, str>,
    /// Who wrote it.
    pub identifier: Cow<'a, str>,
    /// What it says.
    pub message: Cow<'a, str>,
    /// When it was written.
    pub at: Timestamp,
}

impl LogLine<'_> {
    /// The line as rules read it.
    pub fn record(&self) -> Record<'_> {
        Record {
            unit: &self.unit,
            identifier: &self.identifier,
            message: &self.message,
            at: self.at,
        }
    }
}

impl Reader {
    /// At the beginning of a log.
    pub fn new(now: Timestamp) -> Self {
        Self { now, last: now }
    }

    /// The same, where a line without a clock of its own, before any line has one, is of that time.
    pub fn since(last: Timestamp, now: Timestamp) -> Self {
        Self { now, last }
    }

    /// Time of the line that was read last.
    pub fn last(&self) -> Timestamp {
        self.last
    }

    /// Reads a line, of which `source` is what somebody says of it: a unit's name, with or without `.service`, or another
    /// source of lines. `None`: nobody knows whose it is.
    pub fn read<'a>(&mut self, line: &'a str, source: Option<&'a str>) -> Option<LogLine<'a>> {
        let line = line.trim_end_matches(['\r', '\n']);
        if line.starts_with('{')
            && let Ok(entry) = journal::entry(line.as_bytes())
        {
            self.last = entry.at;
            return Some(LogLine {
                unit: entry.unit.into(),
                identifier: entry.identifier.into(),
                message: entry.message.into(),
                at: entry.at,
            });
        }
        let (line, received) = match Framed::parse(line) {
            Some(framed) => (framed.text, Some(framed.at)),
            None => (line, None),
        };
        let head = Head::of(line, self.now);
        let (said_by, message) = match &head {
            Some(head) => (head.identifier, head.message),
            None => (None, line),
        };
        let form = Form::of(message);
        if let Some(at) = received
            .or_else(|| form.time(message, self.now))
            .or_else(|| head.as_ref().and_then(|head| head.at))
        {
            self.last = at;
        }
        let message = form.text(message);
        let unit = unit(source, said_by, &form, message)?;
        let is_manager = said_by == Some(MANAGER)
            || source.is_some_and(|source| source.trim_end_matches(".service") == MANAGER)
            || says_of_itself(&unit, message);
        Some(LogLine {
            identifier: if is_manager {
                MANAGER.into()
            } else {
                said_by.map_or_else(|| unit.clone(), Cow::Borrowed)
            },
            unit,
            message: message.into(),
            at: self.last,
        })
    }
}

/// What a line is about.
fn unit<'a>(
    source: Option<&'a str>,
    said_by: Option<&'a str>,
    form: &Form<'a>,
    message: &'a str,
) -> Option<Cow<'a, str>> {
    let is_managers = |name: &str| name == MANAGER || name == "systemd.service";
    // What the manager says is about somebody else.
    if said_by.is_some_and(is_managers) || source.is_some_and(is_managers) {
        return Some(unit_in(message).unwrap_or(MANAGER_SCOPE).into());
    }
    if said_by == Some(KERNEL) || matches!(form, Form::Kernel { .. }) {
        return Some(KERNEL.into());
    }
    if let Some(name) = source.or(said_by) {
        return Some(rule::source(name));
    }
    match form {
        Form::Klog => Some(KUBELET.into()),
        Form::Logfmt => Some(CONTAINERD.into()),
        Form::Zap => Some(IPAMD.into()),
        Form::Kernel { .. } | Form::Plain => None,
    }
}

/// The unit that a line of the manager names: `kubelet.service: …`, `Started kubelet.service - …`.
fn unit_in(message: &str) -> Option<&str> {
    message
        .split([' ', ':'])
        .map(|word| word.trim_end_matches(['.', ',']))
        .find(|word| {
            [
                ".service", ".target", ".mount", ".scope", ".slice", ".timer", ".socket",
            ]
            .iter()
            .any(|ending| word.len() > ending.len() && word.ends_with(ending))
        })
}

/// Whether a line about a unit begins as only the manager's do.
fn says_of_itself(unit: &str, message: &str) -> bool {
    message
        .strip_prefix(unit)
        .is_some_and(|rest| rest.starts_with(": "))
}

/// How a message is written, and what stands before its text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Form<'a> {
    /// `E0102 03:04:05.123456    1234 file.go:12] …`
    Klog,
    /// `time="…" level=error msg="…"`
    Logfmt,
    /// `{"level":"error","ts":"…","caller":"…","msg":"…"}`
    Zap,
    /// `[  123.456789] …`, `[Fri Jan  2 03:04:05 2026] …` or `3,1234,5678,-;…`
    Kernel {
        text: &'a str,
    },
    Plain,
}

impl<'a> Form<'a> {
    fn of(message: &'a str) -> Self {
        if rule::is_klog(message) {
            Self::Klog
        } else if message.starts_with("time=\"") {
            Self::Logfmt
        } else if message.starts_with("{\"level\"") {
            Self::Zap
        } else if let Some(text) =
            head::dmesg(message).or_else(|| kmsg::Record::parse(message).map(|record| record.text))
        {
            Self::Kernel { text }
        } else {
            Self::Plain
        }
    }

    fn text(self, message: &'a str) -> &'a str {
        match self {
            Self::Kernel { text } => text,
            _ => message,
        }
    }

    /// The line's own clock, where it has one.
    fn time(self, message: &str, now: Timestamp) -> Option<Timestamp> {
        match self {
            Self::Klog => head::klog_time(message, now),
            Self::Logfmt => message
                .strip_prefix("time=\"")?
                .split('"')
                .next()?
                .parse()
                .ok(),
            Self::Zap => {
                let (_, rest) = message.split_once("\"ts\":\"")?;
                rest.split('"').next()?.parse().ok()
            }
            Self::Kernel { .. } => {
                let seconds = head::kernel_seconds(message)?;
                Timestamp::UNIX_EPOCH
                    .checked_add(SignedDuration::from_secs_f64(seconds))
                    .ok()
            }
            Self::Plain => None,
        }
    }
}

#[cfg(test)]
mod tests;
