//! `nodeagent boot`: the timeline of this boot. The daemon is not needed, and the boot may still go on.

use clap::{Args, ValueEnum};

use crate::boot::{self, record::Record};
use crate::host::path;
use crate::join::verdict;

use super::{Context, Exit, output};

/// Options of `boot`.
#[derive(Debug, Args)]
pub(super) struct Options {
    /// Output format
    #[arg(short, long, value_enum, default_value_t = Format::Text)]
    output: Format,
}

/// Output formats.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    /// A page for people.
    Text,
    /// The document of `/v1/boot`.
    Json,
}

pub(super) async fn run(context: &Context, options: &Options) -> Exit {
    let root = &context.root;
    let machine = if root.is_machine() {
        boot::observe().await
    } else {
        None
    };
    let verdict = verdict::read(root);
    let report = boot::report(machine.as_ref(), &Record::read(root), verdict.as_ref());
    if report.phases.is_empty() {
        let message = format!(
            "systemd does not tell of this boot and there is no `{}`",
            path::BOOT
        );
        output::error(&message, Some("systemctl status nodeadm-config"));
        return Exit::Unchecked;
    }
    output::data(&match options.output {
        Format::Text => boot::text(&report),
        Format::Json => serde_json::to_string_pretty(&report).unwrap_or_default(),
    });
    Exit::Ok
}
