//! Carries out what the machine must be told after files were written or removed.

use std::time::Duration;

use crate::host::systemd::{UnitState, Units};
use crate::plan::Action;

use super::daemon::{Error, restart, wait_until};

/// A service of the system that is active later than this after its restart has failed.
const DEADLINE: Duration = Duration::from_secs(30);

/// Does the actions, in their order. What cannot be done and need not stop the boot is a warning.
pub async fn act(systemd: &impl Units, actions: &[Action]) -> Result<Vec<String>, Error> {
    let mut warnings = Vec::new();
    for action in actions {
        match action {
            Action::DaemonReload => {
                tracing::info!("systemd reads its configuration again");
                systemd
                    .reload()
                    .await
                    .map_err(|source| Error::Systemd { source })?;
            }
            Action::RestartUnit(unit) => {
                let restarting = async {
                    restart(systemd, unit).await?;
                    wait_until(systemd, unit, DEADLINE, UnitState::is_active).await
                };
                match restarting.await {
                    Err(
                        error @ (Error::NotInstalled { .. }
                        | Error::Masked { .. }
                        | Error::NotActive { .. }),
                    ) => {
                        warnings.push(format!("{error}; its configuration has no effect"));
                    }
                    other => other?,
                }
            }
        }
    }
    Ok(warnings)
}
