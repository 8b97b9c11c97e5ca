//! `nodeagent init`: the whole boot, or the phases of it that are not skipped.

mod after_boot;
mod scripts;
mod warm_pool;

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, ValueEnum};
use node::chain::Chain;
use node::config::{AgentConfig, CredentialSource, NodeConfig};
use node::finding::{self, Finding};
use node::wire::Phase;

use crate::apply::ssm::{self, Order, Starter};
use crate::apply::{self, Daemon, DaemonError, RunError};
use crate::facts::{self, Facts};
use crate::host::environment;
use crate::host::exec::Programs;
use crate::host::imds::Imds;
use crate::host::journal::Journalctl;
use crate::host::path;
use crate::host::root;
use crate::host::systemd::{self, Systemd};
use crate::join::verdict::Desk;
use crate::join::{self, End, preflight};
use crate::plan::{self, Action, Summary};
use crate::probe::storage;
use crate::source::{self, Loaded, cache};

use super::{Context, Exit, Name, Sources, output};

/// How long IMDS may take to answer one question at boot: the network may come up only now.
const IMDS_DEADLINE: Duration = Duration::from_mins(1);
const METADATA_SERVICE: &str = "the instance metadata service";

/// Options of `init`.
#[derive(Debug, Args)]
pub(super) struct Options {
    /// Leave a phase out
    #[arg(short, long, value_name = "PHASE")]
    skip: Vec<Skip>,
    /// Configure and start only this daemon; give it several times for several
    #[arg(short, long = "daemon", value_name = "UNIT")]
    daemons: Vec<Daemon>,
    #[command(flatten)]
    sources: Sources,
    /// Keep the configuration in FILE between phases
    #[arg(long, value_name = "FILE")]
    config_cache: Option<PathBuf>,
    /// Start the daemons at once if cloud-init has nothing more to do that matters to them; else say on the console what
    /// the run phase waits for
    #[arg(long)]
    early: bool,
}

impl Options {
    /// The daemons that are configured and started.
    fn daemons(&self) -> &[Daemon] {
        if self.daemons.is_empty() {
            &Daemon::ALL
        } else {
            &self.daemons
        }
    }
}

/// A phase of the boot.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Skip {
    /// Write the configuration.
    Config,
    /// Start the daemons.
    Run,
    /// Wait until the node is Ready.
    Join,
}

/// Why the boot does not go on.
#[derive(Debug, thiserror::Error)]
enum Error {
    #[error("reading the configuration")]
    Source {
        #[source]
        source: source::Error,
    },
    #[error(transparent)]
    Facts(facts::Error),
    #[error(transparent)]
    Plan(plan::Error),
    #[error("writing the configuration")]
    Apply {
        #[source]
        source: root::Error,
    },
    #[error(transparent)]
    Systemd(systemd::Error),
    #[error("making the configuration count")]
    Act {
        #[source]
        source: DaemonError,
    },
    #[error(transparent)]
    Run(RunError),
    #[error(
        "the config phase has not run in this boot: there is no `{}`",
        path::PLAN
    )]
    NotPlanned,
    #[error("a user script failed, and `scriptGate` is `block`")]
    Scripts { evidence: Vec<String> },
}

