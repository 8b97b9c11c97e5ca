//! The layer with the agent, written by the install script that Packer runs when it makes the AMI: the script is run in
//! the machine's root and what it changes is the layer. Made again when the agent, its units or the script change.

use std::{
    env,
    path::{Path, PathBuf},
    process::Command,
};

use super::ImageError;
use crate::{cluster, file, layout::Cache, process, progress};

const SCRIPT: &str = "packer/provisioners/install-agent.sh";

/// Mounts the root, shows it the source, runs the script in it. The mounts end with the process.
const INSTALL: &str = r#"set -e
mount -t overlay overlay -o "lowerdir=$1,upperdir=$2,workdir=$3" "$4"
mount -t tmpfs tmpfs "$4/run"
mkdir "$4/run/nodeagent-source"
mount --bind "$5" "$4/run/nodeagent-source"
mount -t proc proc "$4/proc"
mount -t tmpfs tmpfs "$4/tmp"
exec chroot "$4" /bin/bash /run/nodeagent-source/install-agent.sh /run/nodeagent-source
"#;

/// A program of this workspace, from the directory in which the running one lies.
pub fn program(name: &str) -> Result<PathBuf, ImageError> {
    let own = env::current_exe().map_err(|source| ImageError::OwnPath { source })?;
    let mut directory = own.parent().map(Path::to_owned).unwrap_or_default();
    // Test programs lie one level deeper.
    if directory.ends_with("deps") {
        directory.pop();
    }
    let program = directory.join(name);
    if program.exists() {
        return Ok(program);
    }
    Err(ImageError::NoAgent { directory })
}

/// Makes the layer when there is none for these inputs.
pub(super) fn build(cache: &Cache, worker: &Path, base: &Path) -> Result<PathBuf, ImageError> {
    let agent = program("nodeagent")?;
    let script = cluster::repository().join(SCRIPT);
    let units = cluster::repository().join("systemd");
    let digest = run(
        "reading the digest of the agent",
        Command::new("sha256sum").arg(&agent),
    )?;
    let digest = digest.split(' ').next().unwrap_or_default();
    // The agent's part of the name comes first: layers of one agent on several roots live side by side.
    let key = file::key([
        digest.as_bytes(),
        file::read_bytes(&script)?.as_slice(),
        file::fingerprint(&units)?.as_slice(),
        INSTALL.as_bytes(),
    ]);
    let current = format!("agent-{key}");
    let key = file::key([worker.as_os_str().as_encoded_bytes()]);
    let path = cache.image().join(format!("{current}-{key}"));
    if path.exists() {
        return Ok(path);
    }
    let step = progress::step("machine image: the agent, by the AMI's install script");
    let scratch = cache.image().join("agent.unfinished");
    file::remove(&scratch)?;
    let directory = |name: &str| -> Result<PathBuf, ImageError> {
        let path = scratch.join(name);
        file::create_directory(&path)?;
        Ok(path)
    };
    let (upper, work, root, source) = (
        directory("upper")?,
        directory("work")?,
        directory("root")?,
        directory("source")?,
    );
    run(
        "stripping the agent",
        Command::new("strip")
            .arg("-o")
            .arg(source.join("nodeagent"))
            .arg(&agent),
    )?;
    file::copy_tree(&units, &source.join("systemd"))?;
    file::write_program(&source.join("install-agent.sh"), file::read_bytes(&script)?)?;

    let mut lower = worker.as_os_str().to_owned();
    lower.push(":");
    lower.push(base);
    run(
        "installing the agent into the machine image",
        Command::new("unshare")
            .args(["--mount", "--propagation", "private", "--"])
            .args(["sh", "-c", INSTALL, "install"])
            .arg(lower)
            .args([&upper, &work, &root, &source]),
    )?;
    file::rename(&upper, &path)?;
    file::remove(&scratch)?;
    remove_older(cache, &current)?;
    step.done();
    Ok(path)
}

/// Removes the layers of older agents, whose names do not begin as those of the `current` one, unless a machine of some
/// lab may have one of them mounted.
fn remove_older(cache: &Cache, current: &str) -> Result<(), ImageError> {
    let labs = cache.image().join("../run");
    for lab in file::entries(&labs)? {
        if !file::entries(&labs.join(lab).join("machine"))?.is_empty() {
            return Ok(());
        }
    }
    let layers = file::entries(&cache.image())?;
    for name in &layers {
        if name.starts_with("agent-") && !name.starts_with(current) {
            file::remove(&cache.image().join(name))?;
        }
    }
    Ok(())
}

/// Runs a program of a step to its end; returns what it wrote.
pub(super) fn run(step: &'static str, command: &mut Command) -> Result<String, ImageError> {
    process::run(command).map_err(|source| ImageError::Step { step, source })
}
