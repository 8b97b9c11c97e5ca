//! Nodes as the API server knows them.

mod facts;
pub(crate) mod map_roles;

use std::fmt;
use std::path::Path;
use std::time::Duration;

use k8s_openapi::api::core::v1::{ConfigMap, Node, Pod};
use kube::api::{Api, EvictParams, ListParams};
use kube::client::AuthError;
use kube::config::{
    AuthInfo, Cluster, Context, KubeConfigOptions, Kubeconfig, KubeconfigError, NamedAuthInfo,
    NamedCluster, NamedContext,
};
use kube::{Client, Config};
use node::token::Token;

use super::eks::ClusterFacts;
pub use facts::{Condition, NodeFacts};

/// Nodes of one page: a page of 500 is about 3.5 MB.
const PAGE: u32 = 500;
/// Pauses before a question is asked again.
const PAUSES: [Duration; 3] = [
    Duration::from_millis(200),
    Duration::from_millis(500),
    Duration::from_secs(1),
];
const NODES: &str = "listing nodes";
const PODS: &str = "listing the pods of a node";
const CORDON: &str = "keeping new pods away from a node";
const EVICT: &str = "evicting a pod";
const AWS_AUTH: &str = "reading the ConfigMap `kube-system/aws-auth`";

/// Why the API server did not answer.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The context cannot be made into a connection.
    #[error("using context `{context}`")]
    Context {
        /// Name of the context.
        context: String,
        /// What is wrong; boxed since it is large.
        #[source]
        source: Box<KubeconfigError>,
    },
    /// The credential plugin of the context failed.
    #[error("running the credential plugin `{command}`: {detail}")]
    Plugin {
        /// Program that was run.
        command: String,
        /// Its exit status and what it wrote to standard error.
        detail: String,
    },
    /// No client could be made.
    #[error("preparing the connection to the API server")]
    Client {
        /// What is wrong.
        #[source]
        source: Box<kube::Error>,
    },
    /// The API server refused.
    #[error("{doing}: the API server answers {code} {reason}: {message}")]
    Refused {
        /// What was asked of it.
        doing: &'static str,
        /// HTTP status.
        code: u16,
        /// Reason of the status.
        reason: String,
        /// Its message.
        message: String,
    },
    /// No answer came back.
    #[error("{doing} at {server}")]
    Unanswered {
        /// What was asked of it.
        doing: &'static str,
        /// URL of the API server.
        server: String,
        /// What the transport says.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
}

impl Error {
    /// What to do next.
    pub fn hints(&self) -> Vec<String> {
        let hint = match self {
            Self::Context { .. } | Self::Client { .. } => {
                "`nodectl kubeconfig --name CLUSTER` writes a fresh context"
            }
            Self::Plugin { .. } => {
                "run the plugin by hand, or `nodectl kubeconfig --name CLUSTER` to use the one that is built in"
            }
            Self::Refused { code: 401, .. } => {
                "the cluster does not know your AWS identity: `aws sts get-caller-identity` shows it, `aws eks create-access-entry --cluster-name CLUSTER --principal-arn ARN` admits it"
            }
            Self::Refused {
                code: 403,
                doing: AWS_AUTH,
                ..
            } => {
                "your identity may not read it: `aws eks associate-access-policy` with AmazonEKSClusterAdminPolicy and scope cluster"
            }
            Self::Refused {
                code: 403,
                doing: PODS | CORDON | EVICT,
                ..
            } => {
                "your identity may not drain nodes: it needs to patch nodes, list pods and create evictions, as AmazonEKSClusterAdminPolicy allows"
            }
            Self::Refused { code: 403, .. } => {
                "your identity may not list nodes: `aws eks associate-access-policy` with AmazonEKSViewPolicy and scope cluster, plus `get nodes` by RBAC"
            }
            Self::Refused { .. } => return Vec::new(),
            Self::Unanswered { .. } => {
                "a private endpoint answers only from inside its VPC, a public one only to its allowed CIDRs: `aws eks describe-cluster --name CLUSTER --query cluster.resourcesVpcConfig`"
            }
        };
        vec![hint.to_owned()]
    }
}

/// What became of the eviction of a pod.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Evicted {
    /// It is on its way out.
    Accepted,
    /// It may not go yet, for this reason: its `PodDisruptionBudget`, mostly.
    Held(String),
    /// It is not there any more.
    Gone,
}

