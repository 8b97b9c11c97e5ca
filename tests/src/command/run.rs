//! `lab exec`, `lab logs`, `lab bench` with `lab measure`, `lab serve`, `lab machine-controller`.

use std::{ffi::OsString, io, path::Path};

use clap::ValueEnum as _;
use node::chain::Chain;
use tokio::{
    runtime::{Builder, Runtime},
    signal::unix::{SignalKind, signal},
};

use super::CommandError;
use crate::{
    bench::{self, Part},
    cloud::{self, CloudConfig},
    file, image,
    layout::{Cache, Layout},
    lifecycle::Lab,
    machine::controller,
    progress, setup,
};

/// Runs the program; its exit status becomes ours.
pub(super) fn exec(lab: &Lab, program: &[OsString]) -> Result<u8, CommandError> {
    let Some((program, arguments)) = program.split_first() else {
        return Ok(0);
    };
    Ok(lab.exec(program, arguments)?)
}

/// Prints the log, or the names of all logs.
pub(super) fn logs(layout: &Layout, process: Option<&str>) -> Result<(), CommandError> {
    let Some(process) = process else {
        let names = file::entries(&layout.run().join("log"))?;
        let logs = names.iter().filter_map(|name| name.strip_suffix(".log"));
        for name in logs
            .map(str::to_owned)
            .chain(file::entries(&layout.run().join("machine"))?)
        {
            progress::data(&name).map_err(CommandError::Output)?;
        }
        return Ok(());
    };
    let candidates = [
        layout.log(process),
        layout.machine(process).join("console.log"),
    ];
    // The name becomes part of a path.
    let plain = process
        .chars()
        .all(|c| c.is_ascii_alphanumeric() || c == '-');
    let log = candidates
        .iter()
        .find(|path| plain && path.exists())
        .ok_or_else(|| CommandError::NoLog {
            lab: layout.name().to_owned(),
            process: process.to_owned(),
        })?;
    let bytes = file::read_bytes(log)?;
    io::copy(&mut bytes.as_slice(), &mut io::stdout().lock()).map_err(CommandError::Output)?;
    Ok(())
}

/// Serves the AWS side until it is told to end.
pub(super) fn serve(path: &Path) -> Result<(), CommandError> {
    log_to_standard_error();
    let config: CloudConfig =
        serde_json::from_str(&file::read(path)?).map_err(|source| CommandError::Config {
            path: path.to_owned(),
            source,
        })?;
    runtime()?.block_on(async {
        let mut terminated = signal(SignalKind::terminate()).map_err(CommandError::Serve)?;
        let shutdown = async {
            terminated.recv().await;
        };
        Ok(cloud::serve(config, shutdown).await?)
    })
}

/// Sees to the machines until it is told to end.
pub(super) fn machine_controller(lab: &Lab) -> Result<(), CommandError> {
    log_to_standard_error();
    runtime()?.block_on(async {
        let mut terminated = signal(SignalKind::terminate()).map_err(CommandError::Serve)?;
        tokio::select! {
            never = controller::run(lab) => match never {},
            _ = terminated.recv() => Ok(()),
        }
    })
}

fn log_to_standard_error() {
    tracing_subscriber::fmt()
        .with_ansi(false)
        .with_writer(io::stderr)
        .init();
}

/// Measures the agent beside its peers; a peer that cannot be built is left out.
pub(super) fn bench(
    cache: &Cache,
    parts: &[Part],
    program: Option<&Path>,
) -> Result<(), CommandError> {
    let nodeagent = match program {
        Some(program) => program.to_owned(),
        None => image::program("nodeagent").map_err(CommandError::NoProgram)?,
    };
    if let Err(error) = setup::peers(cache) {
        progress::say(&format_args!("no peer: {}", Chain(&error)));
    }
    let parts = if parts.is_empty() {
        Part::value_variants()
    } else {
        parts
    };
    runtime()?.block_on(bench::run(&nodeagent, &cache.bin(), parts))?;
    if !parts.contains(&Part::Daemon) {
        return Ok(());
    }
    if setup::is_root() {
        bench::daemon(&nodeagent, cache)?;
    } else {
        progress::say(&"the daemon needs root and the lab: it is left out");
    }
    Ok(())
}

/// Runs the program to its end and prints what it took.
pub(super) fn measure(program: &[OsString]) -> Result<(), CommandError> {
    let Some((program, arguments)) = program.split_first() else {
        return Ok(());
    };
    let sample = bench::measure(Path::new(program), arguments)?;
    progress::data(&serde_json::json!(sample)).map_err(CommandError::Output)
}

fn runtime() -> Result<Runtime, CommandError> {
    Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(CommandError::Serve)
}
