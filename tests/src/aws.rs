//! The AWS side of a lab as the lab needs it: moto and the gateway running, the VPC, subnet and roles there, and
//! credentials for the cluster's creator and for the control plane. How AWS is imitated is `cloud`'s business.

use std::{
    net::{Ipv4Addr, SocketAddr, SocketAddrV4},
    time::Duration,
};

use serde_json::json;
use thiserror::Error;

use crate::{
    cloud::{
        CloudConfig,
        access_entry::{AccessEntries, AccessEntryError, AccessEntryRequest, EntryKind},
        cluster::ClusterDescription,
        credentials::{CredentialStore, MintedCredential},
        json_file::JsonFileError,
        moto::{Moto, MotoError},
        transition,
    },
    cluster::{
        self, ACCOUNT_ID, AVAILABILITY_ZONE, AtStart, Cluster, KUBERNETES_VERSION, NODE_ROLE,
        REGION,
    },
    control_plane::{self, ControlPlaneError, Site},
    file::{self, FileError},
    layout::Layout,
    network,
    process::ProcessError,
    progress,
};

/// Where moto listens, on the loopback of the lab's network: only the gateway talks to it.
pub const MOTO: SocketAddr = SocketAddr::V4(SocketAddrV4::new(Ipv4Addr::LOCALHOST, 5000));