impl Error {
    /// The entry of the catalogue that tells a person what this means.
    fn finding(&self) -> &'static Finding {
        use node::config::user_data;
        match self {
            Self::Source { source } => match source {
                source::Error::Imds { .. } => &finding::BOOTSTRAP_IMDS_UNREACHABLE,
                source::Error::UserData(
                    user_data::Error::Empty | user_data::Error::NoNodeConfig { .. },
                )
                | source::Error::NoNodeConfig { .. }
                | source::Error::NoFile { .. } => &finding::BOOTSTRAP_NO_NODE_CONFIG,
                source::Error::UserData(user_data::Error::Al2Script) => {
                    &finding::BOOTSTRAP_AL2_SCRIPT
                }
                source::Error::UserData(_)
                | source::Error::Content { .. }
                | source::Error::UserDataDocument(_)
                | source::Error::Decode(_)
                | source::Error::Merge { .. } => &finding::BOOTSTRAP_BAD_USER_DATA,
                source::Error::File { .. } => &finding::BOOTSTRAP_UNIT_FAILED,
            },
            Self::Facts(facts::Error::Imds { .. } | facts::Error::IdentityDocument { .. }) => {
                &finding::BOOTSTRAP_IMDS_UNREACHABLE
            }
            Self::Facts(facts::Error::NotInstalled {
                program: "kubelet", ..
            }) => &finding::BOOTSTRAP_KUBELET_MISSING,
            Self::Facts(facts::Error::NotInstalled {
                program: "containerd",
                ..
            }) => &finding::RUNTIME_NOT_INSTALLED,
            Self::Facts(facts::Error::Ec2 { source }) => facts::ec2::finding(source),
            Self::Plan(plan::Error::Config { .. }) => &finding::BOOTSTRAP_INCOMPLETE_CONFIG,
            Self::Plan(plan::Error::Containerd { .. }) => &finding::BOOTSTRAP_BAD_USER_DATA,
            Self::Plan(plan::Error::ContainerdVersion { .. }) => {
                &finding::BOOTSTRAP_CONTAINERD_CONFIG_VERSION
            }
            Self::Facts(facts::Error::ApiServerName { .. }) => &finding::NETWORK_DNS_NO_SUCH_HOST,
            Self::Run(error) => error.finding(),
            Self::Plan(plan::Error::NoImageCredentialProvider { .. }) => {
                &finding::BOOTSTRAP_CREDENTIAL_PROVIDER_MISSING
            }
            Self::Facts(facts::Error::File { .. } | facts::Error::NotInstalled { .. })
            | Self::Apply { .. }
            | Self::Systemd(_)
            | Self::Act { .. }
            | Self::NotPlanned => &finding::BOOTSTRAP_UNIT_FAILED,
            Self::Scripts { .. } => &finding::BOOTSTRAP_USER_SCRIPT_FAILED,
        }
    }
}

impl Error {
    /// Lines of others that show it, oldest first.
    fn evidence(&self) -> &[String] {
        match self {
            Self::Run(error) => error.evidence(),
            Self::Scripts { evidence } => evidence,
            _ => &[],
        }
    }

    /// The operation on a file that did not work, if it is one.
    fn of_file(&self) -> Option<&root::Error> {
        match self {
            Self::Apply { source }
            | Self::Run(RunError::File { source })
            | Self::Facts(facts::Error::File { source }) => Some(source),
            _ => None,
        }
    }
}

/// Runs the phases.
pub(super) async fn run(context: &Context, options: &Options) -> Exit {
    if context.root.is_machine() && !rustix::process::geteuid().is_root() {
        output::error(
            "`init` changes the machine and must run as root",
            Some("sudo nodeagent init"),
        );
        return Exit::Failed;
    }
    let mut desk = Desk::new(&context.root);
    let exit = match phases(context, options, &mut desk).await {
        Ok(None | Some(End::Joined)) => Exit::Ok,
        Ok(Some(End::NotReady)) => Exit::Unhealthy,
        Ok(Some(End::Failed)) => Exit::Failed,
        Err(error) => {
            let mut finding = error.finding();
            let mut evidence = error.evidence().to_vec();
            let storage = error
                .of_file()
                .and_then(|error| storage::of(&context.root, error));
            if let Some((named, seen)) = storage {
                finding = named;
                evidence.extend(seen);
            }
            evidence.push(Chain(&error).to_string());
            desk.fail(finding, evidence);
            output::error(
                &format!("{} [{}]", Chain(&error), finding.code),
                Some(&desk.fix(finding)),
            );
            Exit::Failed
        }
    };
    after_boot::follow(context, &desk).await;
    exit
}

async fn phases(
    context: &Context,
    options: &Options,
    desk: &mut Desk,
) -> Result<Option<End>, Error> {
    if options.early {
        return scripts::before(context, options, desk).await.map(|()| None);
    }
    let skips = |phase| options.skip.contains(&phase);
    // With a cache, the config phase runs again if the sources say something new, whatever is skipped.
    if !skips(Skip::Config) || !skips(Skip::Run) || options.config_cache.is_some() {
        let ssm = begin_ssm(context, skips(Skip::Config));
        let configured = configure(context, options, desk, skips(Skip::Config), ssm.as_ref()).await;
        if let Some(ssm) = ssm {
            ssm.finish().await;
        }
        configured?;
    }
    if !skips(Skip::Run) && !scripts::were_started_early(context) {
        start(context, options, desk).await?;
    }
    // nodeadm returns when the daemons are active.
    if skips(Skip::Join) || context.name == Name::Nodeadm {
        return Ok(None);
    }
    let summary = Summary::read(&context.root)
        .map_err(|source| Error::Apply { source })?
        .ok_or(Error::NotPlanned)?;
    desk.identify(summary.identity());
    desk.follow_with(&summary.after_boot);
    if desk.is_waiting() {
        warm_pool::leave(context, desk, &summary).await?;
    }
    desk.begin(Phase::Join);
    let joining = join::wait(&context.root, &context.environment, &summary, desk);
    Ok(Some(Box::pin(joining).await))
}

