//! Where the lab keeps things: what is built once (`lab/bin`, `lab/venv`, `lab/image`) and what belongs to one running
//! lab (`lab/run/NAME`). Paths only; this module neither creates nor removes anything. Every other module asks here.

use std::{
    env,
    path::{Path, PathBuf},
};

use thiserror::Error;

/// The lab that commands mean when no name is given.
pub const DEFAULT_NAME: &str = "lab";

/// Why the lab's directories cannot be named.
#[derive(Debug, Error)]
pub enum LayoutError {
    /// None of the three variables that lead to a cache directory is set.
    #[error(
        "none of `NODECTL_CACHE`, `XDG_CACHE_HOME` and `HOME` is set: set `NODECTL_CACHE` to a directory"
    )]
    NoCacheDirectory,
    /// The name would not do as part of a path, a control group and a namespace.
    #[error(
        "`{name}` cannot name a lab: use 1 to 20 lower-case letters, digits and hyphens, a letter first"
    )]
    BadName {
        /// The name as given.
        name: String,
    },
}

/// The directories of all labs of this user.
#[derive(Clone, Debug)]
pub struct Cache {
    root: PathBuf,
}

impl Cache {
    /// `$NODECTL_CACHE`, or `nodectl` below the user's cache directory.
    pub fn from_environment() -> Result<Self, LayoutError> {
        let set = |name: &str| env::var_os(name).filter(|value| !value.is_empty());
        if let Some(root) = set("NODECTL_CACHE") {
            return Ok(Self::at(root));
        }
        set("XDG_CACHE_HOME")
            .map(PathBuf::from)
            .or_else(|| set("HOME").map(|home| Path::new(&home).join(".cache")))
            .map(|directory| Self::at(directory.join("nodectl")))
            .ok_or(LayoutError::NoCacheDirectory)
    }

    /// The cache at `root`.
    pub fn at(root: impl Into<PathBuf>) -> Self {
        Self { root: root.into() }
    }

    /// The programs that are built from Go modules.
    pub fn bin(&self) -> PathBuf {
        self.root.join("lab/bin")
    }

    /// The Python environment that holds moto.
    pub fn venv(&self) -> PathBuf {
        self.root.join("lab/venv")
    }

    /// Machine roots and the layers above them.
    pub fn image(&self) -> PathBuf {
        self.root.join("lab/image")
    }

    /// Held while anything in the cache is built, so that two labs do not build the same thing at once.
    pub fn lock(&self) -> PathBuf {
        self.root.join("lab/build.lock")
    }

    /// The running lab of this name.
    pub fn lab(&self, name: &str) -> Result<Layout, LayoutError> {
        let first_is_letter = name.starts_with(|first: char| first.is_ascii_lowercase());
        let all_allowed = name
            .chars()
            .all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-');
        if !first_is_letter || !all_allowed || name.len() > 20 {
            return Err(LayoutError::BadName {
                name: name.to_owned(),
            });
        }
        Ok(Layout {
            cache: self.clone(),
            name: name.to_owned(),
        })
    }
}

/// The files of one lab.
#[derive(Clone, Debug)]
pub struct Layout {
    cache: Cache,
    name: String,
}

impl Layout {
    /// The lab's name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// What this lab shares with all others.
    pub fn cache(&self) -> &Cache {
        &self.cache
    }

    /// Everything that belongs to this lab and goes with it.
    pub fn run(&self) -> PathBuf {
        self.cache.root.join("lab/run").join(&self.name)
    }

    /// Held by a command while it changes the lab. It does not lie in the lab's directory, because that may be removed
    /// while it is held.
    pub fn lock(&self) -> PathBuf {
        self.cache.root.join("lab/lock").join(&self.name)
    }

    /// What `lab up` decided and found, for the commands that come after it.
    pub fn state(&self) -> PathBuf {
        self.run().join("lab.json")
    }

    /// The log of one of the lab's processes.
    pub fn log(&self, process: &str) -> PathBuf {
        self.run().join("log").join(format!("{process}.log"))
    }

    /// Keys and certificates.
    pub fn pki(&self, file: &str) -> PathBuf {
        self.run().join("pki").join(file)
    }

    /// The directory of one machine: its root, its console, its containerd's data.
    pub fn machine(&self, name: &str) -> PathBuf {
        self.run().join("machine").join(name)
    }

    /// The access key of the cluster's creator.
    pub fn admin(&self) -> PathBuf {
        self.run().join("admin.json")
    }

    /// The kubeconfig of the cluster's creator.
    pub fn kubeconfig(&self) -> PathBuf {
        self.run().join("kubeconfig")
    }

    /// Names of the lab for programs on this host that are put into its network.
    pub fn hosts(&self) -> PathBuf {
        self.run().join("hosts")
    }

    /// The file that holds the lab's network namespace.
    pub fn network_namespace(&self) -> PathBuf {
        Path::new("/run/netns").join(format!("nodelab-{}", self.name))
    }

    /// The lab's control group, relative to the root of a hierarchy.
    pub fn control_group(&self) -> PathBuf {
        Path::new("nodelab").join(&self.name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_that_climbs_out_of_its_directory_is_refused() {
        let cache = Cache::at("/cache");
        for name in ["", "../x", "a/b", "1a", "A", "a_very_long_name_for_a_lab"] {
            assert!(cache.lab(name).is_err(), "`{name}` was accepted");
        }
    }

    #[test]
    fn everything_of_a_lab_lies_below_its_own_directory() {
        let lab = Cache::at("/cache").lab("one").unwrap();
        for path in [
            lab.state(),
            lab.log("etcd"),
            lab.pki("ca.crt"),
            lab.machine("n"),
        ] {
            assert!(path.starts_with("/cache/lab/run/one"), "{}", path.display());
        }
    }
}