/// Why there is no AWS side.
#[derive(Debug, Error)]
pub enum AwsError {
    /// A program could not be started.
    #[error("starting the AWS side")]
    Process(#[from] ProcessError),
    /// A program does not answer.
    #[error(transparent)]
    NotReady(#[from] Box<ControlPlaneError>),
    /// A credential could not be made.
    #[error("making a credential")]
    Credential(#[from] JsonFileError),
    /// The creator's access key is not what `lab up` wrote.
    #[error("`{}` is no access key: `lab down`, then `lab up`", path.display())]
    NoAdmin {
        /// Where it lies.
        path: std::path::PathBuf,
        /// What is wrong with it.
        #[source]
        source: serde_json::Error,
    },
    /// A file could not be written.
    #[error(transparent)]
    File(#[from] FileError),
    /// moto did not create what an account has.
    #[error("creating the lab's network and roles")]
    Moto(#[from] MotoError),
    /// An access entry could not be made.
    #[error("creating the cluster's access entries")]
    AccessEntry(#[from] AccessEntryError),
    /// The path of the running program is not known.
    #[error("finding this program")]
    OwnPath(#[source] crate::image::ImageError),
}

/// Where the gateway speaks plain HTTP.
pub const HTTP_PORT: u16 = 4566;

/// A client for moto. Use it inside the lab's network.
pub fn moto() -> Moto {
    Moto::new(&format!("http://{MOTO}"), REGION)
}

/// Starts moto and the gateway and creates what an account with a cluster has. Call it inside the lab's network.
pub async fn start(
    site: Site<'_>,
    cluster: &mut Cluster,
    at_start: AtStart<'_>,
) -> Result<(), AwsError> {
    let step = progress::step("moto, gateway, metadata service");
    let python = site.layout.cache().venv().join("bin/python");
    let mut running = site
        .program("moto", python)
        .arg(cluster::repository().join("tests/moto/server.py"))
        .args(["--host", "127.0.0.1", "--port", "5000"])
        .env("MOTO_ACCOUNT_ID", ACCOUNT_ID)
        .env("MOTO_IAM_LOAD_MANAGED_POLICIES", "true")
        .env("AWS_DEFAULT_REGION", REGION)
        .env("LAB_TRANSITIONS", transition::path(&site.layout.run()))
        .start(&site.layout.log("moto"))?;
    control_plane::answers("moto", MOTO, &mut running)
        .await
        .map_err(Box::new)?;
    let account = moto();
    let network = account
        .create_network(network::VPC_CIDR, network::SUBNET_CIDR, AVAILABILITY_ZONE)
        .await?;
    account.create_instance_role(NODE_ROLE, NODE_ROLE).await?;
    cluster.vpc_id = network.vpc_id;
    cluster.subnet_id = network.subnet_id;

    access_entries(site.layout, at_start)?;
    start_gateway(site, cluster, network.security_group_id, at_start).await?;
    admin(site)?;
    step.done();
    Ok(())
}

/// The entries that a cluster has after it got a managed node group: the creator's and the node role's. Where there is no
/// cluster there is none.
fn access_entries(layout: &Layout, at_start: AtStart<'_>) -> Result<(), AwsError> {
    let mapping = control_plane::mappings_path(layout);
    if let Some(directory) = mapping.parent() {
        file::create_directory(directory)?;
    }
    let entries = AccessEntries::open(&layout.run(), &mapping)?;
    if at_start != AtStart::Active {
        return Ok(());
    }
    entries.create(AccessEntryRequest {
        principal_arn: format!("arn:aws:iam::{ACCOUNT_ID}:user/admin"),
        username: Some("admin".to_owned()),
        kubernetes_groups: vec![control_plane::ADMIN_GROUP.to_owned()],
        ..AccessEntryRequest::default()
    })?;
    entries.create(AccessEntryRequest {
        principal_arn: Cluster::role_arn(NODE_ROLE),
        kind: Some(EntryKind::Ec2Linux),
        ..AccessEntryRequest::default()
    })?;
    Ok(())
}

async fn start_gateway(
    site: Site<'_>,
    cluster: &Cluster,
    security_group_id: String,
    at_start: AtStart<'_>,
) -> Result<(), AwsError> {
    let layout = site.layout;
    let listen = |address, port| SocketAddr::V4(SocketAddrV4::new(address, port));
    let http = listen(network::GATEWAY, HTTP_PORT);
    let version = KUBERNETES_VERSION.trim_start_matches('v');
    let config = CloudConfig {
        run_directory: layout.run(),
        account_id: ACCOUNT_ID.to_owned(),
        cluster: ClusterDescription {
            name: cluster.name.clone(),
            arn: format!("arn:aws:eks:{REGION}:{ACCOUNT_ID}:cluster/{}", cluster.name),
            version: version
                .rsplit_once('.')
                .map_or(version, |(minor, _)| minor)
                .to_owned(),
            endpoint: cluster.endpoint(),
            role_arn: Cluster::role_arn("nodectl-lab-cluster"),
            certificate_authority: Cluster::certificate_authority(layout)?,
            service_ipv4_cidr: cluster.service_cidr.clone(),
            vpc_id: cluster.vpc_id.clone(),
            subnet_ids: vec![cluster.subnet_id.clone()],
            cluster_security_group_id: security_group_id,
            created_at: jiff::Timestamp::now(),
            tags: std::collections::BTreeMap::new(),
        },
        cluster_exists: at_start == AtStart::Active,
        moto_url: format!("http://{MOTO}"),
        gateway_http: http,
        gateway_tls: listen(network::GATEWAY, 443),
        tls_certificate: layout.pki("gateway.crt"),
        tls_key: layout.pki("gateway.key"),
        imds: listen(network::METADATA, 80),
        dhcp: true,
        access_entry_mapping: control_plane::mappings_path(layout),
        approver_kubeconfig: Some(layout.pki("lab.kubeconfig")),
        role_session_seconds: 6 * 60 * 60,
    };
    let path = layout.run().join("gateway.json");
    file::write_secret(&path, json!(config).to_string())?;
    let program = crate::image::program("lab").map_err(AwsError::OwnPath)?;
    let mut running = site
        .program("gateway", program)
        .arg("serve")
        .arg(path)
        .start(&layout.log("gateway"))?;
    control_plane::answers("gateway", http, &mut running)
        .await
        .map_err(Box::new)?;
    Ok(())
}

/// Makes the cluster's creator: an access key and a kubeconfig that uses it through the real authenticator.
fn admin(site: Site<'_>) -> Result<(), AwsError> {
    let layout = site.layout;
    let credential = store(layout).mint_user("admin")?;
    file::write_secret(&layout.admin(), json!(credential).to_string())?;
    let kubeconfig = json!({
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": site.cluster.name, "cluster": {
            "server": site.cluster.endpoint(),
            "certificate-authority-data": Cluster::certificate_authority(layout)?,
        }}],
        "users": [{"name": "admin", "user": {"exec": {
            "apiVersion": "client.authentication.k8s.io/v1beta1",
            "command": layout.cache().bin().join("aws-iam-authenticator"),
            "args": ["token", "--cluster-id", site.cluster.name],
            "interactiveMode": "Never",
        }}}],
        "contexts": [{"name": site.cluster.name, "context": {
            "cluster": site.cluster.name,
            "user": "admin",
        }}],
        "current-context": site.cluster.name,
    });
    file::write_secret(&layout.kubeconfig(), kubeconfig.to_string())?;
    Ok(())
}

/// The credential of the control plane itself, which no machine has: the authenticator asks EC2 with it.
pub fn control_plane_credential(layout: &Layout) -> Result<MintedCredential, JsonFileError> {
    const WEEK: Duration = Duration::from_hours(7 * 24);
    store(layout).mint_role_session("eks-control-plane", "authenticator", WEEK)
}

/// The credential of the cluster's creator.
pub fn admin_credential(layout: &Layout) -> Result<MintedCredential, AwsError> {
    let path = layout.admin();
    serde_json::from_str(&file::read(&path)?).map_err(|source| AwsError::NoAdmin { path, source })
}

fn store(layout: &Layout) -> CredentialStore {
    CredentialStore::new(&layout.run(), ACCOUNT_ID)
}
