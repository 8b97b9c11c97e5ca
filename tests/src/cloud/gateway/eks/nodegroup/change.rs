//! Updates of node groups: sizes, labels, taints at once; a version or another template replaces the instances.

use serde_json::{Value, json};

use super::super::state::Target;
use super::super::update::New;
use super::super::{Fault, Held, Work, version, words};
use super::check;

impl Work<'_> {
    pub(super) async fn update_nodegroup_config(
        &self,
        held: &mut Held<'_>,
        cluster: &str,
        name: &str,
    ) -> Result<Value, Fault> {
        let nodegroup = Self::nodegroup(held, cluster, name)?;
        let (shown, made) = (nodegroup.resource.document.clone(), nodegroup.made.clone());
        let target = Target::Nodegroup(name.to_owned());
        if let Some(update) = self.repeated_update(held, cluster, &target)? {
            return Ok(update);
        }
        let then = self.changed(&shown)?;
        let is_scaled = self.request.has("scalingConfig");
        let answer = self.begin_update(
            held,
            cluster,
            New {
                kind: "ConfigUpdate",
                target,
                seconds: self.transitions.nodegroup_update,
                params: then.clone(),
                then: then.clone(),
            },
        )?;
        if is_scaled {
            self.scale_group(&made, &then["scalingConfig"]).await?;
        }
        Ok(answer)
    }

    /// The members that the request changes.
    fn changed(&self, shown: &Value) -> Result<Value, Fault> {
        let request = &self.request;
        let mut then = json!({});
        if request.has("scalingConfig") {
            let mut scaling = shown["scalingConfig"].clone();
            for (name, value) in request
                .get("scalingConfig")
                .as_object()
                .into_iter()
                .flatten()
            {
                scaling[name] = value.clone();
            }
            check::sizes(&scaling)?;
            then["scalingConfig"] = scaling;
        }
        if request.has("labels") {
            let asked = request.get("labels");
            check::labels(&asked["addOrUpdateLabels"])?;
            then["labels"] = changed_labels(&shown["labels"], asked);
        }
        if request.has("taints") {
            let asked = request.get("taints");
            check::taints(&asked["addOrUpdateTaints"])?;
            then["taints"] = changed_taints(&shown["taints"], asked);
        }
        if request.has("updateConfig") {
            check::update_config(request.get("updateConfig"))?;
            then["updateConfig"] = request.get("updateConfig").clone();
        }
        if request.has("nodeRepairConfig") {
            then["nodeRepairConfig"] = request.get("nodeRepairConfig").clone();
        }
        if then == json!({}) {
            return Err(words::invalid("No changes needed for the config provided"));
        }
        Ok(then)
    }

    pub(super) async fn update_nodegroup_version(
        &self,
        held: &mut Held<'_>,
        cluster: &str,
        name: &str,
    ) -> Result<Value, Fault> {
        let of_cluster = held.cluster(cluster)?.resource.document.clone();
        let nodegroup = Self::nodegroup(held, cluster, name)?;
        let (shown, made) = (nodegroup.resource.document.clone(), nodegroup.made.clone());
        let target = Target::Nodegroup(name.to_owned());
        if let Some(update) = self.repeated_update(held, cluster, &target)? {
            return Ok(update);
        }
        self.check_version_update(&shown, &of_cluster)?;
        let asked = self.request.get("launchTemplate");
        let is_custom = shown["amiType"] == "CUSTOM";
        let request = self.request.with(&json!({
            "launchTemplate": if asked.is_null() { shown["launchTemplate"]["id"].as_str().map(|id| {
                json!({ "id": id, "version": shown["launchTemplate"]["version"] })
            }) } else { Some(asked.clone()) },
            "amiType": if is_custom { &Value::Null } else { &shown["amiType"] },
            "instanceTypes": shown["instanceTypes"],
            "diskSize": if shown["launchTemplate"].is_null() { &shown["diskSize"] } else { &Value::Null },
        }));
        let template = self.template(&request, &of_cluster).await?;
        let then = json!({
            "version": if template.is_custom { &Value::Null } else { &of_cluster["version"] },
            "releaseVersion": template.release,
            "launchTemplate": template.source,
        });
        let answer = self.begin_update(
            held,
            cluster,
            New {
                kind: "VersionUpdate",
                target,
                seconds: self.transitions.nodegroup_update,
                params: json!({
                    "Version": then["version"],
                    "ReleaseVersion": then["releaseVersion"],
                    "LaunchTemplateId": template.source["id"],
                    "LaunchTemplateVersion": template.source["version"],
                }),
                then: then.clone(),
            },
        )?;
        let mut document = shown;
        super::super::state::replace(&mut document, &then);
        self.roll_group(&made, &document, &template).await?;
        Ok(answer)
    }

    fn check_version_update(&self, shown: &Value, of_cluster: &Value) -> Result<(), Fault> {
        let request = &self.request;
        let has_template = !shown["launchTemplate"].is_null();
        if request.has("launchTemplate") != has_template && request.has("launchTemplate") {
            let message = "Cannot specify launch template for a nodegroup that was not created with a launch template";
            return Err(words::invalid(message));
        }
        if shown["amiType"] == "CUSTOM" && (request.has("version") || request.has("releaseVersion"))
        {
            let message = "You cannot specify the field kubernetesVersion when using custom AMI.";
            return Err(words::bad_request(message));
        }
        if let Some(wanted) = request.text("version") {
            let newest = of_cluster["version"].as_str().unwrap_or_default();
            let oldest = shown["version"].as_str().unwrap_or_default();
            let range = version::minor(oldest)..=version::minor(newest);
            if !range.contains(&version::minor(wanted)) {
                let message = format!(
                    "Nodegroup Kubernetes version {wanted} must be between {oldest} and that of the cluster, {newest}"
                );
                return Err(words::invalid(message));
            }
        }
        Ok(())
    }
}

