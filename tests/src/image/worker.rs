//! The layer that makes a plain Debian look like the EKS-optimised AMI of AL2023 before any agent is installed: kubelet,
//! the ECR credential provider, their units, version files, the pause image, and stand-ins for what a container of this
//! host cannot have.

use std::path::{Path, PathBuf};

use super::{ImageError, archive};
use crate::{
    cluster::{self, KUBERNETES_VERSION},
    control_group::Host,
    file,
    layout::Cache,
    progress,
};

/// Units that are on from the first boot: the unit and what wants it.
const ENABLED: [(&str, &str); 4] = [
    ("lab-sysctl.service", "sysinit.target.wants"),
    ("lab-pause-image.service", "containerd.service.wants"),
    ("systemd-networkd.service", "multi-user.target.wants"),
    ("systemd-resolved.service", "multi-user.target.wants"),
];

/// Debian enables containerd; on the AMI it is the bootstrap that starts it.
const DISABLED: [&str; 1] = ["multi-user.target.wants/containerd.service"];

/// Makes the layer when there is none for these inputs.
pub(super) fn build(cache: &Cache, base: &Path, host: &Host) -> Result<PathBuf, ImageError> {
    let files = cluster::repository().join("tests/image");
    let kubelet_key = file::read(&cache.bin().join(".kubelet.key"))?;
    let provider_key = file::read(&cache.bin().join(".ecr-credential-provider.key"))?;
    let key = file::key([
        file::fingerprint(&files)?.as_slice(),
        kubelet_key.as_bytes(),
        provider_key.as_bytes(),
        base.as_os_str().as_encoded_bytes(),
        &[u8::from(host.gives_controllers())],
        b"2",
    ]);
    let path = cache.image().join(format!("worker-{key}"));
    if path.exists() {
        return Ok(path);
    }
    let step = progress::step("machine image: kubelet and what an EKS worker has");
    let layer = cache.image().join("worker.unfinished");
    file::remove(&layer)?;
    file::copy_tree(&files.join("rootfs"), &layer)?;
    if !host.gives_controllers() {
        file::copy_tree(&files.join("without-controllers"), &layer)?;
    }
    programs(cache, &layer)?;
    units(base, &layer)?;
    file::create_directory(&layer.join("etc/eks/nodeadm.d"))?;
    file::create_directory(&layer.join("var/lib/kubelet"))?;
    file::symlink(
        Path::new("../run/systemd/resolve/stub-resolv.conf"),
        &layer.join("etc/resolv.conf"),
    )?;
    // Debian's plug-ins lie elsewhere than everybody else's.
    file::symlink(Path::new("/usr/lib/cni"), &layer.join("opt/cni/bin"))?;
    archive::write_pause_image(&base.join("bin/busybox"), &layer.join("etc/eks/pause.tar"))?;
    file::rename(&layer, &path)?;
    step.done();
    Ok(path)
}

fn programs(cache: &Cache, layer: &Path) -> Result<(), ImageError> {
    let bin = cache.bin();
    file::link_or_copy(&bin.join("kubelet"), &layer.join("usr/bin/kubelet"))?;
    file::link_or_copy(
        &bin.join("ecr-credential-provider"),
        &layer.join("etc/eks/image-credential-provider/ecr-credential-provider"),
    )?;
    file::write(
        &layer.join("etc/eks/kubelet-version.txt"),
        format!("Kubernetes {KUBERNETES_VERSION}\n"),
    )?;
    for program in [
        "usr/bin/amazon-ssm-agent",
        "usr/local/sbin/lab-sysctl",
        "usr/local/sbin/lab-runc",
    ] {
        let path = layer.join(program);
        if path.exists() {
            file::set_mode(&path, 0o755)?;
        }
    }
    Ok(())
}

fn units(base: &Path, layer: &Path) -> Result<(), ImageError> {
    let etc = layer.join("etc/systemd/system");
    for (unit, wanted_by) in ENABLED {
        let own = etc.join(unit).exists();
        let directory = if own {
            "/etc/systemd/system"
        } else {
            "/usr/lib/systemd/system"
        };
        file::symlink(
            &Path::new(directory).join(unit),
            &etc.join(wanted_by).join(unit),
        )?;
    }
    for link in DISABLED {
        if base.join("etc/systemd/system").join(link).is_symlink() {
            // A whiteout would need a device node; a link to nowhere is as good for systemd.
            file::symlink(Path::new("/dev/null"), &etc.join(link))?;
        }
    }
    Ok(())
}
