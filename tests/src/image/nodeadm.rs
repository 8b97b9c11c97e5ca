//! The layer of an AMI as AWS makes it, with one program replaced: `/usr/bin/nodeadm` leads to ours, and the units are the
//! AMI's own. No unit and no drop-in of ours is there.

use std::path::{Path, PathBuf};

use super::ImageError;
use crate::{cluster, file, layout::Cache, progress};

const UNITS: &str = "etc/systemd/system";

/// Makes the layer when there is none for the agent in the layer `agent`.
pub(super) fn build(cache: &Cache, agent: &Path) -> Result<PathBuf, ImageError> {
    let files = cluster::repository().join("tests/image/nodeadm");
    let key = file::key([file::fingerprint(&files)?.as_slice()]);
    // Goes with the agent's own layer when a newer agent is built.
    let mut name = agent.file_name().unwrap_or_default().to_owned();
    name.push(format!("-nodeadm-{key}"));
    let path = cache.image().join(name);
    if path.exists() {
        return Ok(path);
    }
    let step = progress::step("machine image: the agent in the place of nodeadm");
    let layer = cache.image().join("nodeadm.unfinished");
    file::remove(&layer)?;
    file::copy_tree(&files, &layer)?;
    file::link_or_copy(
        &agent.join("usr/bin/nodeagent"),
        &layer.join("usr/bin/nodeagent"),
    )?;
    file::symlink(Path::new("nodeagent"), &layer.join("usr/bin/nodeadm"))?;
    for unit in file::entries(&files.join(UNITS))? {
        let enabled = layer
            .join(UNITS)
            .join("multi-user.target.wants")
            .join(&unit);
        file::symlink(&Path::new("/").join(UNITS).join(&unit), &enabled)?;
    }
    file::rename(&layer, &path)?;
    step.done();
    Ok(path)
}
