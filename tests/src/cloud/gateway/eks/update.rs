//! Updates: begun by a call, done when their time has come.

use serde_json::{Value, json};

use super::state::{Target, Update, time};
use super::{Fault, Held, Work, one, words};
use crate::cloud::random;

/// An update in the making.
#[derive(Debug)]
pub(super) struct New {
    /// As the API names it.
    pub(super) kind: &'static str,
    pub(super) target: Target,
    pub(super) seconds: f64,
    /// What was asked for: an object, whose members are shown by their names.
    pub(super) params: Value,
    /// Members of the resource that are replaced in the end.
    pub(super) then: Value,
}

impl Work<'_> {
    /// The answer to a call that has been made before.
    pub(super) fn repeated_update(
        &self,
        held: &mut Held<'_>,
        cluster: &str,
        target: &Target,
    ) -> Result<Option<Value>, Fault> {
        let mut updates = held.cluster(cluster)?.updates.iter();
        let known =
            updates.find(|update| update.of == *target && self.is_repeated(update.token.as_ref()));
        Ok(known.map(|update| one("update", update.document.clone())))
    }

    pub(super) fn begin_update(
        &self,
        held: &mut Held<'_>,
        name: &str,
        new: New,
    ) -> Result<Value, Fault> {
        let due = self.after(new.seconds);
        let cluster = held.cluster(name)?;
        if let Some(id) = cluster.in_progress(&new.target) {
            let message = format!(
                "Cannot {} because {} currently has update {id} in progress",
                new.kind,
                subject(name, &new.target)
            );
            return Err(words::in_use(message, &[("clusterName", name)]));
        }
        let Some(resource) = cluster.resource_mut(&new.target) else {
            return Err(words::no_cluster(name));
        };
        let may_change = match new.target {
            Target::Addon(_) => resource.status() != "DELETING" && resource.status() != "CREATING",
            _ => resource.is_active(),
        };
        if !may_change {
            let message = format!(
                "{} cannot be updated as it is currently not in Active State",
                subject(name, &new.target)
            );
            return Err(words::in_use(message, &[("clusterName", name)]));
        }
        resource.document["modifiedAt"] = time(self.now);
        resource.enter("UPDATING", due);
        let document = json!({
            "id": random::request_id(),
            "status": "InProgress",
            "type": new.kind,
            "params": params(&new.params),
            "createdAt": time(self.now),
            "errors": [],
        });
        cluster.updates.push(Update {
            document: document.clone(),
            of: new.target,
            due,
            then: new.then,
            token: self.request.token(),
        });
        Ok(one("update", document))
    }

    pub(super) fn list_updates(&self, held: &mut Held<'_>, name: &str) -> Result<Value, Fault> {
        let target = self.target();
        let updates = held.cluster(name)?.updates.iter();
        let of_target = updates.filter(|update| update.of == target);
        let ids = of_target.map(|update| update.document["id"].clone());
        self.request.page("updateIds", ids)
    }

    pub(super) fn describe_update(
        &self,
        held: &mut Held<'_>,
        name: &str,
        id: &str,
    ) -> Result<Value, Fault> {
        let target = self.target();
        let mut updates = held.cluster(name)?.updates.iter();
        updates
            .find(|update| update.of == target && update.document["id"] == id)
            .map(|update| one("update", update.document.clone()))
            .ok_or_else(|| words::not_found(format!("No update found for ID: {id}")))
    }

    fn target(&self) -> Target {
        let nodegroup = self.request.query("nodegroupName").map(Target::Nodegroup);
        let addon = || self.request.query("addonName").map(Target::Addon);
        nodegroup.or_else(addon).unwrap_or(Target::Cluster)
    }
}

fn subject(cluster: &str, target: &Target) -> String {
    match target {
        Target::Cluster => format!("cluster {cluster}"),
        Target::Nodegroup(name) => format!("Nodegroup {name}"),
        Target::Addon(name) => format!("Addon {name}"),
    }
}

/// Members of what was asked for as the API lists them: each a type, and a text for its value.
fn params(asked: &Value) -> Vec<Value> {
    let members = asked.as_object().into_iter().flatten();
    members
        .filter(|(_, value)| !value.is_null())
        .map(|(name, value)| {
            let value = value
                .as_str()
                .map_or_else(|| value.to_string(), str::to_owned);
            let mut letters = name.chars();
            let first = letters.next().map(|first| first.to_ascii_uppercase());
            let kind: String = first.into_iter().chain(letters).collect();
            json!({ "type": kind, "value": value })
        })
        .collect()
}
