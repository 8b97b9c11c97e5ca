//! The roots of the machines: small Debians with systemd, containerd and what a kubelet calls. They stand for the base
//! image of an AMI; what makes them workers lies in the layers above (`image`).

use std::{path::PathBuf, process::Command};

use super::{SetupError, during};
use crate::{file, layout::Cache, process, progress};

/// Which of the roots.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Root {
    /// Debian 13: systemd 257. User data have no reader but the agent.
    #[default]
    Plain,
    /// Debian 12, whose systemd is that of Amazon Linux 2023, 252, with cloud-init.
    CloudInit,
}

/// What both have.
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

/// What else a root with cloud-init has. debootstrap does not see that something provides what the packages of Python ask
/// for.
const CLOUD_INIT_PACKAGES: [&str; 2] = ["cloud-init", "python3-cffi-backend"];

impl Root {
    const ALL: [Self; 2] = [Self::Plain, Self::CloudInit];

    fn release(self) -> &'static str {
        match self {
            Self::Plain => "trixie",
            Self::CloudInit => "bookworm",
        }
    }

    fn packages(self) -> String {
        let mut packages = PACKAGES.to_vec();
        if self == Self::CloudInit {
            packages.extend(CLOUD_INIT_PACKAGES);
        }
        packages.join(",")
    }
}

/// Where a root lies. The name changes with the release and the packages.
pub fn path(cache: &Cache, root: Root) -> PathBuf {
    let key = file::key([root.release().as_bytes(), root.packages().as_bytes(), b"1"]);
    cache.image().join(format!("base-{key}"))
}

/// Makes the roots that are missing.
pub(super) fn build(cache: &Cache) -> Result<(), SetupError> {
    for root in Root::ALL {
        build_one(cache, root)?;
    }
    Ok(())
}

fn build_one(cache: &Cache, root: Root) -> Result<(), SetupError> {
    let path = path(cache, root);
    if path.exists() {
        return Ok(());
    }
    let release = root.release();
    let step = progress::step(format!("machine root, Debian {release} by debootstrap"));
    let unfinished = cache.image().join("base.unfinished");
    file::remove(&unfinished)?;
    file::create_directory(&unfinished)?;
    let log = cache.image().join("debootstrap.log");
    file::remove(&log)?;
    process::run_logged(
        // What it mounts in the root ends with it.
        Command::new("unshare")
            .args(["--mount", "--propagation", "private", "--", "debootstrap"])
            .arg("--variant=minbase")
            .arg(format!("--include={}", root.packages()))
            .arg(release)
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
