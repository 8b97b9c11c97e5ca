//! moto, the stand-in for AWS, in a Python environment of its own with every version pinned.

use std::process::Command;

use super::{SetupError, during};
use crate::{cluster, file, layout::Cache, process, progress};

/// Makes the environment when there is none or its requirements have changed.
pub(super) fn install(cache: &Cache) -> Result<(), SetupError> {
    let requirements = cluster::repository().join("tests/moto/requirements.txt");
    let python = process::run(Command::new("python3").arg("--version"))
        .map_err(during("asking Python for its version"))?;
    let key = file::key([
        file::read_bytes(&requirements)?.as_slice(),
        python.as_bytes(),
    ]);
    let venv = cache.venv();
    let stamp = venv.join(".key");
    if file::read(&stamp).is_ok_and(|built| built == key) {
        return Ok(());
    }
    let step = progress::step("moto in a Python environment");
    file::remove(&venv)?;
    process::run(Command::new("python3").args(["-m", "venv"]).arg(&venv))
        .map_err(during("making a Python environment"))?;
    process::run(
        Command::new(venv.join("bin/pip"))
            .args([
                "install",
                "--quiet",
                "--disable-pip-version-check",
                "--no-deps",
            ])
            .arg("--requirement")
            .arg(&requirements),
    )
    .map_err(during("installing moto"))?;
    file::write(&stamp, key)?;
    step.done();
    Ok(())
}
