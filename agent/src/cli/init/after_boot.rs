//! What follows the last word of `init` on a boot: signals, and the end of a machine that failed, where AgentConfig asks
//! for it. nodeadm knows nothing of either.

use node::chain::Chain;
use node::config::agent_config::OnFailure;
use node::wire::Outcome;

use crate::host::systemd::{Systemd, Units as _};
use crate::join::verdict::Desk;
use crate::report::signal;
use crate::source;

use super::{Context, Name};

const POWER_OFF: &str = "poweroff.target";

pub(super) async fn follow(context: &Context, desk: &Desk) {
    let Some(verdict) = desk.last_word().filter(|_| context.name != Name::Nodeadm) else {
        return;
    };
    let root = &context.root;
    // A boot that failed before the user data were read knows the image's settings at least.
    let after = match desk.after_boot() {
        Some(after) => after.clone(),
        None => source::own_settings(root).after_boot,
    };
    signal::send(root, &context.environment, &after.signals, None, &verdict).await;
    let is_over = verdict.outcome == Outcome::Failed && after.on_failure == OnFailure::PowerOff;
    if is_over && root.is_machine() {
        tracing::warn!("`onFailure` of AgentConfig is `powerOff`: shutting down");
        let shutting_down = async { Systemd::connect().await?.start(POWER_OFF).await };
        if let Err(error) = shutting_down.await {
            tracing::error!(error = %Chain(&error), "the machine is not shut down");
        }
    }
}
