//! What must be there before any lab can run, made once and kept in the cache: packages of the host, programs built from
//! Go modules, moto, the roots of the machines. Each step says how long it took; a step whose inputs have not changed
//! takes no time. Nothing here belongs to a running lab.

mod go;
mod moto;
mod package;
mod root;
mod tool;

use thiserror::Error;

pub use self::tool::KUBERNETES_FLAGS;
use crate::{
    file::{self, FileError},
    layout::Cache,
    process::ProcessError,
};

/// What stands in the way of a lab on this host.
#[derive(Debug, Error)]
pub enum SetupError {
    /// Namespaces, mounts and control groups need root.
    #[error("the lab needs root: run `sudo --preserve-env=PATH {command}`")]
    NotRoot {
        /// The command to type.
        command: String,
    },
    /// The host's package tool is not one the lab knows.
    #[error("this host has no `apt-get`: install {packages} by hand")]
    NoApt {
        /// The names of Debian's packages.
        packages: String,
    },
    /// There is no Go at all, or one that is too old and cannot fetch a newer one.
    #[error(
        "Go {wanted} or newer is needed to build the control plane and {found}: install Debian's `golang-go` from backports, or Go from its own site"
    )]
    NoGo {
        /// The version wanted.
        wanted: String,
        /// What there is instead.
        found: String,
    },
    /// A program of a step ended with an error.
    #[error("{step}")]
    Step {
        /// What the program was run for.
        step: String,
        /// How it ended.
        #[source]
        source: ProcessError,
    },
    /// A file could not be read or written.
    #[error(transparent)]
    File(#[from] FileError),
}

/// Adds to an error what the program was run for.
fn during(step: &str) -> impl FnOnce(ProcessError) -> SetupError + '_ {
    move |source| SetupError::Step {
        step: step.to_owned(),
        source,
    }
}

/// Whether this process is root.
pub fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}

/// Refuses to go on without root; says what to type instead.
pub fn require_root() -> Result<(), SetupError> {
    if is_root() {
        return Ok(());
    }
    let words = std::env::args_os().map(|word| word.to_string_lossy().into_owned());
    Err(SetupError::NotRoot {
        command: words.collect::<Vec<_>>().join(" "),
    })
}

/// Gets what `lab bench` measures ours against, as far as it does not come with the cluster; without root only what can be
/// built.
pub fn peers(cache: &Cache) -> Result<(), SetupError> {
    let _held = file::lock(&cache.lock())?;
    if is_root() {
        package::install_peers()?;
    }
    tool::build_peers(cache)
}

/// Builds containerd 2.x; returns the names of its programs, which lie in the cache's `bin`.
pub fn containerd_2(cache: &Cache) -> Result<[&'static str; 3], SetupError> {
    tool::build_containerd_2(cache)
}

/// Makes everything that is missing.
pub fn all(cache: &Cache) -> Result<(), SetupError> {
    require_root()?;
    let _held = file::lock(&cache.lock())?;
    package::install()?;
    tool::build(cache)?;
    moto::install(cache)?;
    root::build(cache)
}

pub(crate) use package::find;
pub use root::{Root, path as root_path};
