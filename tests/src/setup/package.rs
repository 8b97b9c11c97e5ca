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

/// Installs what is missing.
pub(super) fn install() -> Result<(), SetupError> {
    let missing: Vec<_> = NEEDED
        .iter()
        .filter(|(program, _)| find(program).is_none())
        .collect();
    let mut packages: Vec<&str> = missing.iter().map(|(_, package)| *package).collect();
    if !has_venv() && !packages.contains(&"python3-venv") {
        packages.push("python3-venv");
    }
    let Some(first) = packages.first() else {
        return Ok(());
    };
    let names = packages.join(" ");
    if find("apt-get").is_none() {
        let program = missing.first().map_or(*first, |(program, _)| program);
        return Err(SetupError::NoApt {
            missing: program.to_owned(),
            packages: names,
        });
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
            .args(&packages),
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
pub(super) fn find(program: &str) -> Option<std::path::PathBuf> {
    let path = env::var_os("PATH")?;
    env::split_paths(&path)
        .chain(["/usr/sbin", "/sbin"].map(|directory| Path::new(directory).to_owned()))
        .map(|directory| directory.join(program))
        .find(|candidate| candidate.is_file())
}
