//! `nodeagent daemon`: watches the node for its whole life. Connects the parts and does nothing itself.
//!
//! ```text
//! SIGHUP, rules.d        ──> rules ─┐
//! lines, units, probes ───> watch ─┬┴> report ─> annotation, conditions, events
//! plan, verdict          ─> boot  ─┴─> serve  ─> socket, network
//! ```

use std::sync::Arc;
use std::time::Duration;

use clap::Args;
use jiff::Timestamp;
use node::chain::Chain;
use node::wire::SsmState;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::{mpsc, oneshot, watch as channel};
use tokio::task::JoinSet;

use crate::boot as boot_times;
use crate::host;
use crate::host::notify::Notifier;
use crate::host::systemd::Systemd;
use crate::plan::Summary;
use crate::report::{self, event};
use crate::serve::{Server, Sources, network};
use crate::source;
use crate::watch::boot::{self, Boot};
use crate::watch::rounds::Rounds;
use crate::watch::rules::{self, Keeper};
use crate::watch::schedule::Schedule;
use crate::watch::{self, Seen, Watch, units};

use super::{Context, Exit, output};

/// Observations that may wait for the watch.
const OBSERVATIONS: usize = 8;
/// A watch that has not come round for so long gets no more time from systemd's watchdog.
const HANGING: Duration = Duration::from_secs(10);

/// Options of `daemon`.
#[derive(Debug, Args)]
pub(super) struct Options {}

pub(super) async fn run(context: &Context, _: &Options) -> Exit {
    let root = &context.root;
    let (mut terminate, mut interrupt, mut hangup) = match (
        signal(SignalKind::terminate()),
        signal(SignalKind::interrupt()),
        signal(SignalKind::hangup()),
    ) {
        (Ok(terminate), Ok(interrupt), Ok(hangup)) => (terminate, interrupt, hangup),
        (Err(error), ..) | (_, Err(error), _) | (.., Err(error)) => {
            output::error(&format!("listening for signals: {error}"), None);
            return Exit::Failed;
        }
    };
    let (seen, seen_out) = channel::channel(Seen::nothing());
    // A daemon that is started again knows at once who it speaks of.
    let known = Boot::read(root);
    let (identity, identity_out) = channel::channel(known.identity());
    let (boot, boot_out) = channel::channel(known);
    let (ssm, ssm_out) = channel::channel(SsmState::Unknown);
    let (pods, pods_out) = channel::channel(None);
    let (events, events_out) = channel::channel(event::Counters::default());
    let (observations, observations_out) = mpsc::channel(OBSERVATIONS);

    let rounds = Rounds::default();
    let sources = Sources {
        root: root.clone(),
        environment: context.environment.clone(),
        started_at: Timestamp::now(),
        seen: seen_out.clone(),
        boot: boot_out.clone(),
        ssm: ssm_out.clone(),
        effective_max_pods: pods_out,
        events: events_out,
        rounds: rounds.clone(),
    };
    let server = match Server::bind(root, &sources) {
        Ok(server) => server,
        Err(error) => {
            output::error(
                &Chain(&error).to_string(),
                Some("the daemon must run as root: systemctl start nodeagent"),
            );
            return Exit::Failed;
        }
    };
    let mut keeper = Keeper::new(root);
    let in_use = keeper.read(&Summary::watch_of_boot(root));
    rules::log(&in_use);
    let (rules, rules_out) = channel::channel(Arc::new(in_use));
    let ports = watch::Ports {
        observations: observations_out,
        identity: identity_out,
        rules: rules_out,
        seen,
    };
    let mut watch = Watch::of_machine(root, host::boot_id(root), ports);
    watch.announce();

    let mut tasks = JoinSet::new();
    tasks.spawn(server.run());
    let read_again = async move || hangup.recv().await.is_some();
    tasks.spawn(rules::follow(keeper, boot_out.clone(), read_again, rules));
    let settings = source::own_settings(root);
    tasks.spawn(network::follow(sources, settings.serve));
    let ssm_by_default = settings.ssm_enabled;
    let wants_ssm = || {
        let boot = boot_out.clone();
        move || boot.borrow().wants_ssm(ssm_by_default)
    };
    tasks.spawn(watch::serving_certificate::follow(
        root.clone(),
        boot_out.clone(),
        observations.clone(),
    ));
    tasks.spawn(watch::ssm::follow(
        root.clone(),
        context.environment.clone(),
        ssm_out.clone(),
        observations.clone(),
        wants_ssm(),
    ));
    let schedule = Schedule {
        root: root.clone(),
        environment: context.environment.clone(),
        boot: boot_out.clone(),
        seen: seen_out.clone(),
        rounds,
        observations: observations.clone(),
    };
    tasks.spawn(schedule.run());
    tasks.spawn(units::poll(
        Systemd::connect,
        observations,
        ssm,
        wants_ssm(),
    ));
    tasks.spawn(boot::follow(
        root.clone(),
        context.environment.clone(),
        boot_times::observe,
        boot,
        identity,
    ));
    let ports = report::Ports {
        seen: seen_out.clone(),
        boot: boot_out,
        ssm: ssm_out,
        by_default: settings.report,
        effective_max_pods: pods,
        events,
    };
    let (stop, stopped) = oneshot::channel::<()>();
    let reporting = tokio::spawn(report::run(
        root.clone(),
        context.environment.clone(),
        ports,
        async { drop(stopped.await) },
    ));

    let notifier = Notifier::of_environment(|name| std::env::var_os(name));
    notifier.ready();
    tokio::select! {
        () = watch.run() => {}
        () = notifier.keep_alive(|| seen_out.borrow().ticked.elapsed() < HANGING) => {}
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
    notifier.stopping();
    tracing::info!("stopping");
    watch.save();
    drop(stop);
    if let Err(error) = reporting.await {
        tracing::debug!(%error, "the report ended before the daemon");
    }
    tasks.shutdown().await;
    if let Err(error) = root.remove(host::path::SOCKET) {
        tracing::debug!(error = %Chain(&error), "the socket stays behind");
    }
    Exit::Ok
}
