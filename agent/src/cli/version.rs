//! `nodeagent version`.

use clap::Args;

use super::{Exit, output};

/// Options of `version`.
#[derive(Debug, Args)]
pub(super) struct Options {}

pub(super) fn run(_: &Options) -> Exit {
    output::data(concat!("nodeagent ", env!("CARGO_PKG_VERSION")));
    Exit::Ok
}