/// Sees to the SSM agent beside the config phase. nodeadm does not, and below another root directory there is none.
fn begin_ssm(context: &Context, skip: bool) -> Option<Starter> {
    if skip || context.name == Name::Nodeadm || !context.root.is_machine() {
        return None;
    }
    let otherwise = ssm_order(&source::own_settings(&context.root));
    Some(Starter::spawn(Systemd::connect(), otherwise))
}

fn ssm_order(settings: &AgentConfig) -> Order {
    if settings.ssm_enabled {
        Order::Start
    } else {
        Order::LeaveAlone
    }
}

/// The metadata service, whose delays are told on the console.
fn imds(context: &Context, desk: &Desk) -> Imds {
    Imds::new(context.environment.imds_endpoint.as_deref(), IMDS_DEADLINE).noting(desk.waiting())
}

/// The config phase. When it is to be skipped, it runs all the same if the sources now say something else than in the
/// run that filled the cache.
async fn configure(
    context: &Context,
    options: &Options,
    desk: &mut Desk,
    skip: bool,
    ssm: Option<&Starter>,
) -> Result<(), Error> {
    let root = &context.root;
    let imds = imds(context, desk);
    let cached = match &options.config_cache {
        Some(file) => cache::read(root, file).map_err(|source| Error::Apply { source })?,
        None => None,
    };
    if !skip {
        desk.begin(Phase::Config);
    }
    let loading = async {
        let loaded = source::load(root, &imds, &options.sources.sources, cached.as_ref()).await;
        if let (Ok(loaded), Some(ssm)) = (&loaded, ssm) {
            ssm.tell(ssm_order(&loaded.agent));
        }
        loaded
    };
    let (loaded, facts) = if skip {
        (desk.waiting().during(METADATA_SERVICE, loading).await, None)
    } else {
        // Facts do not depend on the configuration, so both are fetched at once.
        let both = async { tokio::join!(loading, facts::gather(root, &imds)) };
        let (loaded, facts) = desk.waiting().during(METADATA_SERVICE, both).await;
        (loaded, Some(facts))
    };
    if let (Err(_), Some(Ok(facts))) = (&loaded, &facts) {
        // Who is speaking is known all the same.
        desk.identify(facts.instance.identity(&NodeConfig::default()));
    }
    let mut loaded = loaded.map_err(|source| Error::Source { source })?;
    desk.follow_with(&loaded.agent.after_boot);
    let changed = cached
        .as_ref()
        .is_none_or(|cached| cached.spec != loaded.config.spec);
    if skip && (options.config_cache.is_none() || !changed) {
        return Ok(());
    }
    if skip {
        tracing::info!("the sources say something else than the config phase saw; it runs again");
        desk.begin(Phase::Config);
    }
    // At once: whatever ends the boot from here on, these may be why.
    desk.warn(std::mem::take(&mut loaded.warnings));
    let mut facts: Facts = match facts {
        Some(facts) => facts.map_err(Error::Facts)?,
        None => facts::gather(root, &imds).await.map_err(Error::Facts)?,
    };
    desk.identify(facts.instance.identity(&loaded.config));
    let defaults = loaded.config.spec.instance.environment.get("default");
    // Before EC2 is asked: the way to it may lead through a proxy that is set here.
    environment::keep(root, defaults).map_err(|source| Error::Apply { source })?;
    let environment = context.environment.clone().with_kept_defaults(root);
    facts
        .complete(root, &imds, &environment, &loaded.config)
        .await
        .map_err(Error::Facts)?;
    loaded.warnings.extend(facts.complete_from_tables(root));
    let labels = facts::labels::fetch(&imds, &loaded.agent.labels).await;
    facts.labels = labels.values;
    loaded.warnings.extend(labels.warnings);
    if let Ok(Some(earlier)) = Summary::read(root) {
        facts
            .instance
            .recall_name(&earlier.instance_id, &earlier.node_name);
    }
    let asking = facts.complete_from_ec2(root, &imds, &environment, &loaded.config);
    let warnings = desk
        .waiting()
        .during("EC2 to describe this instance or its type", asking)
        .await
        .map_err(Error::Facts)?;
    loaded.warnings.extend(warnings);
    write(context, options, desk, loaded, &facts, ssm).await
}