/// A connection to one API server.
#[derive(Clone)]
pub struct Connection {
    client: Client,
    server: String,
    authority: Option<Vec<Vec<u8>>>,
}

impl fmt::Debug for Connection {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Connection")
            .field("server", &self.server)
            .finish_non_exhaustive()
    }
}

impl Connection {
    /// Connects through a context. Its credential plugin is run, on a thread of its own since it may take its time.
    pub async fn through_context(kubeconfig: Kubeconfig, context: &str) -> Result<Self, Error> {
        let options = KubeConfigOptions {
            context: Some(context.to_owned()),
            ..KubeConfigOptions::default()
        };
        let mut config = Config::from_custom_kubeconfig(kubeconfig, &options)
            .await
            .map_err(|source| Error::Context {
                context: context.to_owned(),
                source: Box::new(source),
            })?;
        if let Some(exec) = &mut config.auth_info.exec {
            exec.command = exec.command.take().map(own_plugin);
        }
        Self::open(config).await
    }

    /// Connects to what EKS describes, with a token of our own.
    pub async fn through_eks(cluster: &ClusterFacts, token: &Token) -> Result<Self, Error> {
        let name = cluster.name.clone();
        let kubeconfig = Kubeconfig {
            clusters: vec![NamedCluster {
                name: name.clone(),
                cluster: Some(Cluster {
                    server: Some(cluster.endpoint.clone()),
                    certificate_authority_data: Some(cluster.certificate_authority.clone()),
                    ..Cluster::default()
                }),
                ..NamedCluster::default()
            }],
            auth_infos: vec![NamedAuthInfo {
                name: name.clone(),
                auth_info: Some(AuthInfo {
                    token: Some(token.value.expose().clone().into()),
                    ..AuthInfo::default()
                }),
                ..NamedAuthInfo::default()
            }],
            contexts: vec![NamedContext {
                name: name.clone(),
                context: Some(Context {
                    cluster: name.clone(),
                    user: Some(name.clone()),
                    ..Context::default()
                }),
                ..NamedContext::default()
            }],
            ..Kubeconfig::default()
        };
        Self::through_context(kubeconfig, &name).await
    }

    async fn open(mut config: Config) -> Result<Self, Error> {
        // It would repeat an eviction that is held up for minutes, and nobody would hear why. What may be repeated is at `read`.
        config.default_retry = false;
        let server = config.cluster_url.to_string();
        let authority = config.root_cert.clone();
        let plugin = config
            .auth_info
            .exec
            .as_ref()
            .and_then(|exec| exec.command.clone())
            .unwrap_or_default();
        let client = tokio::task::spawn_blocking(move || Client::try_from(config)).await;
        match client {
            Ok(Ok(client)) => Ok(Self {
                client,
                server,
                authority,
            }),
            Ok(Err(kube::Error::Auth(error))) => Err(plugin_error(plugin, error)),
            Ok(Err(source)) => Err(Error::Client {
                source: Box::new(source),
            }),
            Err(source) => Err(Error::Unanswered {
                doing: "connecting",
                server,
                source: Box::new(source),
            }),
        }
    }

    /// URL of the API server.
    pub fn server(&self) -> &str {
        &self.server
    }

    /// The client, as the caller.
    pub(crate) fn client(&self) -> &Client {
        &self.client
    }

    /// Certificates of the cluster's authority, DER; none where the kubeconfig has none.
    pub(crate) fn authority(&self) -> Option<&Vec<Vec<u8>>> {
        self.authority.as_ref()
    }

    /// All Nodes of the cluster.
    pub async fn nodes(&self) -> Result<Vec<NodeFacts>, Error> {
        let api: Api<Node> = Api::all(self.client.clone());
        let mut parameters = ListParams::default().limit(PAGE);
        let mut nodes = Vec::new();
        loop {
            let page = self.read(NODES, || api.list(&parameters)).await?;
            nodes.extend(page.items.iter().map(NodeFacts::from));
            match page.metadata.continue_.filter(|token| !token.is_empty()) {
                Some(token) => parameters = parameters.continue_token(&token),
                None => return Ok(nodes),
            }
        }
    }