fn changed_labels(shown: &Value, asked: &Value) -> Value {
    let mut labels = shown.clone();
    for (key, value) in asked["addOrUpdateLabels"].as_object().into_iter().flatten() {
        labels[key] = value.clone();
    }
    for key in asked["removeLabels"].as_array().into_iter().flatten() {
        if let (Some(labels), Some(key)) = (labels.as_object_mut(), key.as_str()) {
            labels.remove(key);
        }
    }
    labels
}

/// A taint is the same one if key and effect are.
fn changed_taints(shown: &Value, asked: &Value) -> Value {
    let list = |value: &Value| value.as_array().cloned().unwrap_or_default();
    let is_same =
        |one: &Value, other: &Value| one["key"] == other["key"] && one["effect"] == other["effect"];
    let (added, removed) = (
        list(&asked["addOrUpdateTaints"]),
        list(&asked["removeTaints"]),
    );
    let mut taints = list(shown);
    taints.retain(|taint| {
        !added
            .iter()
            .chain(&removed)
            .any(|other| is_same(taint, other))
    });
    taints.extend(added);
    Value::Array(taints)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_and_taints_are_added_changed_and_removed() {
        let labels = changed_labels(
            &json!({ "a": "1", "b": "2" }),
            &json!({ "addOrUpdateLabels": { "b": "3", "c": "4" }, "removeLabels": ["a"] }),
        );
        assert_eq!(labels, json!({ "b": "3", "c": "4" }));
        let taint =
            |key: &str, value: &str| json!({ "key": key, "value": value, "effect": "NO_SCHEDULE" });
        let taints = changed_taints(
            &json!([taint("a", "1"), taint("b", "2")]),
            &json!({ "addOrUpdateTaints": [taint("b", "3")], "removeTaints": [taint("a", "1")] }),
        );
        assert_eq!(taints, json!([taint("b", "3")]));
    }
}