async fn write(
    context: &Context,
    options: &Options,
    desk: &mut Desk,
    mut loaded: Loaded,
    facts: &Facts,
    ssm: Option<&Starter>,
) -> Result<(), Error> {
    if context.name == Name::Nodeadm {
        loaded.agent.credential = CredentialSource::AwsCli;
    }
    let plan = plan::plan(&loaded.config, &loaded.agent, facts).map_err(Error::Plan)?;
    desk.identify(plan.summary.identity());
    desk.warn_also(
        loaded
            .warnings
            .into_iter()
            .chain(plan.warnings.iter().cloned())
            .collect(),
    );
    let applied = apply::apply(&context.root, &plan, options.daemons())
        .map_err(|source| Error::Apply { source })?;
    tracing::info!(
        node = plan.summary.node_name,
        max_pods = plan.summary.max_pods,
        written = applied.written.len(),
        removed = applied.removed.len(),
        "configuration written"
    );
    scripts::forget_early_start(context);
    act(context, desk, &applied.actions).await?;
    if let Some(ssm) = ssm
        && loaded.agent.ssm_enabled
        && ssm::is_environment(applied.written.iter().chain(&applied.removed))
    {
        ssm.tell(Order::Restart);
    }
    if let Some(file) = &options.config_cache {
        // The run phase can do without it: it runs the config phase again.
        if let Err(error) = cache::write(&context.root, file, &loaded.config) {
            desk.warn_also(vec![Chain(&error).to_string()]);
        }
    }
    desk.complete();
    Ok(())
}

/// Makes what was written count. Below another root directory there is no machine to tell.
async fn act(context: &Context, desk: &mut Desk, actions: &[Action]) -> Result<(), Error> {
    if actions.is_empty() {
        return Ok(());
    }
    if !context.root.is_machine() {
        tracing::debug!(?actions, "not done below another root directory");
        return Ok(());
    }
    let systemd = Systemd::connect().await.map_err(Error::Systemd)?;
    let warnings = apply::act(&systemd, actions)
        .await
        .map_err(|source| Error::Act { source })?;
    desk.warn_also(warnings);
    Ok(())
}

/// The run phase.
async fn start(context: &Context, options: &Options, desk: &mut Desk) -> Result<(), Error> {
    desk.begin(Phase::Run);
    let summary = Summary::read(&context.root)
        .map_err(|source| Error::Apply { source })?
        .unwrap_or_else(|| {
            tracing::warn!("{}; local disks are left alone", Error::NotPlanned);
            Summary::default()
        });
    desk.follow_with(&summary.after_boot);
    if !options.early {
        scripts::gate(context, desk, &summary)?;
    }
    let starting = start_daemons(context, options, desk, &summary);
    let warmed = preflight::beside(&context.root, &context.environment, desk, starting).await?;
    desk.complete();
    desk.wait_for(warmed.as_deref().map(join::warm_pool::awaited));
    Ok(())
}

/// Starts what is to be started; the state in the warm pool where the kubelet is not.
async fn start_daemons(
    context: &Context,
    options: &Options,
    desk: &Desk,
    summary: &Summary,
) -> Result<Option<String>, Error> {
    apply::prepare(&context.root, &Programs, summary)
        .await
        .map_err(Error::Run)?;
    let systemd = Systemd::connect().await.map_err(Error::Systemd)?;
    let warmed = warm_pool::state(context, desk, summary).await;
    for daemon in Daemon::ALL {
        let is_held = daemon == Daemon::Kubelet && warmed.is_some();
        if options.daemons().contains(&daemon) && !is_held {
            start_daemon(desk, &systemd, daemon, summary).await?;
        }
    }
    Ok(warmed)
}

async fn start_daemon(
    desk: &Desk,
    systemd: &Systemd,
    daemon: Daemon,
    summary: &Summary,
) -> Result<(), Error> {
    let name = daemon.as_str();
    let what = format!("{name} to start");
    let daemons = [daemon];
    let starting = apply::start(systemd, &Programs, &Journalctl, &daemons, summary);
    let starting = desk.waiting().during(&what, starting);
    desk.timed(name, starting).await.map_err(Error::Run)
}
