//! An agent asked through its own TLS listener, which nodes have when `spec.serve.tls` is set.
//!
//! The first form of it: the node's `InternalIP` is dialled directly, so the caller has to be where that leads, in the VPC
//! or behind a VPN. Trust goes both ways without a secret of the caller's: the listener's certificate is the kubelet's and
//! is verified against the cluster's authority, and the bearer token is one that the API server issues for a service
//! account, for agents alone, for ten minutes. The caller's own token, with which a node could act as the caller, is never
//! sent to a node.

use std::ops::ControlFlow;
use std::time::Duration;

use http::{Request, Response, Uri};
use http_body_util::{BodyExt as _, Collected, Limited};
use k8s_openapi::api::authentication::v1::{TokenRequest, TokenRequestSpec};
use k8s_openapi::api::core::v1::ServiceAccount;
use kube::api::{Api, PostParams};
use kube::client::Body;
use kube::config::AuthInfo;
use kube::{Client, Config};
use node::redact::Secret;
use node::wire::access::AUDIENCE;
use tokio::sync::OnceCell;

use crate::observe::kubernetes::Connection;

mod account;
mod lines;

pub use account::Account;

use lines::Lines;

/// How long the token lives, in seconds; the least that the API server issues.
const LIFETIME: i64 = 600;
/// An address that is not reachable from here is silent; a listener takes its connection at once.
const CONNECT: Duration = Duration::from_secs(5);
/// The longest answer that is read.
const LONGEST: usize = 16 << 20;
/// … and of a refusal.
const LONGEST_REFUSAL: usize = 4 << 10;

type Source = Box<dyn std::error::Error + Send + Sync>;

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The kubeconfig trusts without an authority.
    #[error(
        "the certificate of a node cannot be verified: the kubeconfig has no certificate authority of the cluster"
    )]
    NoAuthority,
    /// The API server gives no token.
    #[error(
        "getting a token of service account `{account}` for agents: the API server answers {code} {message}"
    )]
    TokenRefused {
        /// The service account.
        account: Account,
        /// HTTP status.
        code: u16,
        /// Its message.
        message: String,
    },
    /// The API server did not answer.
    #[error("getting a token of service account `{account}` for agents")]
    NoToken {
        /// The service account.
        account: Account,
        /// What the transport says.
        #[source]
        source: Source,
    },
    /// The address cannot be dialled.
    #[error("`{address}` is no address of a node")]
    Address {
        /// The address.
        address: String,
        /// What is wrong with it.
        #[source]
        source: Source,
    },
    /// The listener refused.
    #[error("the agent at {address} answers {code} {message}")]
    Refused {
        /// Address and port.
        address: String,
        /// HTTP status.
        code: u16,
        /// What it says.
        message: String,
    },
    /// Nothing answered, or not with the cluster's certificate.
    #[error("asking the agent at {address}")]
    Unanswered {
        /// Address and port.
        address: String,
        /// What the transport says.
        #[source]
        source: Source,
    },
    /// The answer is not text, or too long.
    #[error("reading the answer of the agent at {address}")]
    Body {
        /// Address and port.
        address: String,
        /// What is wrong with it.
        #[source]
        source: Source,
    },
}

impl Error {
    /// What to do next.
    pub fn hints(&self) -> Vec<String> {
        match self {
            Self::NoAuthority => vec!["`nodectl kubeconfig --name CLUSTER` writes a context that has it".into()],
            Self::TokenRefused { account, code: 404, .. } => vec![format!(
                "`kubectl create namespace {0}; kubectl --namespace {0} create serviceaccount {1}`, or name another with `--service-account NAMESPACE/NAME`; docs/guide/ask-a-node.md has its role",
                account.namespace, account.name
            )],
            Self::TokenRefused { account, code: 403, .. } => vec![format!(
                "your identity may not `create serviceaccounts/token` of `{}` in namespace `{}`: docs/guide/ask-a-node.md has the role",
                account.name, account.namespace
            )],
            Self::Refused { code: 401 | 403, .. } => vec![
                "the service account may not `get nodeagents.nodectl.dev/status`: docs/guide/ask-a-node.md has its role".into(),
            ],
            Self::Refused { code: 429, .. } => vec!["ask again in a moment".into()],
            Self::Unanswered { .. } => vec![
                "the listener needs `spec.serve.tls: true` in the AgentConfig, a way from here to the node's address, and a security group that lets it in; `--reach ssm` needs none of it".into(),
            ],
            Self::TokenRefused { .. } | Self::NoToken { .. } | Self::Address { .. } | Self::Refused { .. } | Self::Body { .. } => Vec::new(),
        }
    }
}

/// The way to the listeners of one cluster's agents.
#[derive(Debug)]
pub struct Forward {
    connection: Connection,
    account: Account,
    port: u16,
    token: OnceCell<Secret<String>>,
}

impl Forward {
    /// Nothing is asked yet.
    pub fn new(connection: Connection, account: Account, port: u16) -> Self {
        Self {
            connection,
            account,
            port,
            token: OnceCell::new(),
        }
    }

