//! `nodeagent init`: the whole boot, or the phases of it that are not skipped.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, ValueEnum};
use node::chain::Chain;
use node::config::{CredentialSource, NodeConfig};
use node::finding::{self, Finding};
use node::wire::Phase;

use crate::apply::{self, Daemon, DaemonError};
use crate::facts::{self, Facts};
use crate::host::imds::Imds;
use crate::host::path;
use crate::host::root;
use crate::host::systemd::{self, Systemd};
use crate::join::verdict::Desk;
use crate::join::{self, End};
use crate::plan::{self, Summary};
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
    /// Start only this daemon; give it several times for several
    #[arg(short, long = "daemon", value_name = "UNIT")]
    daemons: Vec<Daemon>,
    #[command(flatten)]
    sources: Sources,
    /// Keep the configuration in FILE between phases
    #[arg(long, value_name = "FILE")]
    config_cache: Option<PathBuf>,
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
    #[error(transparent)]
    Daemon(DaemonError),
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
            | Self::Daemon(DaemonError::NotInstalled {
                unit: "kubelet.service",
            }) => &finding::BOOTSTRAP_KUBELET_MISSING,
            Self::Facts(facts::Error::CustomDomain { .. }) => &finding::JOIN_NO_PRIVATE_DNS,
            Self::Plan(plan::Error::Config { .. }) => &finding::BOOTSTRAP_INCOMPLETE_CONFIG,
            Self::Plan(plan::Error::Containerd { .. }) => &finding::BOOTSTRAP_BAD_USER_DATA,
            Self::Plan(plan::Error::NoImageCredentialProvider { .. }) => {
                &finding::BOOTSTRAP_CREDENTIAL_PROVIDER_MISSING
            }
            Self::Facts(facts::Error::File { .. } | facts::Error::NotInstalled { .. })
            | Self::Apply { .. }
            | Self::Systemd(_)
            | Self::Daemon(_)
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
    if !skips(Skip::Config) || !skips(Skip::Run) {
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
    Ok(Some(join::wait(&context.root, &summary, desk).await))
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
            source::load(root, &imds, &options.sources.sources).await,
            None,
        )
    } else {
        // Facts do not depend on the configuration, so both are fetched at once.
        let (loaded, facts) = tokio::join!(
            source::load(root, &imds, &options.sources.sources),
            facts::gather(root, &imds, &context.environment)
        );
        (loaded, Some(facts))
    };
    let loaded = loaded_or_cached(loaded, cached.as_ref())?;
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
    let facts: Facts = match facts {
        Some(facts) => facts.map_err(Error::Facts)?,
        None => facts::gather(root, &imds, &context.environment)
            .await
            .map_err(Error::Facts)?,
    };
    write(context, options, desk, loaded, &facts)
}

/// A boot can go on with what an earlier phase used when the sources have nothing any more.
fn loaded_or_cached(
    loaded: Result<Loaded, source::Error>,
    cached: Option<&NodeConfig>,
) -> Result<Loaded, Error> {
    match (loaded, cached) {
        (Err(source::Error::NoNodeConfig { places }), Some(cached)) => {
            tracing::warn!(
                "no NodeConfig in {}; the cached one is used",
                places.join(", ")
            );
            Ok(Loaded {
                config: cached.clone(),
                agent: node::config::AgentConfig::default(),
                warnings: Vec::new(),
            })
        }
        (loaded, _) => loaded.map_err(|source| Error::Source { source }),
    }
}

fn write(
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
    desk.warn(
        loaded
            .warnings
            .into_iter()
            .chain(plan.warnings.iter().cloned())
            .collect(),
    );
    let applied = apply::apply(&context.root, &plan).map_err(|source| Error::Apply { source })?;
    tracing::info!(
        node = plan.summary.node_name,
        max_pods = plan.summary.max_pods,
        written = applied.written.len(),
        removed = applied.removed.len(),
        "configuration written"
    );
    if let Some(file) = &options.config_cache {
        cache::write(&context.root, file, &loaded.config)
            .map_err(|source| Error::Apply { source })?;
    }
    desk.complete();
    Ok(())
}

/// The run phase.
async fn start(context: &Context, options: &Options, desk: &mut Desk) -> Result<(), Error> {
    desk.begin(Phase::Run);
    context
        .root
        .write(path::MARKER, b"", 0o644)
        .map_err(|source| Error::Apply { source })?;
    let systemd = Systemd::connect().await.map_err(Error::Systemd)?;
    let daemons = if options.daemons.is_empty() {
        &Daemon::ALL[..]
    } else {
        &options.daemons
    };
    apply::start_daemons(&systemd, daemons)
        .await
        .map_err(Error::Daemon)?;
    desk.complete();
    Ok(())
}
