//! Add-ons. There are no pods behind them: what is real is what the API says of them.

mod catalogue;

use serde_json::{Value, json};

use super::state::{Resource, Target, time};
use super::update::New;
use super::{Fault, Held, Work, no_such_call, one, pod_identity, words};
use crate::cloud::random;

impl Work<'_> {
    /// `path` is what comes behind `addons`.
    pub(super) async fn addons(
        &self,
        held: &mut Held<'_>,
        cluster: &str,
        method: &str,
        path: &[&str],
    ) -> Result<Value, Fault> {
        match (method, path) {
            ("GET", []) => {
                let names = held.cluster(cluster)?.addons.keys().cloned();
                self.request.page("addons", names)
            }
            ("POST", []) => self.create_addon(held, cluster).await,
            ("GET", [name]) => {
                let addon = addon(held, cluster, name)?.clone();
                Ok(self.show_addon(cluster, name, &addon))
            }
            ("DELETE", [name]) => self.delete_addon(held, cluster, name),
            ("POST", [name, "update"]) => self.update_addon(held, cluster, name).await,
            _ => Err(no_such_call()),
        }
    }

    fn show_addon(&self, cluster: &str, name: &str, resource: &Resource) -> Value {
        one(
            "addon",
            resource.show(self.ailments.of(cluster, "addon", name)),
        )
    }

    async fn create_addon(&self, held: &mut Held<'_>, cluster: &str) -> Result<Value, Fault> {
        let name = self.request.need("addonName")?.to_owned();
        if let Some(addon) = held.cluster(cluster)?.addons.get(&name) {
            if self.is_repeated(addon.token.as_ref()) {
                return Ok(self.show_addon(cluster, &name, addon));
            }
            let named = [("clusterName", cluster), ("addonName", name.as_str())];
            return Err(words::in_use("Addon already exists.", &named));
        }
        let found = held.active_cluster(cluster)?;
        let version = found.resource.document["version"].clone();
        let version = self.addon_version(&name, version.as_str().unwrap_or_default())?;
        self.check_addon().await?;
        let id = random::request_id();
        let pod_identities = self.wire_addon(held, cluster, &name)?;
        let request = &self.request;
        let resource = Resource {
            document: json!({
                "addonName": name,
                "clusterName": cluster,
                "status": "CREATING",
                "addonVersion": version,
                "health": { "issues": [] },
                "addonArn": self.arn(&format!("addon/{cluster}/{name}/{id}")),
                "createdAt": time(self.now),
                "modifiedAt": time(self.now),
                "serviceAccountRoleArn": request.get("serviceAccountRoleArn"),
                "tags": request.or("tags", json!({})),
                "publisher": "eks",
                "owner": "aws",
                "configurationValues": request.get("configurationValues"),
                "podIdentityAssociations": pod_identities,
            }),
            due: Some(self.after(self.transitions.addon_create)),
            token: request.token(),
        };
        let answer = self.show_addon(cluster, &name, &resource);
        held.cluster(cluster)?.addons.insert(name, resource);
        Ok(answer)
    }

    fn delete_addon(&self, held: &mut Held<'_>, cluster: &str, name: &str) -> Result<Value, Fault> {
        let due = self.after(self.transitions.addon_delete);
        let resource = addon(held, cluster, name)?;
        if resource.status() == "DELETING" {
            let message = format!("Addon {name} is already being deleted");
            return Err(words::bad_request(message));
        }
        resource.enter("DELETING", due);
        let answer = self.show_addon(cluster, name, resource);
        let owner = self.arn(&format!("addon/{cluster}/{name}"));
        let associations = &mut held.cluster(cluster)?.pod_identities;
        associations.retain(|_, association| association.document["ownerArn"] != *owner);
        Ok(answer)
    }

    async fn update_addon(
        &self,
        held: &mut Held<'_>,
        cluster: &str,
        name: &str,
    ) -> Result<Value, Fault> {
        let of_cluster = held.cluster(cluster)?.resource.document["version"].clone();
        let shown = addon(held, cluster, name)?.document.clone();
        let target = Target::Addon(name.to_owned());
        if let Some(update) = self.repeated_update(held, cluster, &target)? {
            return Ok(update);
        }
        self.check_addon().await?;
        let mut then = json!({});
        if self.request.has("addonVersion") {
            let version = self.addon_version(name, of_cluster.as_str().unwrap_or_default())?;
            then["addonVersion"] = json!(version);
        }
        // The update sets the role and the values as they are in the request: what it does not name is taken away.
        for member in ["serviceAccountRoleArn", "configurationValues"] {
            if self.request.has(member) {
                then[member] = self.request.get(member).clone();
            }
        }
        let mut params = then.clone();
        if self.request.has("podIdentityAssociations") {
            params["podIdentityAssociations"] = self.request.get("podIdentityAssociations").clone();
        }
        let kind = if then
            .get("addonVersion")
            .is_some_and(|version| *version != shown["addonVersion"])
        {
            "AddonUpdate"
        } else {
            "ConfigUpdate"
        };
        let answer = self.begin_update(
            held,
            cluster,
            New {
                kind,
                target,
                seconds: self.transitions.addon_update,
                params,
                then,
            },
        )?;
        if self.request.has("podIdentityAssociations") {
            let wired = self.wire_addon(held, cluster, name)?;
            addon(held, cluster, name)?.document["podIdentityAssociations"] = json!(wired);
        }
        Ok(answer)
    }

    /// The version that is asked for, or the default of the cluster's.
    fn addon_version(&self, name: &str, cluster: &str) -> Result<String, Fault> {
        let entry = catalogue::find(name)
            .ok_or_else(|| words::invalid(format!("Addon {name} specified is not supported")))?;
        match self.request.text("addonVersion") {
            None => Ok(entry.default(cluster)),
            Some(version) if entry.versions(cluster).iter().any(|known| known == version) => {
                Ok(version.to_owned())
            }
            Some(version) => Err(words::invalid(format!(
                "Addon version specified is not supported: {name} {version} with Kubernetes version {cluster}"
            ))),
        }
    }

    async fn check_addon(&self) -> Result<(), Fault> {
        if let Some(values) = self.request.text("configurationValues")
            && !values.is_empty()
            && serde_json::from_str::<Value>(values).is_err()
            && !values.contains(':')
        {
            let message =
                "ConfigurationValue provided in request is not supported: neither JSON nor YAML";
            return Err(words::invalid(message));
        }
        if let Some(role) = self.request.text("serviceAccountRoleArn") {
            let is_role = role.starts_with("arn:") && role.contains(":role/");
            if !is_role {
                return Err(words::invalid(format!("{role} is not the ARN of a role")));
            }
        }
        let wanted = self.request.get("podIdentityAssociations");
        for association in wanted.as_array().into_iter().flatten() {
            let role = association["roleArn"].as_str().unwrap_or_default();
            self.role(role, "pods.eks.amazonaws.com").await?;
        }
        Ok(())
    }

    /// The pod identities that an add-on owns: those of the request, in the place of those that it had.
    fn wire_addon(
        &self,
        held: &mut Held<'_>,
        cluster: &str,
        name: &str,
    ) -> Result<Vec<Value>, Fault> {
        let Some(wanted) = self.request.get("podIdentityAssociations").as_array() else {
            return Ok(Vec::new());
        };
        let owner = self.arn(&format!("addon/{cluster}/{name}"));
        let known = &mut held.cluster(cluster)?.pod_identities;
        known.retain(|_, association| association.document["ownerArn"] != *owner);
        let mut arns = Vec::new();
        for association in wanted {
            let account = association["serviceAccount"].as_str().unwrap_or_default();
            let place = (catalogue::NAMESPACE, account);
            let made = self.new_association(cluster, place, &association["roleArn"], &json!(owner));
            arns.push(made["associationArn"].clone());
            pod_identity::insert(known, made, None)?;
        }
        Ok(arns)
    }

    pub(super) fn describe_addon_versions(&self) -> Result<Value, Fault> {
        let name = self.request.query("addonName");
        let version = self.request.query("kubernetesVersion");
        let wanted = catalogue::ENTRIES
            .iter()
            .filter(|entry| name.as_deref().is_none_or(|name| name == entry.name));
        self.request
            .page("addons", wanted.map(|entry| entry.show(version.as_deref())))
    }
}

fn addon<'h>(held: &'h mut Held<'_>, cluster: &str, name: &str) -> Result<&'h mut Resource, Fault> {
    let addons = &mut held.cluster(cluster)?.addons;
    addons
        .get_mut(name)
        .ok_or_else(|| words::no_addon(name, cluster))
}
