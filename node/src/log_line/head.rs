//! What stands before a message: the date, host and writer that syslog and journalctl print, and the clocks of klog and the
//! kernel. Times without a zone are UTC.

use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use jiff::{Span, Timestamp};

use crate::kmsg;

const MONTHS: [&str; 12] = [
    "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
];

/// The head of a line of syslog: `Jan  2 03:04:05 host kubelet[1234]: …`, or with a date of ISO 8601.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Head<'a> {
    pub(super) at: Option<Timestamp>,
    pub(super) identifier: Option<&'a str>,
    pub(super) message: &'a str,
}

impl<'a> Head<'a> {
    pub(super) fn of(line: &'a str, now: Timestamp) -> Option<Self> {
        let (at, rest) = short(line, now).or_else(|| iso(line))?;
        let (_host, rest) = rest.trim_start().split_once(' ')?;
        let (writer, message) = rest
            .split_once(": ")
            .or_else(|| Some((rest.strip_suffix(':')?, "")))?;
        // What is no writer's name is the message's own text.
        if writer.is_empty() || writer.contains(' ') {
            return None;
        }
        let identifier = writer.split('[').next().unwrap_or(writer);
        Some(Self {
            at: Some(at),
            identifier: Some(identifier),
            message,
        })
    }
}

/// `Jan  2 03:04:05 `
fn short(line: &str, now: Timestamp) -> Option<(Timestamp, &str)> {
    let month = MONTHS.iter().position(|month| line.starts_with(month))?;
    let day = line.get(4..6)?.trim_start().parse().ok()?;
    let rest = line.get(6..)?.strip_prefix(' ')?;
    let (clock, rest) = rest.split_once(' ')?;
    let at = within_a_year(i8::try_from(month + 1).ok()?, day, clock, now)?;
    Some((at, rest))
}

/// `2026-01-02T03:04:05+0000 ` and other forms of ISO 8601.
fn iso(line: &str) -> Option<(Timestamp, &str)> {
    if !line.starts_with(|first: char| first.is_ascii_digit()) {
        return None;
    }
    let (stamp, rest) = line.split_once(' ')?;
    if let Ok(at) = stamp.parse() {
        return Some((at, rest));
    }
    // Without a zone.
    let civil: DateTime = stamp.parse().ok()?;
    Some((civil.to_zoned(TimeZone::UTC).ok()?.timestamp(), rest))
}

/// The time of klog: `E0102 03:04:05.123456 `.
pub(super) fn klog_time(message: &str, now: Timestamp) -> Option<Timestamp> {
    let month = message.get(1..3)?.parse().ok()?;
    let day = message.get(3..5)?.parse().ok()?;
    let clock = message.get(6..)?.split(' ').next()?;
    within_a_year(month, day, clock, now)
}

/// A date without its year, of the last twelve months.
fn within_a_year(month: i8, day: i8, clock: &str, now: Timestamp) -> Option<Timestamp> {
    let today = now.to_zoned(TimeZone::UTC);
    let at = |year: i16| {
        let text = format!("{year:04}-{month:02}-{day:02}T{clock}");
        let civil: DateTime = text.parse().ok()?;
        Some(civil.to_zoned(TimeZone::UTC).ok()?.timestamp())
    };
    let this_year = at(today.year());
    // A day ahead is a zone, or a clock that is off.
    let latest = now.checked_add(Span::new().hours(36)).ok()?;
    match this_year {
        Some(at) if at <= latest => Some(at),
        _ => at(today.year() - 1),
    }
}

/// The text behind what dmesg puts first: seconds since the start of the kernel, or a date.
pub(super) fn dmesg(line: &str) -> Option<&str> {
    let (inside, text) = line.strip_prefix('[')?.split_once(']')?;
    let is_clock = inside.trim().parse::<f64>().is_ok();
    let is_date = inside
        .split(' ')
        .nth(1)
        .is_some_and(|month| MONTHS.contains(&month));
    (is_clock || is_date).then(|| text.trim_start())
}

/// Seconds since the start of the kernel, of either form.
pub(super) fn kernel_seconds(line: &str) -> Option<f64> {
    if let Some(rest) = line.strip_prefix('[') {
        return rest.split(']').next()?.trim().parse().ok();
    }
    Some(kmsg::Record::parse(line)?.since_start.as_secs_f64())
}
