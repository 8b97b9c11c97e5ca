//! `nodeagent init`: the whole boot, or the phases of it that are not skipped.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, ValueEnum};
use node::chain::Chain;
use node::config::CredentialSource;
use node::finding::{self, Finding};
use node::wire::Phase;

use crate::apply::{self, Daemon, DaemonError, RunError};
use crate::facts::{self, Facts};
use crate::host::environment;
use crate::host::exec::Programs;
use crate::host::imds::Imds;
use crate::host::path;
use crate::host::root;
use crate::host::systemd::{self, Systemd};
use crate::join::verdict::Desk;
use crate::join::{self, End};
use crate::plan::{self, Action, Summary};
use crate::source::{self, Loaded, cache};

use super::{Context, Exit, Name, Sources, output};

/// How long IMDS may take to answer one question at boot: the network may come up only now.
const IMDS_DEADLINE: Duration = Duration::from_mins(1);

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
            })
            | Self::Run(RunError::Daemon(DaemonError::NotInstalled {
                unit: "kubelet.service",
            })) => &finding::BOOTSTRAP_KUBELET_MISSING,
            Self::Facts(facts::Error::Ec2 { source }) => facts::ec2::finding(source),
            Self::Plan(plan::Error::Config { .. }) => &finding::BOOTSTRAP_INCOMPLETE_CONFIG,
            Self::Plan(plan::Error::Containerd { .. }) => &finding::BOOTSTRAP_BAD_USER_DATA,
            Self::Plan(plan::Error::ContainerdVersion { .. }) => {
                &finding::BOOTSTRAP_CONTAINERD_CONFIG_VERSION
            }
            Self::Facts(facts::Error::ApiServerName { .. }) => &finding::NETWORK_DNS_NO_SUCH_HOST,
            Self::Run(RunError::PauseImage { .. }) => &finding::IMAGE_SANDBOX_UNAVAILABLE,
            Self::Plan(plan::Error::NoImageCredentialProvider { .. }) => {
                &finding::BOOTSTRAP_CREDENTIAL_PROVIDER_MISSING
            }
            Self::Facts(facts::Error::File { .. } | facts::Error::NotInstalled { .. })
            | Self::Apply { .. }
            | Self::Systemd(_)
            | Self::Act { .. }
            | Self::Run(_)
            | Self::NotPlanned => &finding::BOOTSTRAP_UNIT_FAILED,
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
    match phases(context, options, &mut desk).await {
        Ok(None | Some(End::Joined)) => Exit::Ok,
        Ok(Some(End::NotReady)) => Exit::Unhealthy,
        Ok(Some(End::Failed)) => Exit::Failed,
        Err(error) => {
            let finding = error.finding();
            desk.fail(finding, Chain(&error).to_string());
            output::error(
                &format!("{} [{}]", Chain(&error), finding.code),
                Some(&desk.fix(finding)),
            );
            Exit::Failed
        }
    }
}

async fn phases(
    context: &Context,
    options: &Options,
    desk: &mut Desk,
) -> Result<Option<End>, Error> {
    let skips = |phase| options.skip.contains(&phase);
    // With a cache, the config phase runs again if the sources say something new, whatever is skipped.
    if !skips(Skip::Config) || !skips(Skip::Run) || options.config_cache.is_some() {
        configure(context, options, desk, skips(Skip::Config)).await?;
    }
    if !skips(Skip::Run) {
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
    desk.begin(Phase::Join);
    let joining = join::wait(&context.root, &context.environment, &summary, desk);
    Ok(Some(Box::pin(joining).await))
}

/// The config phase. When it is to be skipped, it runs all the same if the sources now say something else than in the
/// run that filled the cache.
async fn configure(
    context: &Context,
    options: &Options,
    desk: &mut Desk,
    skip: bool,
) -> Result<(), Error> {
    let root = &context.root;
    let imds = Imds::new(context.environment.imds_endpoint.as_deref(), IMDS_DEADLINE);
    let cached = match &options.config_cache {
        Some(file) => cache::read(root, file).map_err(|source| Error::Apply { source })?,
        None => None,
    };
    if !skip {
        desk.begin(Phase::Config);
    }
    let (loaded, facts) = if skip {
        (
            source::load(root, &imds, &options.sources.sources, cached.as_ref()).await,
            None,
        )
    } else {
        // Facts do not depend on the configuration, so both are fetched at once.
        let (loaded, facts) = tokio::join!(
            source::load(root, &imds, &options.sources.sources, cached.as_ref()),
            facts::gather(root, &imds)
        );
        (loaded, Some(facts))
    };
    let mut loaded = loaded.map_err(|source| Error::Source { source })?;
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
    let warnings = facts
        .complete_from_ec2(root, &imds, &environment, &loaded.config)
        .await
        .map_err(Error::Facts)?;
    loaded.warnings.extend(warnings);
    write(context, options, desk, loaded, &facts).await
}

async fn write(
    context: &Context,
    options: &Options,
    desk: &mut Desk,
    mut loaded: Loaded,
    facts: &Facts,
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
    act(context, desk, &applied.actions).await?;
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
    apply::prepare(&context.root, &Programs, &summary)
        .await
        .map_err(Error::Run)?;
    let systemd = Systemd::connect().await.map_err(Error::Systemd)?;
    apply::start(&systemd, &Programs, options.daemons(), &summary)
        .await
        .map_err(Error::Run)?;
    desk.complete();
    Ok(())
}
