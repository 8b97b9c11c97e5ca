//! `nodeagent logs`: the journal of the watched units, with findings marked where they open and where they clear. Neither
//! the daemon nor a plan is needed: the rules read the lines that are shown, and no others.

mod mark;

use std::collections::BTreeSet;
use std::io::ErrorKind;
use std::sync::Arc;
use std::time::Duration;

use clap::Args;
use jiff::Timestamp;
use node::chain::Chain;
use node::rule::RuleSet;
use tokio::time::{MissedTickBehavior, interval};

use crate::host::host_name;
use crate::host::journal::{self, Excerpt, Part};
use crate::host::root::Root;
use crate::watch::logs;
use crate::watch::rules::Rules;

use super::{Context, Exit, output};
use mark::Marker;

/// How often findings are looked at for recovery while no line comes.
const TICK: Duration = Duration::from_secs(1);

/// Options of `logs`.
#[derive(Debug, Args)]
pub(super) struct Options {
    /// Unit whose lines are shown; can be given several times. `kernel` is the kernel
    #[arg(short, long = "unit", value_name = "UNIT", default_value = "kubelet")]
    units: Vec<String>,
    /// Go on with the lines that come
    #[arg(short, long)]
    follow: bool,
    /// Lines since this long ago, `10m`, or since this time, `2026-01-02T03:04:05Z`; by default the last 1000 of this boot
    #[arg(long, value_name = "TIME", value_parser = |text: &str| logs::since(text, Timestamp::now()))]
    since: Option<Timestamp>,
    /// Lines of an earlier boot: -1 is the one before this
    #[arg(
        short,
        long,
        value_name = "OFFSET",
        default_value_t = 0,
        hide_default_value = true,
        allow_negative_numbers = true,
        value_parser = clap::value_parser!(i32).range(..=0),
        conflicts_with = "follow"
    )]
    boot: i32,
}

/// Why there are no more lines.
#[derive(Debug, thiserror::Error)]
enum Error {
    #[error(transparent)]
    Journal(journal::Error),
    #[error("printing the lines")]
    Output {
        #[source]
        source: std::io::Error,
    },
}

pub(super) async fn run(context: &Context, options: &Options) -> Exit {
    let rules = Rules::of_node(&context.root);
    let units = options.units.iter().map(|name| logs::unit(name, &rules));
    let units: BTreeSet<String> = match units.collect() {
        Ok(units) => units,
        Err(error) => {
            output::error(&error.to_string(), None);
            return Exit::Failed;
        }
    };
    match show(&context.root, units, rules.set, options).await {
        Ok(0) => {
            output::warning(
                "the journal has no such line of that boot, or we may not read it: run this as root",
            );
            Exit::Ok
        }
        Ok(_) => Exit::Ok,
        // The reader has seen enough.
        Err(Error::Output { source }) if source.kind() == ErrorKind::BrokenPipe => Exit::Ok,
        Err(error) => {
            let hint = match options.boot {
                0 => "journalctl --boot --unit kubelet",
                _ => "journalctl --list-boots",
            };
            output::error(&Chain(&error).to_string(), Some(hint));
            Exit::Failed
        }
    }
}

/// Prints the lines; how many there were.
async fn show(
    root: &Root,
    units: BTreeSet<String>,
    rules: Arc<RuleSet>,
    options: &Options,
) -> Result<u64, Error> {
    let part = Part {
        boot: options.boot,
        ..logs::part(units, options.since, options.follow)
    };
    let mut excerpt = Excerpt::open(&part).map_err(Error::Journal)?;
    let host = host_name(root);
    let mut marker = Marker::new(rules);
    let mut ticks = interval(TICK);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut lines = 0;
    loop {
        let marks = tokio::select! {
            // What has been written is read before silence counts.
            biased;
            entry = excerpt.next() => {
                let Some(entry) = entry.map_err(Error::Journal)? else {
                    return Ok(lines);
                };
                lines += 1;
                print(&entry.line(&host))?;
                marker.entry(&entry)
            }
            _ = ticks.tick(), if options.follow => marker.tick(Timestamp::now()),
        };
        for mark in marks {
            print(&mark)?;
        }
    }
}

fn print(line: &str) -> Result<(), Error> {
    output::line(line).map_err(|source| Error::Output { source })
}
