//! What the lab's cluster is: the names and numbers that the control plane, the gateway and the machines agree on.
//! Decided once by `lab up`, written to `lab.json`, read by every later command.

use std::path::{Path, PathBuf};

use base64::{Engine, engine::general_purpose::STANDARD};
use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::{
    file::{self, FileError},
    layout::Layout,
    network,
};

/// The account in which everything of the lab lives: moto's own.
pub const ACCOUNT_ID: &str = "123456789012";
/// The lab's region.
pub const REGION: &str = "us-east-1";
/// The zone of the machines that are added one by one.
pub const AVAILABILITY_ZONE: &str = "us-east-1a";
/// The Kubernetes version of every part that is built from Kubernetes' module.
pub const KUBERNETES_VERSION: &str = "v1.34.4";
/// The role that nodes have unless told otherwise; the cluster knows it by an access entry.
pub const NODE_ROLE: &str = "nodectl-lab-node";

/// Why the lab's description is not to be had.
#[derive(Debug, Error)]
pub enum ClusterError {
    /// There is none.
    #[error("no lab `{name}` is up: start it with `lab up`")]
    NotUp {
        /// The lab asked for.
        name: String,
    },
    /// It is there but cannot be read or written.
    #[error(transparent)]
    File(#[from] FileError),
    /// It is not what this version writes.
    #[error("`{}` is not a description of a lab: `lab down`, then `lab up`", path.display())]
    Malformed {
        /// Where it lies.
        path: PathBuf,
        /// What is wrong with it.
        #[source]
        source: serde_json::Error,
    },
}

/// Whether EKS knows the cluster when the lab comes up. Its control plane runs in either case.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum AtStart<'a> {
    /// It is there and active, has the lab's name, and knows its creator and the role [`NODE_ROLE`].
    #[default]
    Active,
    /// It is not there: `CreateCluster` with this name makes it.
    Absent(&'a str),
}

impl<'a> AtStart<'a> {
    /// The name of the cluster of a lab.
    pub fn name(self, lab: &'a str) -> &'a str {
        match self {
            Self::Active => lab,
            Self::Absent(name) => name,
        }
    }
}

/// The cluster and what AWS shows of it.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Cluster {
    /// Its name in EKS.
    pub name: String,
    /// The host name of its endpoint.
    pub endpoint_host: String,
    /// The network of its services.
    pub service_cidr: String,
    /// The machine image that instances claim to run.
    pub image_id: String,
    /// The VPC in moto.
    pub vpc_id: String,
    /// The subnet of all machines in moto.
    pub subnet_id: String,
}

impl Cluster {
    /// A cluster of this name; `identity` makes its endpoint unique.
    pub fn new(name: &str, identity: u128) -> Self {
        Self {
            name: name.to_owned(),
            endpoint_host: format!("{identity:032X}.gr7.{REGION}.eks.amazonaws.com"),
            service_cidr: network::SERVICE_CIDR.to_owned(),
            image_id: "ami-0123456789abcdef0".to_owned(),
            vpc_id: String::new(),
            subnet_id: String::new(),
        }
    }

    /// The endpoint as EKS shows it.
    pub fn endpoint(&self) -> String {
        format!("https://{}", self.endpoint_host)
    }

    /// The cluster's certificate authority as EKS shows it: PEM in base64.
    pub fn certificate_authority(layout: &Layout) -> Result<String, FileError> {
        Ok(STANDARD.encode(file::read(&layout.pki("cluster-ca.crt"))?))
    }

    /// The ARN of a role of the lab.
    pub fn role_arn(role: &str) -> String {
        format!("arn:aws:iam::{ACCOUNT_ID}:role/{role}")
    }

    /// The description that `lab up` wrote.
    pub fn read(layout: &Layout) -> Result<Self, ClusterError> {
        let path = layout.state();
        if !path.exists() {
            return Err(ClusterError::NotUp {
                name: layout.name().to_owned(),
            });
        }
        serde_json::from_str(&file::read(&path)?)
            .map_err(|source| ClusterError::Malformed { path, source })
    }

    /// Writes the description.
    pub fn write(&self, layout: &Layout) -> Result<(), ClusterError> {
        let path = layout.state();
        let text =
            serde_json::to_string_pretty(self).map_err(|source| ClusterError::Malformed {
                path: path.clone(),
                source,
            })?;
        Ok(file::write(&path, text)?)
    }
}

/// The repository that the lab's own files (Go modules, machine files, install script) are taken from: the checkout that
/// this is called in, else the one that it was built from. Checkouts share a target directory, so these can differ.
pub fn repository() -> PathBuf {
    const MARK: &str = "tests/control-plane";
    let here = std::env::current_dir().unwrap_or_default();
    here.ancestors()
        .find(|directory| directory.join(MARK).is_dir())
        .map_or_else(
            || Path::new(env!("CARGO_MANIFEST_DIR")).join(".."),
            Path::to_path_buf,
        )
}
