//! Tags of anything that EKS has, by its ARN.

use serde_json::{Value, json};

use super::state::Cluster;
use super::{Fault, Held, Work, entries_of, no_such_call, words};

impl Work<'_> {
    pub(super) fn tags(
        &self,
        held: &mut Held<'_>,
        method: &str,
        arn: &str,
    ) -> Result<Value, Fault> {
        let eks = self.eks;
        let resource = arn.splitn(6, ':').nth(5).unwrap_or_default();
        let parts: Vec<&str> = resource.split('/').collect();
        let not_found = || words::not_found(format!("No resource found for ARN: {arn}"));
        let name = *parts.get(1).ok_or_else(not_found)?;
        let cluster = held.cluster(name).map_err(|_| not_found())?;
        if let ["access-entry", _, ..] = parts[..] {
            let changed = entries_of(eks, cluster, name, |entries| {
                let id = parts.last().copied().unwrap_or_default();
                let entry = entries.values_mut().find(|entry| entry.unique_id == id);
                Ok(entry.map(|entry| {
                    let mut tags = json!(entry.tags);
                    let answer = self.change_tags(method, &mut tags);
                    entry.tags = serde_json::from_value(tags).unwrap_or_default();
                    answer
                }))
            });
            let changed = changed.map_err(|error| Fault::internal(&error))?;
            return changed.ok_or_else(not_found)?;
        }
        let document = document(cluster, &parts).ok_or_else(not_found)?;
        self.change_tags(method, &mut document["tags"])
    }

    fn change_tags(&self, method: &str, tags: &mut Value) -> Result<Value, Fault> {
        match method {
            "GET" => Ok(json!({ "tags": tags })),
            "POST" => {
                for (key, value) in self.request.get("tags").as_object().into_iter().flatten() {
                    if key.starts_with("aws:") {
                        let message = "Tag keys must not begin with aws:";
                        return Err(words::bad_request(message));
                    }
                    tags[key] = value.clone();
                }
                Ok(json!({}))
            }
            "DELETE" => {
                for key in self.request.query_all("tagKeys") {
                    if let Some(tags) = tags.as_object_mut() {
                        tags.remove(&key);
                    }
                }
                Ok(json!({}))
            }
            _ => Err(no_such_call()),
        }
    }
}

/// The resource of `cluster/NAME`, `nodegroup/CLUSTER/NAME/ID`, and so on.
fn document<'a>(cluster: &'a mut Cluster, parts: &[&str]) -> Option<&'a mut Value> {
    Some(match parts {
        ["cluster", _] => &mut cluster.resource.document,
        ["nodegroup", _, name, _] => &mut cluster.nodegroups.get_mut(*name)?.resource.document,
        ["addon", _, name, _] => &mut cluster.addons.get_mut(*name)?.document,
        ["podidentityassociation", _, id] => &mut cluster.pod_identities.get_mut(*id)?.document,
        _ => return None,
    })
}
