//! AWS as the lab plays it: the metadata service of each machine and the API endpoint of the account.
//!
//! Owns everything that answers in the name of AWS. Real behind it is moto, to which the [`gateway`] passes on what it
//! does not answer itself; real before it are the agent, the SDKs and aws-iam-authenticator. `lab` starts [`serve`] as
//! a child inside the lab's network, with a [`CloudConfig`] in a JSON file. It must not start programs or touch the
//! network's configuration: machines and moto are others' business, and what it knows of machines is in files below
//! the run directory, read at each request:
//!
//! | File | Written by | What |
//! |---|---|---|
//! | `machines/<instance-id>.json` | the machine code | [`record::MachineRecord`] |
//! | `credentials/<access-key-id>.json` | IMDS and `lab` | [`credentials::MintedCredential`] |
//! | `faults/imds/<instance-id>.json` | `lab fault` and suites | [`imds::Faults`] |
//! | `faults/gateway.json` | suites | [`gateway::Refusals`] |
//! | `faults/unapproved/<node>.json` | suites | Nodes that get no serving certificate: [`approver`] |
//! | `faults/eks.json` | suites | [`gateway::Ailments`] of node groups and add-ons |
//! | `transitions.json` | suites | [`transition::Transitions`]: how long things take |
//! | `access-entries.json` | the gateway | [`access_entry::AccessEntry`] of the lab's own cluster, by principal |
//! | `eks.json` | the gateway | Clusters and everything in them |
//! | `log/gateway-requests.jsonl` | the gateway | [`gateway::LoggedRequest`], one a line |

pub mod access_entry;
pub mod account;
pub mod approver;
pub mod cluster;
pub mod console;
pub mod credentials;
mod dhcp;
pub mod gateway;
pub mod imds;
pub mod json_file;
pub mod moto;
pub mod proxy;
mod random;
pub mod record;
pub mod sigv4;
#[cfg(test)]
mod test_client;
pub mod transition;
mod uri;
pub mod web;
mod xml;

use std::error::Error;
use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use thiserror::Error;
use tokio::net::{TcpListener, UdpSocket};

use self::access_entry::{AccessEntries, AccessEntryError};
use self::cluster::ClusterDescription;
use self::credentials::CredentialStore;
use self::gateway::{Gateway, OwnCluster, TlsError, TlsListener};
use self::imds::RunDirectory;
use self::moto::Moto;
use crate::cluster::REGION;

/// Everything that the AWS side of a lab must be told.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CloudConfig {
    /// The lab's run directory.
    pub run_directory: PathBuf,
    /// Twelve digits; moto must be started with the same (`MOTO_ACCOUNT_ID`).
    pub account_id: String,
    /// The lab's cluster.
    pub cluster: ClusterDescription,
    /// Whether EKS knows it from the start; if not, `CreateCluster` with its name makes it, and it is this one.
    #[serde(default = "yes")]
    pub cluster_exists: bool,
    /// Where moto is, such as `http://127.0.0.1:5000`.
    pub moto_url: String,
    /// Where the gateway speaks plain HTTP, for `AWS_ENDPOINT_URL`.
    pub gateway_http: SocketAddr,
    /// Where the gateway speaks TLS, for the real host names.
    pub gateway_tls: SocketAddr,
    /// Certificate chain of the gateway's TLS side, PEM.
    pub tls_certificate: PathBuf,
    /// Its key, PEM.
    pub tls_key: PathBuf,
    /// Where machines reach their metadata, in a lab `169.254.169.254:80`.
    pub imds: SocketAddr,
    /// Whether machines are given their addresses by DHCP, which needs a network of their own.
    #[serde(default)]
    pub dhcp: bool,
    /// The file of the authenticator's `DynamicFile` backend.
    pub access_entry_mapping: PathBuf,
    /// Kubeconfig with which serving certificates of nodes are approved; nobody approves them where there is none.
    #[serde(default)]
    pub approver_kubeconfig: Option<PathBuf>,
    /// How long the credentials live that IMDS hands out.
    #[serde(default = "six_hours")]
    pub role_session_seconds: u64,
}

fn yes() -> bool {
    true
}

fn six_hours() -> u64 {
    6 * 60 * 60
}

