//! What the account has in EKS, as one document, and how it moves on with the clock.
//!
//! Pure: [`State::settle`] is told the time, and says what must be cleaned up elsewhere. Each resource is kept as the API
//! shows it, `status` included.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::health::{Ailment, Ailments};
use crate::cloud::access_entry::AccessEntry;

/// Everything of the account.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct State {
    pub(super) clusters: BTreeMap<String, Cluster>,
}

/// A cluster, a node group or an add-on.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Resource {
    /// As the API shows it.
    pub(super) document: Value,
    /// When the transition ends that it is in.
    pub(super) due: Option<Timestamp>,
    /// Token and parameters of its creation.
    pub(super) token: Option<Token>,
}

/// What makes a repeated call the same call.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Token {
    pub(super) token: String,
    pub(super) parameters: Value,
}

/// A cluster with everything in it.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Cluster {
    pub(super) resource: Resource,
    pub(super) region: String,
    /// `eni-…` of the control plane in the cluster's subnets.
    pub(super) interfaces: Vec<String>,
    pub(super) nodegroups: BTreeMap<String, Nodegroup>,
    pub(super) addons: BTreeMap<String, Resource>,
    pub(super) updates: Vec<Update>,
    pub(super) access_entries: BTreeMap<String, AccessEntry>,
    /// By association id, as the API shows them.
    pub(super) pod_identities: BTreeMap<String, Resource>,
}

/// A node group and what EKS has made for it in other services.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Nodegroup {
    pub(super) resource: Resource,
    pub(super) made: Made,
}

/// What EKS made for a node group.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Made {
    pub(super) group: String,
    pub(super) template_id: String,
    pub(super) instance_profile: String,
    pub(super) role: String,
}

/// An update of something.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Update {
    /// As the API shows it.
    pub(super) document: Value,
    pub(super) of: Target,
    pub(super) due: Timestamp,
    /// Members of the resource's document that are replaced when it is done.
    pub(super) then: Value,
    pub(super) token: Option<Token>,
}

/// What is updated.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Target {
    Cluster,
    Nodegroup(String),
    Addon(String),
}

/// What is left behind in other services by what is gone now.
#[derive(Clone, Debug)]
pub(super) enum Leftovers {
    Cluster {
        name: String,
        region: String,
        interfaces: Vec<String>,
        security_group: Option<String>,
    },
    Nodegroup {
        region: String,
        made: Made,
    },
}

impl Resource {
    pub(super) fn status(&self) -> &str {
        self.document["status"].as_str().unwrap_or_default()
    }

    pub(super) fn is_active(&self) -> bool {
        self.status() == "ACTIVE"
    }

    /// Begins a transition.
    pub(super) fn enter(&mut self, status: &str, due: Timestamp) {
        self.document["status"] = json!(status);
        self.due = Some(due);
    }

    fn is_due(&self, now: Timestamp) -> bool {
        self.due.is_some_and(|due| due <= now)
    }

    /// The end of a transition: into being, out of it (false), or back to rest.
    fn settle(&mut self, now: Timestamp) -> bool {
        if !self.is_due(now) {
            return true;
        }
        self.due = None;
        match self.status() {
            "DELETING" => return false,
            "CREATING" | "UPDATING" => self.document["status"] = json!("ACTIVE"),
            _ => {}
        }
        true
    }

    /// It comes into being, or not.
    fn settle_creation(&mut self, now: Timestamp, ailment: Option<&Ailment>) {
        let fails = ailment.is_some_and(|ailment| ailment.fails);
        if fails && self.status() == "CREATING" && self.is_due(now) {
            self.document["status"] = json!("CREATE_FAILED");
            self.due = None;
        }
    }

    /// As the API shows it now.
    pub(super) fn show(&self, ailment: Option<&Ailment>) -> Value {
        let mut document = self.document.clone();
        if let Some(ailment) = ailment {
            document["health"] = json!({ "issues": ailment.issues });
            if ailment.degraded && self.is_active() {
                document["status"] = json!("DEGRADED");
            }
        }
        document
    }
}

