//! `nodeagent status`: how this node is, as the daemon says, or as the boot left it when there is no daemon.

pub(in crate::cli) mod page;

use clap::{Args, ValueEnum};
use node::chain::Chain;
use node::finding::Severity;
use node::wire::{Outcome, Status, Verdict};

use crate::host::path;
use crate::join::verdict;
use crate::serve::client;

use super::{Context, Exit, output};

/// Options of `status`.
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
    /// The document of `/v1/status`, or the verdict.
    Json,
}

pub(super) async fn run(context: &Context, options: &Options) -> Exit {
    match client::status(&context.root).await {
        Ok(status) => {
            output::data(&match options.output {
                Format::Text => page::of_status(&status),
                Format::Json => json(&status),
            });
            exit_of(&status)
        }
        Err(error) => without_daemon(context, options, &error),
    }
}

fn without_daemon(context: &Context, options: &Options, error: &client::Error) -> Exit {
    let hint = "systemctl status nodeagent";
    let Some(verdict) = verdict::read(&context.root) else {
        let message = format!(
            "{}; and there is no verdict of this boot in `{}`",
            Chain(error),
            path::VERDICT
        );
        output::error(&message, Some(hint));
        return Exit::Unchecked;
    };
    output::warning(&format!(
        "{}; this is the verdict of the boot, not the node as it is now",
        Chain(error)
    ));
    output::data(&match options.output {
        Format::Text => page::of_verdict(&verdict),
        Format::Json => json(&verdict),
    });
    exit_of_boot(&verdict)
}

/// Joined, and nothing fatal is open.
fn exit_of(status: &Status) -> Exit {
    let has_joined = status
        .verdict
        .as_ref()
        .is_some_and(|verdict| verdict.outcome == Outcome::Joined);
    let is_fatal = status
        .findings
        .iter()
        .any(|finding| finding.severity == Severity::Fatal);
    if has_joined && !is_fatal {
        Exit::Ok
    } else {
        Exit::Unhealthy
    }
}

/// A boot that went well says nothing about now; one that did not is reason enough.
fn exit_of_boot(verdict: &Verdict) -> Exit {
    if verdict.outcome == Outcome::Joined {
        Exit::Unchecked
    } else {
        Exit::Unhealthy
    }
}

fn json(document: &impl serde::Serialize) -> String {
    serde_json::to_string_pretty(document).unwrap_or_default()
}

#[cfg(test)]
mod tests;
