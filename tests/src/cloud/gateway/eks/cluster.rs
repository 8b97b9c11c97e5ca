//! Clusters: made after the checks that EKS makes, shown, changed by updates, and taken away.

mod change;
mod check;
mod surroundings;

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::state::{Cluster, Resource, State, time};
use super::{Fault, Held, Work, entries_of, one, words};
use crate::cloud::access_entry::{AccessEntry, AccessEntryError, AccessScope, EntryKind};
use crate::cloud::random;

use self::surroundings::Surroundings;

/// Clusters in an account and region, as the service quota has it.
const MOST_CLUSTERS: usize = 100;

impl Work<'_> {
    pub(super) fn list_clusters(&self, held: &mut Held<'_>) -> Result<Value, Fault> {
        self.request
            .page("clusters", held.state().clusters.keys().cloned())
    }

    pub(super) fn describe_cluster(held: &mut Held<'_>, name: &str) -> Result<Value, Fault> {
        Ok(one(
            "cluster",
            held.cluster(name)?.resource.document.clone(),
        ))
    }

    pub(super) async fn create_cluster(&self, held: &mut Held<'_>) -> Result<Value, Fault> {
        let name = self.request.need("name")?.to_owned();
        if let Some(cluster) = held.state().clusters.get(&name) {
            if self.is_repeated(cluster.resource.token.as_ref()) {
                return Ok(one("cluster", cluster.resource.document.clone()));
            }
            let message = format!("Cluster already exists with name: {name}");
            return Err(words::in_use(message, &[("clusterName", &name)]));
        }
        check::request(&self.request)?;
        if held.state().clusters.len() >= MOST_CLUSTERS {
            return Err(words::limit("Cluster limit exceeded."));
        }
        let surroundings = self.look_around(&name).await?;
        let (security_group, interfaces) = self.make_surroundings(&name, &surroundings).await?;
        let cluster = Cluster {
            resource: Resource {
                document: self.new_cluster(&name, &surroundings, &security_group)?,
                due: Some(self.after(self.transitions.cluster_create)),
                token: self.request.token(),
            },
            region: self.request.region.clone(),
            interfaces,
            nodegroups: BTreeMap::new(),
            addons: BTreeMap::new(),
            updates: Vec::new(),
            access_entries: BTreeMap::new(),
            pod_identities: BTreeMap::new(),
        };
        let document = cluster.resource.document.clone();
        held.state().clusters.insert(name.clone(), cluster);
        self.keep_logs(&name, &document["logging"]).await;
        self.let_creator_in(held.state(), &name)
            .map_err(|error| Fault::internal(&error))?;
        Ok(one("cluster", document))
    }

    pub(super) fn delete_cluster(&self, held: &mut Held<'_>, name: &str) -> Result<Value, Fault> {
        let due = self.after(self.transitions.cluster_delete);
        let cluster = held.cluster(name)?;
        let named = [("clusterName", name)];
        if !cluster.nodegroups.is_empty() {
            return Err(words::in_use("Cluster has nodegroups attached", &named));
        }
        if cluster.resource.document["deletionProtection"] == true {
            let message = format!(
                "Cannot delete cluster '{name}' because deletion protection is enabled. Disable deletion protection first."
            );
            return Err(words::bad_request(message));
        }
        let status = cluster.resource.status();
        if !matches!(status, "ACTIVE" | "FAILED") {
            let message = format!("Cannot delete because cluster {name} is in status {status}");
            return Err(words::in_use(message, &named));
        }
        cluster.resource.enter("DELETING", due);
        Ok(one("cluster", cluster.resource.document.clone()))
    }

    fn new_cluster(
        &self,
        name: &str,
        surroundings: &Surroundings,
        security_group: &str,
    ) -> Result<Value, Fault> {
        let request = &self.request;
        let vpc = request.get("resourcesVpcConfig");
        let or = |value: &Value, default: Value| {
            if value.is_null() {
                default
            } else {
                value.clone()
            }
        };
        let network = request.get("kubernetesNetworkConfig");
        let access = request.get("accessConfig");
        let region = &request.region;
        let id = hexadecimal();
        let own = self.eks.own(name).map(|own| &own.description);
        let (endpoint, authority) = match own {
            Some(own) => (own.endpoint.clone(), own.certificate_authority.clone()),
            None => (
                format!("https://{id}.gr7.{region}.eks.amazonaws.com"),
                surroundings::certificate_authority()?,
            ),
        };
        Ok(json!({
            "name": name,
            "arn": self.arn(&format!("cluster/{name}")),
            "createdAt": time(self.now),
            "version": request.text("version").unwrap_or(super::version::DEFAULT),
            "endpoint": endpoint,
            "roleArn": request.get("roleArn"),
            "resourcesVpcConfig": {
                "subnetIds": vpc["subnetIds"],
                "securityGroupIds": or(&vpc["securityGroupIds"], json!([])),
                "clusterSecurityGroupId": security_group,
                "vpcId": surroundings.vpc_id,
                "endpointPublicAccess": or(&vpc["endpointPublicAccess"], json!(true)),
                "endpointPrivateAccess": or(&vpc["endpointPrivateAccess"], json!(false)),
                "publicAccessCidrs": or(&vpc["publicAccessCidrs"], json!(["0.0.0.0/0"])),
            },
            "kubernetesNetworkConfig": {
                "serviceIpv4Cidr": or(&network["serviceIpv4Cidr"], json!(surroundings.service_cidr(own))),
                "serviceIpv6Cidr": null,
                "ipFamily": or(&network["ipFamily"], json!("ipv4")),
                "elasticLoadBalancing": { "enabled": false },
            },
            "logging": check::logging(request.get("logging")),
            "identity": { "oidc": {
                "issuer": format!("https://oidc.eks.{region}.amazonaws.com/id/{id}"),
            } },
            "status": "CREATING",
            "certificateAuthority": { "data": authority },
            "clientRequestToken": request.get("clientRequestToken"),
            "platformVersion": "eks.1",
            "tags": request.or("tags", json!({})),
            "encryptionConfig": request.get("encryptionConfig"),
            "health": { "issues": [] },
            "accessConfig": {
                "bootstrapClusterCreatorAdminPermissions":
                    or(&access["bootstrapClusterCreatorAdminPermissions"], json!(true)),
                "authenticationMode": or(&access["authenticationMode"], json!("CONFIG_MAP")),
            },
            "upgradePolicy": request.or("upgradePolicy", json!({ "supportType": "EXTENDED" })),
            "deletionProtection": request.or("deletionProtection", json!(false)),
        }))
    }

    /// The creator gets an entry of his own where the mode knows entries, unless that is not wanted.
    fn let_creator_in(&self, state: &mut State, name: &str) -> Result<(), AccessEntryError> {
        let Some(cluster) = state.clusters.get_mut(name) else {
            return Ok(());
        };
        let access = &cluster.resource.document["accessConfig"];
        if access["bootstrapClusterCreatorAdminPermissions"] != true
            || access["authenticationMode"] == "CONFIG_MAP"
        {
            return Ok(());
        }
        let mut entry =
            AccessEntry::of(&self.caller.principal_arn(), EntryKind::Standard, self.now)?;
        entry.associate(super::access::CLUSTER_ADMIN, AccessScope::Cluster, self.now);
        entries_of(self.eks, cluster, name, |entries| {
            entries.entry(entry.principal_arn.clone()).or_insert(entry);
            Ok(())
        })
    }
}

/// 32 digits, as endpoints and issuers have.
fn hexadecimal() -> String {
    format!("{:032X}", u128::from_be_bytes(random::bytes()))
}