/// Why the AWS side does not run.
#[derive(Debug, Error)]
pub enum CloudError {
    /// An address is taken, or not one of this machine.
    #[error("cannot listen on `{address}` for {what}")]
    Listen {
        /// What would listen there.
        what: &'static str,
        /// The address.
        address: SocketAddr,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// The DHCP server's port cannot be had.
    #[error("cannot listen for DHCP")]
    Dhcp(#[source] io::Error),
    /// The certificate is not usable.
    #[error("the gateway has no TLS side")]
    Tls(#[source] TlsError),
    /// The access entries are not usable.
    #[error("the gateway has no access entries")]
    AccessEntries(#[source] AccessEntryError),
    /// A server ended by itself.
    #[error("the server of {what} ended")]
    Ended {
        /// Which one.
        what: &'static str,
        /// Why.
        #[source]
        source: io::Error,
    },
}

/// The AWS side with its sockets bound, so that whoever comes now is served in a moment.
#[derive(Debug)]
pub struct Cloud {
    gateway: Arc<Gateway>,
    directory: RunDirectory,
    gateway_http: TcpListener,
    gateway_tls: TlsListener,
    imds: TcpListener,
    dhcp: Option<(UdpSocket, PathBuf)>,
    /// Run directory and kubeconfig.
    approver: Option<(PathBuf, PathBuf)>,
}

/// Binds and serves until `shutdown` is done.
pub async fn serve(
    config: CloudConfig,
    shutdown: impl Future<Output = ()>,
) -> Result<(), CloudError> {
    Cloud::bind(config).await?.serve(shutdown).await
}

impl Cloud {
    /// Binds all sockets and reads the access entries.
    pub async fn bind(config: CloudConfig) -> Result<Self, CloudError> {
        let moto = Moto::new(&config.moto_url, REGION);
        let gateway_http = listen("the gateway", config.gateway_http).await?;
        let gateway_tls = listen("the gateway's TLS side", config.gateway_tls).await?;
        let gateway_tls = TlsListener::new(gateway_tls, &config.tls_certificate, &config.tls_key)
            .map_err(CloudError::Tls)?;
        let imds = listen("the metadata service", config.imds).await?;

        let run = config.run_directory;
        let dhcp = if config.dhcp {
            Some((dhcp::bind().await.map_err(CloudError::Dhcp)?, run.clone()))
        } else {
            None
        };
        let approver = config
            .approver_kubeconfig
            .map(|kubeconfig| (run.clone(), kubeconfig));
        let credentials = CredentialStore::new(&run, &config.account_id);
        let access_entries = AccessEntries::open(&run, &config.access_entry_mapping)
            .map_err(CloudError::AccessEntries)?;
        let session = Duration::from_secs(config.role_session_seconds);
        Ok(Self {
            directory: RunDirectory::new(&run, credentials.clone(), session),
            gateway: Arc::new(Gateway::new(
                run,
                credentials,
                Some(OwnCluster {
                    description: config.cluster,
                    access_entries,
                    exists: config.cluster_exists,
                }),
                &moto,
            )),
            gateway_http,
            gateway_tls,
            imds,
            dhcp,
            approver,
        })
    }

    /// Serves until `shutdown` is done; calls in progress are cut off then.
    pub async fn serve(self, shutdown: impl Future<Output = ()>) -> Result<(), CloudError> {
        let http = Arc::clone(&self.gateway).serve(self.gateway_http);
        let tls = self.gateway.serve(self.gateway_tls);
        let imds = imds::serve(self.imds, self.directory);
        let dhcp = async {
            match self.dhcp {
                Some((socket, run)) => dhcp::serve(socket, &run).await,
                None => std::future::pending().await,
            }
        };
        let approving = async {
            match self.approver {
                Some((run, kubeconfig)) => approver::serve(run, kubeconfig).await,
                None => std::future::pending().await,
            }
        };
        let (what, ended) = tokio::select! {
            never = approving => match never {},
            ended = dhcp => ("the DHCP server", ended),
            never = http => match never {},
            never = tls => match never {},
            ended = imds => ("the metadata service", ended),
            () = shutdown => return Ok(()),
        };
        ended.map_err(|source| CloudError::Ended { what, source })
    }
}

async fn listen(what: &'static str, address: SocketAddr) -> Result<TcpListener, CloudError> {
    TcpListener::bind(address)
        .await
        .map_err(|source| CloudError::Listen {
            what,
            address,
            source,
        })
}

/// An error with its causes on one line, for logs.
fn chain(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text.push_str(": ");
        text.push_str(&error.to_string());
        cause = error.source();
    }
    text
}

#[cfg(test)]
mod tests;
