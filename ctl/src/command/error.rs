//! Everything that ends a command: which exit code it has, and what to do next.

use std::io;
use std::path::PathBuf;
use std::time::Duration;

use node::rule::USER_PREFIX;

use crate::apply::{self, graph, journal, stale};
use crate::exit::Exit;
use crate::observe::{aws, choices, cluster, eks, kubeconfig, kubernetes, resources};
use crate::plan::{self, difference, saved};
use crate::print::document;
use crate::reach::agent::Failure;
use crate::reach::forward;
use crate::spec;

/// Why a command ended early.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// No cluster could be chosen.
    #[error(transparent)]
    Cluster(#[from] cluster::Error),
    /// The kubeconfig cannot be read.
    #[error(transparent)]
    Kubeconfig(#[from] kubeconfig::Error),
    /// AWS did not answer.
    #[error(transparent)]
    Aws(#[from] aws::Error),
    /// The AWS configuration cannot be used; said once more for another plane.
    #[error("{detail}")]
    NoAws {
        /// The error and its sources.
        detail: String,
    },
    /// The cluster is not known.
    #[error(transparent)]
    Eks(#[from] eks::Error),
    /// The API server did not answer.
    #[error(transparent)]
    Kubernetes(#[from] kubernetes::Error),
    /// The entries cannot be made.
    #[error(transparent)]
    Plan(#[from] plan::kubeconfig::Error),
    /// The kubeconfig was not changed.
    #[error(transparent)]
    Apply(#[from] apply::kubeconfig::Error),
    /// There is no place for a kubeconfig.
    #[error("no file to write to: neither `--kubeconfig` nor KUBECONFIG nor HOME is set")]
    NoKubeconfigPath,
    /// A deadline passed.
    #[error("{act}: no answer within {}s", .after.as_secs())]
    Timeout {
        /// What was being done.
        act: String,
        /// The deadline.
        after: Duration,
    },
    /// The table has no such instance type.
    #[error("no instance type `{name}` is known")]
    UnknownInstanceType {
        /// What was asked for.
        name: String,
        /// Types that are written alike.
        nearest: Vec<String>,
    },
    /// The expression for max pods does not compile.
    #[error("the expression cannot be used")]
    Expression(#[source] node::max_pods::expression::Error),
    /// The catalogue has no such finding.
    #[error("no finding has the code `{code}`")]
    UnknownCode {
        /// What was asked for.
        code: String,
        /// The code that is written alike.
        nearest: Option<String>,
    },
    /// A name on the command line means no row.
    #[error("no Node or instance of cluster `{cluster}` is called {}", .names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", "))]
    NoSuchNode {
        /// Name of the cluster.
        cluster: String,
        /// The names.
        names: Vec<String>,
    },
    /// No way led to the agent of a node.
    #[error("the agent of `{name}` was not reached: {}", .failures.iter().map(|failure| format!("not by {}, {}", failure.reach.as_str(), failure.error)).collect::<Vec<_>>().join("; "))]
    Unreached {
        /// The node.
        name: String,
        /// The ways that were tried.
        failures: Vec<Failure>,
    },
    /// A way on which there are no logs, or none that go on.
    #[error("`--reach {reach}` has no logs{}", if *.is_following { " that can be followed" } else { "" })]
    NoLogs {
        /// The way.
        reach: &'static str,
        /// Whether they were to go on.
        is_following: bool,
    },
    /// The agent's own listener could not be asked.
    #[error(transparent)]
    Forward(#[from] forward::Error),
    /// A file of the command line could not be read or written.
    #[error("{act} `{}`", .path.display())]
    File {
        /// What was being done.
        act: &'static str,
        /// Which file.
        path: PathBuf,
        /// What the operating system says.
        #[source]
        source: io::Error,
    },
    /// A `cluster.yaml` is wrong; what is wrong was printed.
    #[error("{name} cannot be used")]
    Spec {
        /// Which document.
        name: String,
    },
    /// A generated name has no place where the next run would find it.
    #[error("the name `{name}` was generated, and cannot be written into the document")]
    NameNotKept {
        /// The name.
        name: String,
    },
    /// The flag and the document name different regions.
    #[error("`--region {flag}` is not the region of the document, `{document}`")]
    OtherRegion {
        /// Region of the flag.
        flag: String,
        /// Region of the document.
        document: String,
    },
    /// It is not known what the choices of a document mean.
    #[error(transparent)]
    Choices(#[from] choices::Error),
    /// It is not known what exists.
    #[error(transparent)]
    Resources(#[from] resources::Error),
    /// The plan cannot be carried out.
    #[error(transparent)]
    Refused(#[from] difference::Refused),
    /// The steps of a plan need each other.
    #[error(transparent)]
    Cycle(#[from] graph::Cycle),
    /// A file holds no plan.
    #[error(transparent)]
    SavedPlan(#[from] saved::ReadError),
    /// A saved plan is not the plan of now.
    #[error(transparent)]
    Stale(#[from] stale::Stale),
    /// There is no journal.
    #[error(transparent)]
    Journal(#[from] journal::Error),
    /// There is no place for journals.
    #[error("no place for the journal: neither XDG_STATE_HOME nor HOME is set")]
    NoStateDirectory,
    /// Nobody is there to be asked.
    #[error("this changes AWS, and nobody is there to be asked")]
    NotConfirmed,
    /// The person who was asked did not agree.
    #[error("not done")]
    Declined,
    /// Ctrl-C cannot be listened to.
    #[error("listening for Ctrl-C")]
    Signals {
        /// What the operating system says.
        #[source]
        source: io::Error,
    },
    /// The document of `nodectl delete` has no name yet.
    #[error("no cluster is named: the document was never applied")]
    NothingNamed,
    /// Something that nodectl made is still there after a deletion.
    #[error("of cluster `{cluster}` is left: {}", .what.join(", "))]
    Left {
        /// Name of the cluster.
        cluster: String,
        /// The addresses of what is left.
        what: Vec<String>,
    },
    /// There is no such cluster.
    #[error("there is no cluster `{name}` in {region}")]
    NoSuchCluster {
        /// What was asked for.
        name: String,
        /// The region that was asked.
        region: String,
    },
    /// A cluster has no such node group.
    #[error("cluster `{cluster}` has no node group `{name}`")]
    NoSuchGroup {
        /// Name of the cluster.
        cluster: String,
        /// What was asked for.
        name: String,
        /// The groups that it has.
        known: Vec<String>,
    },
    /// `cluster.yaml` has no such field.
    #[error(transparent)]
    UnknownField(#[from] spec::UnknownField),
    /// A configuration cannot be written.
    #[error(transparent)]
    Write(#[from] node::config::write::Error),
    /// The document cannot be written.
    #[error(transparent)]
    Document(#[from] document::Error),
    /// Standard output refused.
    #[error("writing to standard output")]
    Output {
        /// What the operating system says.
        #[source]
        source: io::Error,
    },
}

impl Error {
    /// How the command ends.
    pub fn exit(&self) -> Exit {
        match self {
            Self::Cluster(_)
            | Self::NoLogs { .. }
            | Self::NotConfirmed
            | Self::OtherRegion { .. }
            | Self::NothingNamed
            | Self::UnknownField(_) => Exit::Usage,
            Self::Unreached { .. } | Self::Forward(_) => Exit::Unchecked,
            Self::Timeout { .. } => Exit::Timeout,
            Self::Apply(apply::kubeconfig::Error::Locked { .. })
            | Self::Journal(journal::Error::Locked { .. })
            | Self::Stale(_) => Exit::Conflict,
            _ => Exit::Failed,
        }
    }

    /// What to do next.
    pub fn hints(&self) -> Vec<String> {
        match self {
            Self::Cluster(error) => error.hints(),
            Self::Aws(error) => error.hints(),
            Self::Eks(error) => error.hints(),
            Self::Kubernetes(error) => error.hints(),
            Self::Apply(error) => error.hints(),
            Self::NoKubeconfigPath => vec!["name one with `--kubeconfig FILE`".into()],
            Self::Timeout { .. } => {
                vec!["wait longer with `--timeout 60s`; `-vv` shows each request".into()]
            }
            Self::UnknownInstanceType { nearest, .. } if nearest.is_empty() => {
                vec!["`aws ec2 describe-instance-types --instance-types TYPE` shows what EC2 knows of it".into()]
            }
            Self::UnknownInstanceType { nearest, .. } => {
                vec![format!("similar: {}", nearest.join(", "))]
            }
            Self::UnknownCode { code, .. } if code.starts_with(USER_PREFIX) => {
                vec![
                    "it is of a rule of the node's owner, in `/etc/nodeagent/rules.d` there".into(),
                ]
            }
            Self::UnknownCode {
                nearest: Some(nearest),
                ..
            } => vec![format!("did you mean `{nearest}`?")],
            Self::UnknownCode { nearest: None, .. } => {
                vec!["`nodectl explain` lists all codes".into()]
            }
            Self::Unreached { failures, .. } => {
                let hints = failures.iter().flat_map(|failure| failure.hints.iter());
                hints.cloned().collect()
            }
            Self::NoLogs {
                is_following: true, ..
            } => vec!["`--reach forward` has".into()],
            Self::NoLogs { .. } => vec!["`--reach ssm` and `--reach forward` have".into()],
            Self::Forward(error) => error.hints(),
            Self::Choices(error) => error.hints(),
            Self::Resources(error) => error.hints(),
            Self::Stale(error) => error.hints(),
            Self::Journal(error) => error.hints(),
            Self::UnknownField(error) => error.hints(),
            Self::NotConfirmed => vec!["`--yes` says that it is meant".into()],
            Self::Spec { .. } => {
                vec!["`nodectl explain-spec FIELD` says what a field may hold".into()]
            }
            Self::NameNotKept { .. } => {
                vec!["write it as `metadata.name`, in a file".into()]
            }
            Self::OtherRegion { .. } => {
                vec!["leave out `--region`, or change `metadata.region`".into()]
            }
            Self::Left { cluster, .. } => vec![format!(
                "`nodectl delete {cluster}` again; what is in the way is listed above"
            )],
            Self::NoSuchCluster { .. } => vec!["`nodectl get clusters` lists them".into()],
            Self::NoSuchGroup { known, .. } if known.is_empty() => {
                vec!["it has none".into()]
            }
            Self::NoSuchGroup { known, .. } => vec![format!("it has {}", known.join(", "))],
            Self::NoStateDirectory => vec!["set HOME".into()],
            Self::NothingNamed => {
                vec!["`nodectl delete NAME` deletes a cluster by its name".into()]
            }
            Self::NoSuchNode { .. } => vec!["`nodectl status` without a name lists all".into()],
            Self::NoAws { .. }
            | Self::Kubeconfig(_)
            | Self::Expression(_)
            | Self::Plan(_)
            | Self::Cycle(_)
            | Self::Refused(_)
            | Self::SavedPlan(_)
            | Self::Signals { .. }
            | Self::Declined
            | Self::File { .. }
            | Self::Write(_)
            | Self::Document(_)
            | Self::Output { .. } => Vec::new(),
        }
    }

    /// Whether the reader of standard output went away.
    pub fn is_broken_pipe(&self) -> bool {
        matches!(self, Self::Output { source } if source.kind() == io::ErrorKind::BrokenPipe)
    }
}

/// Gives an operation its deadline.
pub(super) async fn within<T, E: Into<Error>>(
    after: Duration,
    act: impl Into<String>,
    operation: impl Future<Output = Result<T, E>>,
) -> Result<T, Error> {
    match tokio::time::timeout(after, operation).await {
        Ok(outcome) => outcome.map_err(Into::into),
        Err(_) => Err(Error::Timeout {
            act: act.into(),
            after,
        }),
    }
}

/// Writes data, for the `?` of a command.
pub(super) fn written(outcome: io::Result<()>) -> Result<(), Error> {
    outcome.map_err(|source| Error::Output { source })
}
