//! `nodectl version`.

use node::wire::API_VERSION;
use serde::Serialize;

use super::error::{Error, written};
use crate::cli::{Output, VersionArgs};
use crate::exit::Exit;
use crate::print::{Printer, document};

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Document {
    api_version: &'static str,
    kind: &'static str,
    version: &'static str,
    platform: String,
}

pub(super) fn run(args: &VersionArgs, printer: &mut Printer) -> Result<Exit, Error> {
    let version = Document {
        api_version: API_VERSION,
        kind: "Version",
        version: env!("CARGO_PKG_VERSION"),
        platform: format!("{}/{}", std::env::consts::OS, std::env::consts::ARCH),
    };
    let text = match args.output.output {
        Output::Json => document::json(&version)?,
        Output::Yaml => document::yaml(&version)?,
        Output::Table => format!("nodectl {}", version.version),
        Output::Wide => format!("nodectl {} {}", version.version, version.platform),
        Output::Name => version.version.to_owned(),
    };
    written(printer.data(&text))?;
    Ok(Exit::Ok)
}
