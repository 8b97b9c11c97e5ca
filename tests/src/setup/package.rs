//! Packages of the host. Only what is missing is installed, by apt, and the packages are named when it cannot be.

use std::{env, path::Path, process::Command};

use super::{SetupError, during};
use crate::{process, progress};

/// A program that the lab calls and the Debian package that has it.
const NEEDED: [(&str, &str); 9] = [
    ("debootstrap", "debootstrap"),
    ("systemd-nspawn", "systemd-container"),
    ("ip", "iproute2"),
    ("nsenter", "util-linux"),
    ("mount", "mount"),
    ("python3", "python3-venv"),
    ("strip", "binutils"),
    ("tar", "tar"),
    // debootstrap checks the archive's signature with it.
    ("gpgv", "gpgv"),
];

/// Programs that ours are measured against.
const PEERS: [(&str, &str); 1] = [("rg", "ripgrep")];

/// Installs what is missing of what the lab calls.
pub(super) fn install() -> Result<(), SetupError> {
    let mut packages = missing(&NEEDED);
    if !has_venv() && !packages.contains(&"python3-venv") {
        packages.push("python3-venv");
    }
    install_all(&packages)
}

/// Installs what is missing of what ours is measured against.
pub(super) fn install_peers() -> Result<(), SetupError> {
    install_all(&missing(&PEERS))
}

fn missing(needed: &[(&'static str, &'static str)]) -> Vec<&'static str> {
    let missing = needed.iter().filter(|(program, _)| find(program).is_none());
    missing.map(|(_, package)| *package).collect()
}

fn install_all(packages: &[&str]) -> Result<(), SetupError> {
    if packages.is_empty() {
        return Ok(());
    }
    let names = packages.join(" ");
    if find("apt-get").is_none() {
        return Err(SetupError::NoApt { packages: names });
    }
    let step = progress::step(format!("packages of this host: {names}"));
    let apt = || {
        let mut command = Command::new("apt-get");
        command.env("DEBIAN_FRONTEND", "noninteractive").args([
            "--quiet",
            "--yes",
            "-o",
            "DPkg::Lock::Timeout=300",
        ]);
        command
    };
    process::run(apt().arg("update")).map_err(during("refreshing the list of packages"))?;
    process::run(
        apt()
            .args(["--no-install-recommends", "install"])
            .args(packages),
    )
    .map_err(during("installing packages"))?;
    step.done();
    Ok(())
}

// Debian's python3 comes without `ensurepip`, and a virtual environment cannot be made without it.
fn has_venv() -> bool {
    process::run(Command::new("python3").args(["-c", "import venv, ensurepip"])).is_ok()
}

/// Where a program lies.
pub(crate) fn find(program: &str) -> Option<std::path::PathBuf> {
    let path = env::var_os("PATH")?;
    env::split_paths(&path)
        .chain(["/usr/sbin", "/sbin"].map(|directory| Path::new(directory).to_owned()))
        .map(|directory| directory.join(program))
        .find(|candidate| candidate.is_file())
}
