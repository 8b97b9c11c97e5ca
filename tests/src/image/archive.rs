//! The pause image, made here of one static program, so that no registry is needed. The form is what `docker save`
//! writes and `ctr images import` reads.

use std::{path::Path, process::Command};

use serde_json::json;

use super::ImageError;
use crate::{
    file,
    process::{self, ProcessError},
};

/// The name under which EKS' AMI keeps the image and containerd's configuration asks for it.
const NAME: &str = "localhost/kubernetes/pause:latest";

/// Sleeps until it is told to end.
const PAUSE: &str = "trap 'exit 0' TERM INT; while :; do sleep 3600 & wait $!; done";

/// Writes an image whose only program is `busybox`, under the name of the pause image.
pub(super) fn write_pause_image(busybox: &Path, target: &Path) -> Result<(), ImageError> {
    let scratch = target.with_extension("unfinished");
    file::remove(&scratch)?;
    let content = scratch.join("content/bin");
    file::link_or_copy(busybox, &content.join("busybox"))?;
    for name in ["sh", "sleep"] {
        file::symlink(Path::new("busybox"), &content.join(name))?;
    }
    pack(&scratch.join("content"), &["."], &scratch.join("layer.tar"))?;
    let digest = process::run(Command::new("sha256sum").arg(scratch.join("layer.tar")))
        .map_err(step("reading the digest of the pause image"))?;
    let digest = digest.split(' ').next().unwrap_or_default();

    let config = json!({
        "architecture": architecture(),
        "os": "linux",
        "config": {"Entrypoint": ["/bin/sh", "-c", PAUSE]},
        "rootfs": {"type": "layers", "diff_ids": [format!("sha256:{digest}")]},
    });
    let manifest = json!([{"Config": "config.json", "RepoTags": [NAME], "Layers": ["layer.tar"]}]);
    file::write(&scratch.join("config.json"), config.to_string())?;
    file::write(&scratch.join("manifest.json"), manifest.to_string())?;
    pack(
        &scratch,
        &["manifest.json", "config.json", "layer.tar"],
        target,
    )?;
    file::remove(&scratch)?;
    Ok(())
}

/// The processor as images name it.
fn architecture() -> &'static str {
    match std::env::consts::ARCH {
        "aarch64" => "arm64",
        "x86_64" => "amd64",
        other => other,
    }
}

fn pack(directory: &Path, members: &[&str], target: &Path) -> Result<(), ImageError> {
    let mut command = Command::new("tar");
    command
        .args([
            "--owner=0",
            "--group=0",
            "--numeric-owner",
            "--mtime=@0",
            "--sort=name",
        ])
        .arg("--create")
        .arg("--file")
        .arg(target)
        .arg("--directory")
        .arg(directory)
        .args(members);
    process::run(&mut command).map_err(step("packing the pause image"))?;
    Ok(())
}

fn step(step: &'static str) -> impl FnOnce(ProcessError) -> ImageError {
    move |source| ImageError::Step { step, source }
}
