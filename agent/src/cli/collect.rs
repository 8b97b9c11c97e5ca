//! `nodeagent collect`: everything that is worth keeping of this node, in one archive, with or without the daemon.

use std::fs::File;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use clap::Args;
use jiff::Timestamp;

use crate::bundle::{Bundle, Outcome, StepReport};
use crate::host::{host_name, new_file};

use super::{Context, Exit, output};

/// Options of `collect`.
#[derive(Debug, Args)]
pub(super) struct Options {
    /// File to write, which must not exist; `-` for standard output. By default one in the working directory that is named
    /// after this machine and this time
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
}

pub(super) async fn run(context: &Context, options: &Options) -> Exit {
    let place = match &options.output {
        Some(place) => place.clone(),
        None => name(&host_name(&context.root), Timestamp::now()),
    };
    if place == Path::new("-") {
        return match collect(context, &mut io::stdout()).await {
            Ok(_) => Exit::Ok,
            Err(error) => {
                output::error(&format!("writing the bundle: {error}"), None);
                Exit::Failed
            }
        };
    }
    let told = place.display();
    let hint = "with `-o -` it is written to standard output, and needs no space here";
    let mut file = match new_file::create(&place) {
        Ok(file) => file,
        Err(error) => {
            output::error(&format!("creating `{told}`: {error}"), Some(hint));
            return Exit::Failed;
        }
    };
    match write(context, &mut file).await {
        Ok(bytes) => {
            output::block(&format!("{} of bundle", size(bytes)));
            output::data(&told.to_string());
            Exit::Ok
        }
        Err(error) => {
            new_file::discard(&place);
            output::error(&format!("writing `{told}`: {error}"), Some(hint));
            Exit::Failed
        }
    }
}

async fn write(context: &Context, file: &mut File) -> io::Result<usize> {
    let bytes = collect(context, file).await?;
    file.sync_all()?;
    Ok(bytes)
}

/// Writes the parts as they come, and says on standard error what became of each step.
async fn collect(context: &Context, out: &mut impl Write) -> io::Result<usize> {
    let mut bundle = Bundle::new(&context.root, &context.environment);
    let mut bytes = 0;
    while let Some((report, part)) = bundle.next().await {
        out.write_all(&part)?;
        bytes += part.len();
        if let Some(report) = report {
            output::block(&line(&report));
        }
    }
    out.flush()?;
    Ok(bytes)
}

fn line(report: &StepReport) -> String {
    let what = match &report.outcome {
        Outcome::Ok { bytes, is_cut } => {
            let cut = if *is_cut { ", cut" } else { "" };
            format!("{}{cut}", size(*bytes))
        }
        Outcome::Skipped { why } => format!("skipped: {why}"),
        Outcome::Failed { why } => format!("failed: {why}"),
    };
    format!("{:<40} {what}", report.name)
}

fn size(bytes: usize) -> String {
    format!("{} KiB", bytes.div_ceil(1024))
}

/// Sorts by machine, then by time.
fn name(host: &str, at: Timestamp) -> PathBuf {
    let at = at.strftime("%Y%m%dT%H%M%SZ");
    let host: String = host
        .chars()
        .filter(|character| character.is_ascii_alphanumeric() || ".-".contains(*character))
        .collect();
    PathBuf::from(format!("nodeagent-{host}-{at}.tar.gz"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bundle_is_named_after_machine_and_time() {
        let at = "2026-01-02T03:04:05Z".parse().unwrap();
        assert_eq!(
            name("ip-10-0-0-1", at),
            Path::new("nodeagent-ip-10-0-0-1-20260102T030405Z.tar.gz")
        );
    }

    #[test]
    fn a_line_says_what_became_of_a_step() {
        let of = |outcome| {
            line(&StepReport {
                name: "a".into(),
                how: String::new(),
                outcome,
                milliseconds: 1,
            })
        };
        let cut = Outcome::Ok {
            bytes: 1025,
            is_cut: true,
        };
        assert!(of(cut).ends_with(" 2 KiB, cut"));
        let why = "b".to_owned();
        assert!(of(Outcome::Failed { why }).ends_with(" failed: b"));
    }
}
