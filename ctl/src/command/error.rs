//! Everything that ends a command: which exit code it has, and what to do next.

use std::io;
use std::time::Duration;

use node::rule::USER_PREFIX;

use crate::apply;
use crate::exit::Exit;
use crate::observe::{aws, cluster, eks, kubeconfig, kubernetes};
use crate::plan;
use crate::print::document;
use crate::reach::agent::Failure;
use crate::reach::forward;

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
    /// The token cannot be signed.
    #[error("making a token for cluster `{cluster}`")]
    Token {
        /// Name of the cluster.
        cluster: String,
        /// What the signer says.
        #[source]
        source: node::token::Error,
    },
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
            Self::Cluster(_) | Self::NoLogs { .. } => Exit::Usage,
            Self::Unreached { .. } | Self::Forward(_) => Exit::Unchecked,
            Self::Timeout { .. } => Exit::Timeout,
            Self::Apply(apply::kubeconfig::Error::Locked { .. }) => Exit::Conflict,
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
            Self::NoSuchNode { .. } => vec!["`nodectl status` without a name lists all".into()],
            Self::NoAws { .. }
            | Self::Kubeconfig(_)
            | Self::Expression(_)
            | Self::Token { .. }
            | Self::Plan(_)
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
