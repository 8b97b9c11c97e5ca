//! The layer that makes Debian's cloud-init that of Amazon Linux 2023: EC2 as the only source, and units without what is
//! Debian's alone. With Debian's order the units of the EKS-optimised AMI are in a cycle.

use std::path::{Path, PathBuf};

use super::ImageError;
use crate::{cluster, file, layout::Cache, progress};

/// cloud-init's four stages.
const UNITS: [&str; 4] = [
    "cloud-init-local.service",
    "cloud-init.service",
    "cloud-config.service",
    "cloud-final.service",
];
/// What cloud-init's own template (`systemd/*.service.tmpl`) writes for Debian and not for Amazon Linux.
const OF_DEBIAN: [&str; 4] = [
    "Before=sysinit.target",
    "After=multi-user.target",
    "After=networking.service",
    "After=snapd.seeded.service",
];
/// Units that are on from the first boot: where it lies, its name, what wants it.
const ENABLED: [(&str, &str, &str); 2] = [
    (ETC, "lab-interface.service", "sysinit.target.wants"),
    (
        LIB,
        "systemd-networkd-wait-online.service",
        "network-online.target.wants",
    ),
];
const ETC: &str = "etc/systemd/system";
const LIB: &str = "usr/lib/systemd/system";

/// Makes the layer when there is none for these inputs.
pub(super) fn build(cache: &Cache, base: &Path) -> Result<PathBuf, ImageError> {
    let files = cluster::repository().join("tests/image/cloud-init");
    let key = file::key([
        file::fingerprint(&files)?.as_slice(),
        base.as_os_str().as_encoded_bytes(),
        OF_DEBIAN.concat().as_bytes(),
        b"1",
    ]);
    let path = cache.image().join(format!("cloud-init-{key}"));
    if path.exists() {
        return Ok(path);
    }
    let step = progress::step("machine image: cloud-init as on Amazon Linux 2023");
    let layer = cache.image().join("cloud-init.unfinished");
    file::remove(&layer)?;
    file::copy_tree(&files, &layer)?;
    for unit in UNITS {
        let text = file::read(&base.join(LIB).join(unit))?;
        file::write(&layer.join(ETC).join(unit), rendered(&text))?;
    }
    for (directory, unit, wanted_by) in ENABLED {
        file::symlink(
            &Path::new("/").join(directory).join(unit),
            &layer.join(ETC).join(wanted_by).join(unit),
        )?;
    }
    file::rename(&layer, &path)?;
    step.done();
    Ok(path)
}

/// The unit without the lines that are Debian's.
fn rendered(unit: &str) -> String {
    unit.lines()
        .filter(|line| !OF_DEBIAN.contains(line))
        .fold(String::new(), |text, line| text + line + "\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_debians_own_goes() {
        assert_eq!(
            rendered("[Unit]\nAfter=cloud-config.service\nAfter=multi-user.target\n"),
            "[Unit]\nAfter=cloud-config.service\n"
        );
    }
}
