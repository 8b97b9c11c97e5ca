//! The layer with the AWS CLI, which every AMI has: Debian's package of AWS CLI 2, with all that it needs. Nodes that are
//! bootstrapped by nodeadm get their tokens from it.

use std::{
    path::{Path, PathBuf},
    process::Command,
};

use super::{ImageError, agent};
use crate::{file, layout::Cache, progress};

/// Mounts the root and installs into it. The mounts end with the process.
const INSTALL: &str = r#"set -e
mount -t overlay overlay -o "lowerdir=$1,upperdir=$2,workdir=$3" "$4"
mount -t proc proc "$4/proc"
mount -t tmpfs tmpfs "$4/tmp"
cp --dereference /etc/resolv.conf "$4/etc/resolv.conf"
export DEBIAN_FRONTEND=noninteractive
chroot "$4" apt-get --quiet update
chroot "$4" apt-get --quiet --yes --no-install-recommends install awscli
chroot "$4" apt-get clean
rm -r "$4/etc/resolv.conf" "$4/var/lib/apt/lists" "$4/var/cache/apt"
"#;

/// Makes the layer when there is none above this base.
pub(super) fn build(cache: &Cache, base: &Path) -> Result<PathBuf, ImageError> {
    let key = file::key([INSTALL.as_bytes(), base.as_os_str().as_encoded_bytes()]);
    let path = cache.image().join(format!("aws-cli-{key}"));
    if path.exists() {
        return Ok(path);
    }
    let step = progress::step("machine image: the AWS CLI, Debian's package");
    let scratch = cache.image().join("aws-cli.unfinished");
    file::remove(&scratch)?;
    let [upper, work, root] = ["upper", "work", "root"].map(|name| scratch.join(name));
    for directory in [&upper, &work, &root] {
        file::create_directory(directory)?;
    }
    agent::run(
        "installing the AWS CLI into the machine image",
        Command::new("unshare")
            .args(["--mount", "--propagation", "private", "--"])
            .args(["sh", "-c", INSTALL, "install"])
            .arg(base)
            .args([&upper, &work, &root]),
    )?;
    file::rename(&upper, &path)?;
    file::remove(&scratch)?;
    step.done();
    Ok(path)
}
