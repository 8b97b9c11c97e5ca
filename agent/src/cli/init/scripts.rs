//! The run phase and the scripts of cloud-init: nodes for which there are none start before its final stage, the others
//! say meanwhile what they wait for; a script that failed is told, or keeps the node from joining.
//!
//! [`before`] runs in a unit of its own, `nodeagent-early.service`, after cloud-init's network stage. The run phase itself
//! stays ordered after cloud-final, as on the EKS AMI, and has nothing to do when the daemons were started early.

use std::time::Duration;

use node::chain::Chain;
use node::config::user_data;
use node::finding;
use node::wire::Outcome;
use tokio::time::{Instant, MissedTickBehavior, interval, timeout};

use crate::facts::cloud_init::{self, Pending};
use crate::host::notify::Notifier;
use crate::host::path;
use crate::host::systemd::{Systemd, Units};
use crate::join::progress::Draft;
use crate::join::verdict::Desk;
use crate::plan::{Summary, fast_path};

use super::{Context, Error, METADATA_SERVICE, Name, Options, imds, start};

/// cloud-init's last stage, which runs the scripts.
const FINAL_STAGE: &str = "cloud-final.service";
/// The unit of the run phase.
const RUN: &str = "nodeadm-run.service";
const PERIOD: Duration = Duration::from_secs(1);
/// A node that waits longer says so in a verdict.
const FIRST_WORD: Duration = Duration::from_mins(1);

/// Starts the daemons if nothing that cloud-init still does can matter to them; else says on the console what the run
/// phase waits for, until it begins.
pub(super) async fn before(
    context: &Context,
    options: &Options,
    desk: &mut Desk,
) -> Result<(), Error> {
    let notifier = Notifier::of_environment(|name| std::env::var_os(name));
    let summary = Summary::read(&context.root).map_err(|source| Error::Apply { source })?;
    let Some(summary) = summary.filter(|_| context.name != Name::Nodeadm) else {
        notifier.ready();
        return Ok(());
    };
    let Some(reason) = reason_to_wait(context, desk, &summary).await else {
        tracing::info!("cloud-init has nothing more to do that matters to a join");
        let started = start(context, options, desk).await;
        if started.is_ok()
            && let Err(error) = context.root.write(path::STARTED_EARLY, b"", 0o644)
        {
            tracing::warn!(error = %Chain(&error), "the run phase will start the daemons again");
        }
        notifier.ready();
        return started;
    };
    tracing::info!("the run phase waits for cloud-init: {reason}");
    // From here on the run phase may begin.
    notifier.ready();
    let systemd = Systemd::connect().await.map_err(Error::Systemd)?;
    wait(context, desk, &systemd, &summary).await;
    Ok(())
}

async fn reason_to_wait(context: &Context, desk: &Desk, summary: &Summary) -> Option<String> {
    let pending = match Pending::read(&context.root) {
        Ok(pending) => pending,
        Err(error) => return Some(Chain(&error).to_string()),
    };
    let imds = imds(context, desk);
    let asking = imds.get("/latest/user-data");
    let user_data = match desk.waiting().during(METADATA_SERVICE, asking).await {
        Ok(user_data) => user_data.unwrap_or_default(),
        Err(error) => return Some(Chain(&error).to_string()),
    };
    let is_ours_alone = user_data::is_ours_alone(&user_data);
    fast_path::reason_to_wait(summary.fast_path, is_ours_alone, &pending)
}

/// Waits until the run phase begins, no longer than a node may take to register. Then the verdict is that it failed; a
/// script that ends after all still lets the node join, and the verdict is replaced.
async fn wait(context: &Context, desk: &mut Desk, systemd: &impl Units, summary: &Summary) {
    desk.identify(summary.identity());
    let began = Instant::now();
    let deadline = Duration::from_secs(summary.registered_deadline_seconds);
    for (after, is_last) in [(FIRST_WORD.min(deadline), false), (deadline, true)] {
        let remaining = after.saturating_sub(began.elapsed());
        let ended = desk
            .waiting()
            .during("cloud-init's scripts to end", until_over(context, systemd));
        if timeout(remaining, ended).await.is_ok() {
            return;
        }
        if is_running(systemd).await {
            tell(context, desk, summary, began.elapsed(), is_last);
        }
    }
}

/// Waits until the scripts have ended, or the run phase does not wait for them.
async fn until_over(context: &Context, systemd: &impl Units) {
    let mut ticks = interval(PERIOD);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        if context.root.exists(path::CLOUD_INIT_RESULT) {
            return;
        }
        if let (Ok(scripts), Ok(run)) = (systemd.unit(FINAL_STAGE).await, systemd.unit(RUN).await)
            && (!scripts.is_installed()
                || ["active", "failed"].contains(&scripts.active.as_str())
                || run.active != "inactive")
        {
            return;
        }
    }
}

async fn is_running(systemd: &impl Units) -> bool {
    let state = systemd.unit(FINAL_STAGE).await;
    state.is_ok_and(|state| state.active == "activating")
}

fn tell(context: &Context, desk: &mut Desk, summary: &Summary, elapsed: Duration, is_last: bool) {
    let mut evidence: Vec<String> = cloud_init::instance_scripts(&context.root)
        .into_iter()
        .map(|script| format!("cloud-init runs `{script}`"))
        .collect();
    evidence.push(format!(
        "`{FINAL_STAGE}` is still running {} s after cloud-init's network stage",
        elapsed.as_secs()
    ));
    let finding = &finding::BOOTSTRAP_USER_SCRIPT_RUNNING;
    let root_cause = finding.root_cause(&summary.identity(), &evidence);
    desk.give(Draft {
        outcome: if is_last {
            Outcome::Failed
        } else {
            Outcome::Running
        },
        provisional: !is_last,
        root_cause: Some(root_cause),
        consequences: Vec::new(),
    });
}

/// Lets the run phase pass, unless a script failed and the gate is to block. nodeadm has no gate.
pub(super) fn gate(context: &Context, desk: &mut Desk, summary: &Summary) -> Result<(), Error> {
    // Only a log line: not every machine has cloud-init.
    if !context.root.exists(path::CLOUD_INIT_RESULT) {
        tracing::warn!(
            "cloud-init has not ended: there is no `{}`; was `init` called from user data?",
            path::CLOUD_INIT_RESULT
        );
    }
    if context.name == Name::Nodeadm {
        return Ok(());
    }
    let Some(failed) = cloud_init::failed_scripts(&context.root) else {
        return Ok(());
    };
    if summary.script_gate_blocks {
        return Err(Error::Scripts {
            evidence: failed.evidence,
        });
    }
    let code = failed.finding.code;
    let told = failed.evidence.iter();
    desk.warn_also(told.map(|line| format!("{line} [{code}]")).collect());
    Ok(())
}

/// Whether the daemons were started early and nobody has asked for them since. Asking ends it.
pub(super) fn were_started_early(context: &Context) -> bool {
    context.root.exists(path::STARTED_EARLY) && forget_early_start(context)
}

/// The daemons are to be started again. Whether that could be noted.
pub(super) fn forget_early_start(context: &Context) -> bool {
    context.root.remove(path::STARTED_EARLY).is_ok()
}
