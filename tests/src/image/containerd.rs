//! The layer with containerd 2.x, as the AMIs of newer Kubernetes versions have it: its programs over Debian's, and the
//! version file that tells.

use std::{path::PathBuf, process::Command};

use super::{ImageError, agent};
use crate::{cluster, control_group::Host, file, layout::Cache, progress, setup};

/// Makes the layer when there is none for these inputs.
pub(super) fn build(cache: &Cache, host: &Host) -> Result<PathBuf, ImageError> {
    let programs = setup::containerd_2(cache)?;
    let files = cluster::repository().join("tests/image/containerd-2-without-controllers");
    let built = file::read(&cache.bin().join(format!(".{}.key", programs[0])))?;
    let key = file::key([
        built.as_bytes(),
        file::fingerprint(&files)?.as_slice(),
        &[u8::from(host.gives_controllers())],
        b"1",
    ]);
    let path = cache.image().join(format!("containerd-2-{key}"));
    if path.exists() {
        return Ok(path);
    }
    let step = progress::step("machine image: containerd 2.x");
    let layer = cache.image().join("containerd-2.unfinished");
    file::remove(&layer)?;
    for program in programs {
        let target = layer.join("usr/bin").join(program);
        file::link_or_copy(&cache.bin().join(program), &target)?;
    }
    if !host.gives_controllers() {
        file::copy_tree(&files, &layer)?;
    }
    let version = agent::run(
        "asking containerd for its version",
        Command::new(layer.join("usr/bin/containerd")).arg("--version"),
    )?;
    file::write(&layer.join(VERSION), version)?;
    file::rename(&layer, &path)?;
    step.done();
    Ok(path)
}

/// Where an AMI says which containerd it has.
const VERSION: &str = "etc/eks/containerd-version.txt";