    /// The pods that are bound to a node.
    pub async fn pods_of(&self, node: &str) -> Result<Vec<Pod>, Error> {
        let api: Api<Pod> = Api::all(self.client.clone());
        // No kubelet takes as many pods as a page has.
        let parameters = ListParams::default().fields(&format!("spec.nodeName={node}"));
        Ok(self.read(PODS, || api.list(&parameters)).await?.items)
    }

    /// Keeps new pods away from a node. That it is gone is no error.
    pub async fn cordon(&self, node: &str) -> Result<(), Error> {
        let api: Api<Node> = Api::all(self.client.clone());
        match api.cordon(node).await {
            Err(kube::Error::Api(status)) if status.code == 404 => Ok(()),
            outcome => outcome
                .map(drop)
                .map_err(|error| self.failed(CORDON, error)),
        }
    }

    /// Asks for a pod to leave its node, as far as its `PodDisruptionBudget` allows:
    /// <https://kubernetes.io/docs/concepts/scheduling-eviction/api-eviction/>.
    pub async fn evict(&self, namespace: &str, pod: &str) -> Result<Evicted, Error> {
        let api: Api<Pod> = Api::namespaced(self.client.clone(), namespace);
        match api.evict(pod, &EvictParams::default()).await {
            Ok(_) => Ok(Evicted::Accepted),
            Err(kube::Error::Api(status)) if status.code == 404 => Ok(Evicted::Gone),
            Err(kube::Error::Api(status)) if status.code == 429 => {
                Ok(Evicted::Held(status.message.clone()))
            }
            Err(error) => Err(self.failed(EVICT, error)),
        }
    }

    /// The ConfigMap `kube-system/aws-auth`; none where there is none.
    pub async fn aws_auth(&self) -> Result<Option<ConfigMap>, Error> {
        let api: Api<ConfigMap> = Api::namespaced(self.client.clone(), "kube-system");
        self.read(AWS_AUTH, || api.get_opt("aws-auth")).await
    }

    /// One question, asked again for a moment while the API server has too much to do.
    async fn read<T, F>(&self, doing: &'static str, ask: impl Fn() -> F) -> Result<T, Error>
    where
        F: Future<Output = kube::Result<T>>,
    {
        let mut pauses = PAUSES.into_iter();
        loop {
            match (ask().await, pauses.next()) {
                (Err(kube::Error::Api(status)), Some(pause))
                    if matches!(status.code, 429 | 503 | 504) =>
                {
                    tokio::time::sleep(pause).await;
                }
                (answer, _) => return answer.map_err(|error| self.failed(doing, error)),
            }
        }
    }

    /// What an error of the API server means. `doing` is what was asked of it.
    pub(crate) fn failed(&self, doing: &'static str, error: kube::Error) -> Error {
        match error {
            kube::Error::Api(status) => Error::Refused {
                doing,
                code: status.code,
                reason: status.reason.clone(),
                message: status.message.clone(),
            },
            kube::Error::Auth(error) => plugin_error(String::new(), error),
            kube::Error::Service(source) => Error::Unanswered {
                doing,
                server: self.server.clone(),
                source,
            },
            other => Error::Unanswered {
                doing,
                server: self.server.clone(),
                source: Box::new(other),
            },
        }
    }
}

/// A context that we wrote runs `nodectl`: then this very program serves, wherever it is installed.
fn own_plugin(command: String) -> String {
    if command == env!("CARGO_PKG_NAME") {
        return std::env::current_exe().map_or(command, |path| path.to_string_lossy().into_owned());
    }
    command
}

fn plugin_error(command: String, error: AuthError) -> Error {
    let (command, detail) = match error {
        AuthError::AuthExecRun { out, .. } => {
            let said = String::from_utf8_lossy(&out.stderr);
            let said = said
                .lines()
                .map(str::trim)
                .filter(|line| !line.is_empty())
                .collect::<Vec<_>>()
                .join("; ");
            (
                command,
                format!("{}: {}", out.status, node::redact::text(&said)),
            )
        }
        AuthError::AuthExecStart(source) => (command, source.to_string()),
        other => (command, other.to_string()),
    };
    let name = Path::new(&command).file_name().map_or_else(
        || command.clone(),
        |name| name.to_string_lossy().into_owned(),
    );
    Error::Plugin {
        command: name,
        detail,
    }
}