    /// Asks the agent at this address for a route; what it answered.
    pub async fn get(&self, address: &str, route: &str) -> Result<String, Error> {
        let answer = self.open(address, route).await?;
        let broken = |source| Error::Body {
            address: address.to_owned(),
            source,
        };
        let body = Limited::new(answer.into_body(), LONGEST);
        let body = body.collect().await.map_err(broken)?.to_bytes();
        String::from_utf8(body.to_vec()).map_err(|error| broken(Box::new(error)))
    }

    /// Asks for a route whose answer does not end, and hands on whole lines as they come, until the agent ends it or `each`
    /// breaks off. The answer has to begin within the deadline.
    pub async fn follow(
        &self,
        address: &str,
        route: &str,
        deadline: Duration,
        mut each: impl FnMut(&str) -> ControlFlow<()>,
    ) -> Result<(), Error> {
        let unanswered = |source| Error::Unanswered {
            address: address.to_owned(),
            source,
        };
        let opened = tokio::time::timeout(deadline, self.open(address, route)).await;
        let mut body = opened
            .map_err(|elapsed| unanswered(Box::new(elapsed)))??
            .into_body();
        let mut lines = Lines::default();
        while let Some(frame) = body.frame().await {
            let frame = frame.map_err(|error| unanswered(source(error)))?;
            let Ok(data) = frame.into_data() else {
                continue;
            };
            if let Some(whole) = lines.add(&data)
                && each(&whole).is_break()
            {
                return Ok(());
            }
        }
        Ok(())
    }

    async fn open(&self, address: &str, route: &str) -> Result<Response<Body>, Error> {
        let authority = self.connection.authority().ok_or(Error::NoAuthority)?;
        // Before the token: what no node can be shown need not be issued.
        let target = Target::new(address, self.port)?;
        let token = self.token.get_or_try_init(|| self.issue()).await?;
        target.open(authority.clone(), token, route).await
    }

    /// A token that is good for agents and for nothing else.
    async fn issue(&self) -> Result<Secret<String>, Error> {
        let accounts: Api<ServiceAccount> =
            Api::namespaced(self.connection.client().clone(), &self.account.namespace);
        let request = TokenRequest {
            spec: TokenRequestSpec {
                audiences: vec![AUDIENCE.to_owned()],
                expiration_seconds: Some(LIFETIME),
                ..TokenRequestSpec::default()
            },
            ..TokenRequest::default()
        };
        let issued = accounts
            .create_token_request(&self.account.name, &PostParams::default(), &request)
            .await
            .map_err(|error| match error {
                kube::Error::Api(status) => Error::TokenRefused {
                    account: self.account.clone(),
                    code: status.code,
                    message: status.message.clone(),
                },
                other => Error::NoToken {
                    account: self.account.clone(),
                    source: source(other),
                },
            })?;
        let token = issued.status.map(|status| status.token);
        Ok(Secret::new(token.unwrap_or_default()))
    }
}

/// One listener.
struct Target {
    url: Uri,
    /// Address and port, for people.
    address: String,
}

impl Target {
    fn new(address: &str, port: u16) -> Result<Self, Error> {
        let failed = |source: Source| Error::Address {
            address: address.to_owned(),
            source,
        };
        // Only an address: a name could lead anywhere.
        let ip: std::net::IpAddr = address.parse().map_err(|error| failed(Box::new(error)))?;
        let address = std::net::SocketAddr::new(ip, port).to_string();
        let url = format!("https://{address}")
            .parse()
            .map_err(|error| failed(Box::new(error)))?;
        Ok(Self { url, address })
    }

    /// The answer, if the listener has one.
    async fn open(
        self,
        authority: Vec<Vec<u8>>,
        token: &Secret<String>,
        route: &str,
    ) -> Result<Response<Body>, Error> {
        let unanswered = |source| Error::Unanswered {
            address: self.address.clone(),
            source,
        };
        let mut config = Config::new(self.url.clone());
        config.root_cert = Some(authority);
        config.connect_timeout = Some(CONNECT);
        config.default_retry = false;
        config.auth_info = AuthInfo {
            token: Some(token.expose().clone().into()),
            ..AuthInfo::default()
        };
        let client = Client::try_from(config).map_err(|error| unanswered(source(error)))?;
        let request = Request::get(route)
            .body(Body::empty())
            .map_err(|error| unanswered(Box::new(error)))?;
        let answer = client
            .send(request)
            .await
            .map_err(|error| unanswered(source(error)))?;
        let status = answer.status();
        if status.is_success() {
            return Ok(answer);
        }
        // What cannot be read says no more than the status does.
        let said = Limited::new(answer.into_body(), LONGEST_REFUSAL)
            .collect()
            .await;
        let said = said.map(Collected::to_bytes).unwrap_or_default();
        let said = String::from_utf8_lossy(&said);
        Err(Error::Refused {
            address: self.address,
            code: status.as_u16(),
            message: node::redact::text(&said.split_whitespace().collect::<Vec<_>>().join(" ")),
        })
    }
}

/// What the transport says, without kube's own words around it.
fn source(error: kube::Error) -> Source {
    match error {
        kube::Error::Service(source) => source,
        other => Box::new(other),
    }
}

#[cfg(test)]
mod tests;