impl State {
    /// Brings everything to `now`; returns what is to be cleaned up of what is gone.
    pub(super) fn settle(&mut self, now: Timestamp, ailments: &Ailments) -> Vec<Leftovers> {
        let mut left = Vec::new();
        for (name, cluster) in &mut self.clusters {
            left.extend(cluster.settle(now, ailments, name));
        }
        self.clusters.retain(|name, cluster| {
            let stays = cluster.resource.settle(now);
            if !stays {
                let vpc = &cluster.resource.document["resourcesVpcConfig"];
                left.push(Leftovers::Cluster {
                    name: name.clone(),
                    region: cluster.region.clone(),
                    interfaces: cluster.interfaces.clone(),
                    security_group: vpc["clusterSecurityGroupId"].as_str().map(str::to_owned),
                });
            }
            stays
        });
        left
    }

    /// Whether [`Self::settle`] would change anything.
    pub(super) fn is_due(&self, now: Timestamp) -> bool {
        self.clusters.values().any(|cluster| cluster.is_due(now))
    }
}

impl Cluster {
    fn is_due(&self, now: Timestamp) -> bool {
        let in_progress = |update: &&Update| update.document["status"] == "InProgress";
        self.resource.is_due(now)
            || self
                .nodegroups
                .values()
                .any(|group| group.resource.is_due(now))
            || self.addons.values().any(|addon| addon.is_due(now))
            || self
                .updates
                .iter()
                .filter(in_progress)
                .any(|update| update.due <= now)
    }

    fn settle(&mut self, now: Timestamp, ailments: &Ailments, name: &str) -> Vec<Leftovers> {
        let mut updates = std::mem::take(&mut self.updates);
        for update in &mut updates {
            if update.document["status"] == "InProgress" && update.due <= now {
                update.document["status"] = json!("Successful");
                if let Some(resource) = self.resource_mut(&update.of) {
                    replace(&mut resource.document, &update.then);
                }
            }
        }
        self.updates = updates;
        for (group, nodegroup) in &mut self.nodegroups {
            let ailment = ailments.of(name, "nodegroup", group);
            nodegroup.resource.settle_creation(now, ailment);
        }
        for (addon, resource) in &mut self.addons {
            resource.settle_creation(now, ailments.of(name, "addon", addon));
        }
        let mut left = Vec::new();
        self.nodegroups.retain(|_, group| {
            let stays = group.resource.settle(now);
            if !stays {
                left.push(Leftovers::Nodegroup {
                    region: self.region.clone(),
                    made: group.made.clone(),
                });
            }
            stays
        });
        self.addons.retain(|_, addon| addon.settle(now));
        // Another of the same name has nothing to do with what was to become of the one before.
        let (groups, addons) = (&self.nodegroups, &self.addons);
        self.updates.retain(|update| match &update.of {
            Target::Cluster => true,
            Target::Nodegroup(name) => groups.contains_key(name),
            Target::Addon(name) => addons.contains_key(name),
        });
        left
    }

    pub(super) fn resource_mut(&mut self, target: &Target) -> Option<&mut Resource> {
        match target {
            Target::Cluster => Some(&mut self.resource),
            Target::Nodegroup(name) => self
                .nodegroups
                .get_mut(name)
                .map(|group| &mut group.resource),
            Target::Addon(name) => self.addons.get_mut(name),
        }
    }

    /// The update that is in progress.
    pub(super) fn in_progress(&self, target: &Target) -> Option<&str> {
        let running =
            |update: &&Update| update.of == *target && update.document["status"] == "InProgress";
        self.updates.iter().find(running)?.document["id"].as_str()
    }
}

/// Replaces members of an object by those of another.
pub(super) fn replace(document: &mut Value, by: &Value) {
    for (name, value) in by.as_object().into_iter().flatten() {
        document[name] = value.clone();
    }
}

/// A time as the JSON of EKS has it: seconds with a fraction.
pub(super) fn time(time: Timestamp) -> Value {
    #[expect(
        clippy::cast_precision_loss,
        reason = "milliseconds since 1970 have fewer than 53 bits"
    )]
    let milliseconds = time.as_millisecond() as f64;
    json!(milliseconds / 1000.0)
}
