//! Managed node groups: an Auto Scaling group and a launch template of EKS's own behind each, made from what the user
//! asks for.

mod change;
mod check;
mod group;
mod template;
mod user_data;

use serde_json::{Value, json};

use super::state::{Cluster, Nodegroup, Resource, time};
use super::{Fault, Held, Work, entries_of, no_such_call, one, words};
use crate::cloud::access_entry::{AccessEntry, EntryKind};
use crate::cloud::random;

use self::template::Template;

/// Node groups of a cluster, as the service quota has it.
const MOST_NODEGROUPS: usize = 30;

impl Work<'_> {
    /// `path` is what comes behind `node-groups`.
    pub(super) async fn nodegroups(
        &self,
        held: &mut Held<'_>,
        cluster: &str,
        method: &str,
        path: &[&str],
    ) -> Result<Value, Fault> {
        match (method, path) {
            ("GET", []) => {
                let names = held.cluster(cluster)?.nodegroups.keys().cloned();
                self.request.page("nodegroups", names)
            }
            ("POST", []) => self.create_nodegroup(held, cluster).await,
            ("GET", [name]) => {
                let nodegroup = Self::nodegroup(held, cluster, name)?;
                Ok(self.show_nodegroup(cluster, name, &nodegroup.resource))
            }
            ("DELETE", [name]) => self.delete_nodegroup(held, cluster, name).await,
            ("POST", [name, "update-config"]) => {
                self.update_nodegroup_config(held, cluster, name).await
            }
            ("POST", [name, "update-version"]) => {
                self.update_nodegroup_version(held, cluster, name).await
            }
            _ => Err(no_such_call()),
        }
    }

    fn nodegroup<'h>(
        held: &'h mut Held<'_>,
        cluster: &str,
        name: &str,
    ) -> Result<&'h mut Nodegroup, Fault> {
        let nodegroups = &mut held.cluster(cluster)?.nodegroups;
        nodegroups
            .get_mut(name)
            .ok_or_else(|| words::no_nodegroup(name))
    }

    fn show_nodegroup(&self, cluster: &str, name: &str, resource: &Resource) -> Value {
        one(
            "nodegroup",
            resource.show(self.ailments.of(cluster, "nodegroup", name)),
        )
    }

    async fn create_nodegroup(&self, held: &mut Held<'_>, cluster: &str) -> Result<Value, Fault> {
        let name = self.request.need("nodegroupName")?.to_owned();
        let found = held.cluster(cluster)?;
        if let Some(nodegroup) = found.nodegroups.get(&name) {
            if self.is_repeated(nodegroup.resource.token.as_ref()) {
                return Ok(self.show_nodegroup(cluster, &name, &nodegroup.resource));
            }
            let message =
                format!("NodeGroup already exists with name {name} and cluster name {cluster}");
            let named = [("clusterName", cluster), ("nodegroupName", name.as_str())];
            return Err(words::in_use(message, &named));
        }
        let found = held.active_cluster(cluster)?;
        if found.nodegroups.len() >= MOST_NODEGROUPS {
            return Err(words::limit("Nodegroup limit exceeded."));
        }
        check::request(&self.request)?;
        self.check_subnets(&found.resource.document).await?;
        let role = self.request.need("nodeRole")?;
        self.role(role, "ec2.amazonaws.com").await?;
        let template = self
            .template(&self.request, &found.resource.document)
            .await?;
        let mut document = self.new_nodegroup(&name, &found.resource.document, &template);
        let made = self.make_group(&document, &template, role).await?;
        document["resources"] = json!({
            "autoScalingGroups": [{ "name": made.group }],
            "remoteAccessSecurityGroup": null,
        });
        let resource = Resource {
            document,
            due: Some(self.after(self.transitions.nodegroup_create)),
            token: self.request.token(),
        };
        let answer = self.show_nodegroup(cluster, &name, &resource);
        found.nodegroups.insert(name, Nodegroup { resource, made });
        self.let_nodes_in(found, cluster, role)?;
        Ok(answer)
    }

    async fn delete_nodegroup(
        &self,
        held: &mut Held<'_>,
        cluster: &str,
        name: &str,
    ) -> Result<Value, Fault> {
        let due = self.after(self.transitions.nodegroup_delete);
        let nodegroup = Self::nodegroup(held, cluster, name)?;
        let status = nodegroup.resource.status();
        if matches!(status, "DELETING" | "UPDATING") {
            let message = format!("Nodegroup {name} cannot be deleted as it is in status {status}");
            let named = [("clusterName", cluster), ("nodegroupName", name)];
            return Err(words::in_use(message, &named));
        }
        nodegroup.resource.enter("DELETING", due);
        let made = nodegroup.made.clone();
        self.take_group_away(&made).await;
        let nodegroup = Self::nodegroup(held, cluster, name)?;
        Ok(self.show_nodegroup(cluster, name, &nodegroup.resource))
    }

    fn new_nodegroup(&self, name: &str, cluster: &Value, template: &Template) -> Value {
        let request = &self.request;
        let is_custom = template.is_custom;
        let cluster_name = cluster["name"].as_str().unwrap_or_default();
        let id = random::request_id();
        json!({
            "nodegroupName": name,
            "nodegroupArn": self.arn(&format!("nodegroup/{cluster_name}/{name}/{id}")),
            "clusterName": cluster_name,
            "version": if is_custom { Value::Null } else { cluster["version"].clone() },
            "releaseVersion": template.release,
            "createdAt": time(self.now),
            "modifiedAt": time(self.now),
            "status": "CREATING",
            "capacityType": request.or("capacityType", json!("ON_DEMAND")),
            "scalingConfig": check::scaling(request.get("scalingConfig")),
            "instanceTypes": template.shown_types,
            "subnets": request.get("subnets"),
            "remoteAccess": request.get("remoteAccess"),
            "amiType": if is_custom { json!("CUSTOM") } else { json!(template.ami_type) },
            "nodeRole": request.get("nodeRole"),
            "labels": request.or("labels", json!({})),
            "taints": request.or("taints", json!([])),
            "resources": null,
            "diskSize": template.shown_disk,
            "health": { "issues": [] },
            "updateConfig": request.or("updateConfig", json!({ "maxUnavailable": 1 })),
            "nodeRepairConfig": request.or("nodeRepairConfig", json!({ "enabled": false })),
            "launchTemplate": template.source,
            "tags": request.or("tags", json!({})),
        })
    }

    /// EKS makes the access entry of a managed group's role itself, and leaves it when the group goes.
    fn let_nodes_in(&self, cluster: &mut Cluster, name: &str, role: &str) -> Result<(), Fault> {
        if cluster.resource.document["accessConfig"]["authenticationMode"] == "CONFIG_MAP" {
            return Ok(());
        }
        let entry = AccessEntry::of(role, EntryKind::Ec2Linux, self.now);
        entry
            .and_then(|entry| {
                entries_of(self.eks, cluster, name, |entries| {
                    entries.entry(entry.principal_arn.clone()).or_insert(entry);
                    Ok(())
                })
            })
            .map_err(|error| Fault::internal(&error))
    }

    async fn check_subnets(&self, cluster: &Value) -> Result<(), Fault> {
        let vpc = &cluster["resourcesVpcConfig"]["vpcId"];
        for id in self.request.texts("subnets") {
            if *vpc != self.subnet(&id).await?.vpc_id {
                let message = format!("Subnet {id} is not in the VPC of the cluster, {vpc}");
                return Err(words::invalid(message.replace('"', "")));
            }
        }
        Ok(())
    }
}
