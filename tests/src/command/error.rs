//! Everything that a command can end with. The enums below say the details; this one only joins them.

use std::{io, path::PathBuf};

use thiserror::Error;

use crate::{
    bench::{BenchError, MeasureError},
    cloud::CloudError,
    demo::DemoError,
    exec::ExecError,
    file::FileError,
    guard::GuardError,
    image::ImageError,
    layout::LayoutError,
    lifecycle::LifecycleError,
    machine::MachineError,
    node_object::NodeObjectError,
    setup::SetupError,
};

/// Why a command failed.
#[derive(Debug, Error)]
pub enum CommandError {
    /// A directory or a name.
    #[error(transparent)]
    Layout(#[from] LayoutError),
    /// Set-up.
    #[error(transparent)]
    Setup(#[from] SetupError),
    /// Up or down.
    #[error(transparent)]
    Lifecycle(#[from] LifecycleError),
    /// A machine.
    #[error(transparent)]
    Machine(#[from] MachineError),
    /// A Node.
    #[error(transparent)]
    NodeObject(#[from] NodeObjectError),
    /// A guarded lab.
    #[error(transparent)]
    Guard(#[from] GuardError),
    /// A program in the lab.
    #[error(transparent)]
    Exec(#[from] ExecError),
    /// The demonstration.
    #[error(transparent)]
    Demo(#[from] DemoError),
    /// The measurement.
    #[error(transparent)]
    Bench(#[from] BenchError),
    /// One measured run.
    #[error(transparent)]
    Measure(#[from] MeasureError),
    /// A program of ours is not built.
    #[error("finding what to measure")]
    NoProgram(#[source] ImageError),
    /// The AWS side.
    #[error(transparent)]
    Cloud(#[from] CloudError),
    /// A file.
    #[error(transparent)]
    File(#[from] FileError),
    /// A configuration that `lab up` did not write.
    #[error("`{}` is no configuration of the AWS side", path.display())]
    Config {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        #[source]
        source: serde_json::Error,
    },
    /// `lab down` missed something.
    #[error("the lab is down but left {}: run `lab down` again", left.join(", "))]
    Leftovers {
        /// What is left.
        left: Vec<String>,
    },
    /// The machine is there but has ended.
    #[error("machine `{name}` does not run: `lab logs {name}` shows its console")]
    NotRunning {
        /// The machine.
        name: String,
    },
    /// Nothing of this name has a log.
    #[error("lab `{lab}` has no log of `{process}`: `lab logs` lists those it has")]
    NoLog {
        /// The lab.
        lab: String,
        /// The name asked for.
        process: String,
    },
    /// Standard output is closed, or the terminal is gone.
    #[error("writing the answer")]
    Output(#[source] io::Error),
    /// A runtime could not be started, or a signal not be waited for.
    #[error("running as a process of the lab")]
    Serve(#[source] io::Error),
}
