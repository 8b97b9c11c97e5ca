//! The root of the machines: a small Debian with systemd, containerd and what a kubelet calls. It stands for the base
//! image of an AMI; what makes it a worker lies in the layers above (`image`).

use std::{path::PathBuf, process::Command};

use super::{SetupError, during};
use crate::{file, layout::Cache, process, progress};

const RELEASE: &str = "trixie";
const PACKAGES: [&str; 18] = [
    "systemd",
    "systemd-sysv",
    "systemd-resolved",
    "dbus",
    "ca-certificates",
    "containerd",
    "runc",
    "containernetworking-plugins",
    "iproute2",
    "iptables",
    "conntrack",
    "socat",
    "kmod",
    "procps",
    "mount",
    "curl",
    "jq",
    "busybox-static",
];

/// Where the root lies. The name changes with the release and the packages.
pub fn path(cache: &Cache) -> PathBuf {
    let packages = PACKAGES.join(",");
    let key = file::key([RELEASE.as_bytes(), packages.as_bytes(), b"1"]);
    cache.image().join(format!("base-{key}"))
}

/// Makes the root when there is none.
pub(super) fn build(cache: &Cache) -> Result<(), SetupError> {
    let path = path(cache);
    if path.exists() {
        return Ok(());
    }
    let step = progress::step(format!("machine root, Debian {RELEASE} by debootstrap"));
    let unfinished = cache.image().join("base.unfinished");
    file::remove(&unfinished)?;
    file::create_directory(&unfinished)?;
    let log = cache.image().join("debootstrap.log");
    file::remove(&log)?;
    process::run_logged(
        Command::new("debootstrap")
            .arg("--variant=minbase")
            .arg(format!("--include={}", PACKAGES.join(",")))
            .arg(RELEASE)
            .arg(&unfinished),
        &log,
    )
    .map_err(during("making the root of the machines"))?;

    let version = process::run(
        Command::new("chroot")
            .arg(&unfinished)
            .args(["containerd", "--version"]),
    )
    .map_err(during("asking containerd for its version"))?;
    file::write(&unfinished.join("etc/eks/containerd-version.txt"), version)?;
    // Every machine makes an id of its own; systemd would take D-Bus' one for it.
    file::write(&unfinished.join("etc/machine-id"), "")?;
    for superfluous in [
        "var/lib/dbus/machine-id",
        "var/cache/apt/archives",
        "var/lib/apt/lists",
        "etc/hostname",
        "etc/resolv.conf",
    ] {
        file::remove(&unfinished.join(superfluous))?;
    }
    file::rename(&unfinished, &path)?;
    step.done();
    Ok(())
}
