//! One cluster's entries in a kubeconfig that may hold others: what is added, what is replaced, what stays.
//!
//! The document is handled as plain data, so that fields and entries of other tools stay as they are. Entries have the
//! names that `aws eks update-kubeconfig` gives them, and so replace its entries instead of standing beside them.

use serde_json::{Map, Value, json};

use crate::observe::aws::Access;
use crate::observe::eks::ClusterFacts;

/// Why a kubeconfig cannot take an entry.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// The document is not a mapping.
    #[error("the kubeconfig is not a mapping")]
    NotAMapping,
    /// A list of entries is something else.
    #[error("`{field}` of the kubeconfig is not a list")]
    NotAList {
        /// `clusters`, `contexts` or `users`.
        field: &'static str,
    },
}

/// What one list of the kubeconfig comes to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Change {
    /// There was no entry of that name.
    Added,
    /// The entry of that name was another.
    Replaced,
    /// The entry was there already.
    Unchanged,
}

/// The three entries of one cluster.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// Name of the context.
    pub context: String,
    /// Name of cluster and user.
    name: String,
    cluster: Value,
    user: Value,
}

impl Entry {
    /// The entries of a cluster. `command` is the credential plugin: `nodectl`, or its path if it is not on the `PATH`.
    pub fn new(
        cluster: &ClusterFacts,
        region: &str,
        access: &Access,
        alias: Option<&str>,
        command: &str,
    ) -> Self {
        let mut arguments = vec!["token", "--cluster-name", &cluster.name, "--region", region];
        if let Some(role_arn) = &access.role_arn {
            arguments.extend(["--role-arn", role_arn]);
        }
        let mut exec = json!({
            "apiVersion": "client.authentication.k8s.io/v1beta1",
            "command": command,
            "args": arguments,
            "installHint": "nodectl is not installed; see https://github.com/nodectl/nodectl",
            "interactiveMode": "Never",
            "provideClusterInfo": false,
        });
        if let Some(profile) = &access.profile {
            exec["env"] = json!([{"name": "AWS_PROFILE", "value": profile}]);
        }
        Self {
            context: alias.unwrap_or(&cluster.arn).to_owned(),
            name: cluster.arn.clone(),
            cluster: json!({
                "server": cluster.endpoint,
                "certificate-authority-data": cluster.certificate_authority,
            }),
            user: json!({ "exec": exec }),
        }
    }

    /// Puts the entries into `kubeconfig` and makes the context the current one.
    pub fn merge_into(&self, kubeconfig: Value) -> Result<(Value, Change), Error> {
        let mut document = match kubeconfig {
            Value::Object(document) => document,
            Value::Null => Map::new(),
            _ => return Err(Error::NotAMapping),
        };
        document.entry("apiVersion").or_insert_with(|| "v1".into());
        document.entry("kind").or_insert_with(|| "Config".into());
        document.insert("current-context".into(), self.context.clone().into());
        let context = json!({ "cluster": self.name, "user": self.name });
        let changes = [
            put(
                &mut document,
                "clusters",
                "cluster",
                &self.name,
                &self.cluster,
            )?,
            put(&mut document, "users", "user", &self.name, &self.user)?,
            put(
                &mut document,
                "contexts",
                "context",
                &self.context,
                &context,
            )?,
        ];
        // The context is what a person sees: it is new if its name is, and the same only if all three entries are.
        let change = match changes {
            [.., Change::Added] => Change::Added,
            _ if changes.iter().all(|change| *change == Change::Unchanged) => Change::Unchanged,
            _ => Change::Replaced,
        };
        Ok((Value::Object(document), change))
    }

    /// A kubeconfig with nothing but these entries.
    pub fn alone(&self) -> Result<Value, Error> {
        Ok(self.merge_into(Value::Null)?.0)
    }
}

fn put(
    document: &mut Map<String, Value>,
    field: &'static str,
    key: &str,
    name: &str,
    content: &Value,
) -> Result<Change, Error> {
    let list = document.entry(field).or_insert(Value::Null);
    if list.is_null() {
        *list = Value::Array(Vec::new());
    }
    let entries = list.as_array_mut().ok_or(Error::NotAList { field })?;
    let Some(entry) = entries
        .iter_mut()
        .find(|entry| entry.get("name").is_some_and(|found| found == name))
    else {
        entries.push(json!({ "name": name, key: content }));
        return Ok(Change::Added);
    };
    let mut wanted = content.clone();
    // A context keeps the namespace and the extensions that someone chose for it.
    if let (Some(wanted), Some(found)) = (
        wanted.as_object_mut(),
        entry.get(key).and_then(Value::as_object),
    ) {
        for kept in ["namespace", "extensions"] {
            if let Some(value) = found.get(kept) {
                wanted.insert(kept.into(), value.clone());
            }
        }
    }
    if entry.get(key) == Some(&wanted) {
        return Ok(Change::Unchanged);
    }
    *entry = json!({ "name": name, key: wanted });
    Ok(Change::Replaced)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn facts() -> ClusterFacts {
        ClusterFacts {
            name: "prod".into(),
            arn: "arn:aws:eks:eu-west-1:111122223333:cluster/prod".into(),
            endpoint: "https://ABC.gr7.eu-west-1.eks.amazonaws.com".into(),
            certificate_authority: "LS0tLS1CRUdJTg==".into(),
        }
    }

    fn entry(alias: Option<&str>) -> Entry {
        let access = Access {
            profile: Some("work".into()),
            ..Access::default()
        };
        Entry::new(&facts(), "eu-west-1", &access, alias, "nodectl")
    }

    fn parse(text: &str) -> Value {
        serde_saphyr::from_str(text).unwrap()
    }

    #[test]
    fn a_new_kubeconfig_holds_one_cluster() {
        let yaml = crate::print::document::yaml(&entry(None).alone().unwrap()).unwrap();
        insta::assert_snapshot!(yaml);
    }

    #[test]
    fn entries_and_fields_of_others_stay() {
        let before = parse(
            "{apiVersion: v1, kind: Config, preferences: {colors: true}, current-context: old, x-mine: 1,
              clusters: [{name: old, cluster: {server: 'https://old', x: y}}],
              contexts: [{name: old, context: {cluster: old, user: old}}], users: null}",
        );
        let (after, change) = entry(Some("prod")).merge_into(before.clone()).unwrap();
        assert_eq!(change, Change::Added);
        assert_eq!(after["current-context"], "prod");
        assert_eq!(after["clusters"][0], before["clusters"][0]);
        assert_eq!(after["contexts"][0], before["contexts"][0]);
        assert_eq!(
            (&after["preferences"], &after["x-mine"]),
            (&before["preferences"], &before["x-mine"])
        );
        assert_eq!(after["users"].as_array().map(Vec::len), Some(1));
    }

    #[test]
    fn merging_twice_changes_nothing() {
        let (once, _) = entry(None).merge_into(Value::Null).unwrap();
        let (twice, change) = entry(None).merge_into(once.clone()).unwrap();
        assert_eq!((twice, change), (once, Change::Unchanged));
    }

    #[test]
    fn an_entry_of_the_aws_cli_is_replaced_and_the_namespace_stays() {
        let arn = facts().arn;
        let before = json!({
            "contexts": [{"name": arn, "context": {"cluster": arn, "user": arn, "namespace": "shop"}}],
            "users": [{"name": arn, "user": {"exec": {"command": "aws"}}}],
        });
        let (after, change) = entry(None).merge_into(before).unwrap();
        assert_eq!(change, Change::Replaced);
        assert_eq!(after["contexts"][0]["context"]["namespace"], "shop");
        assert_eq!(after["users"].as_array().map(Vec::len), Some(1));
        assert_eq!(after["users"][0]["user"]["exec"]["command"], "nodectl");
    }

    #[test]
    fn what_is_not_a_kubeconfig_is_refused() {
        assert_eq!(entry(None).merge_into(json!([])), Err(Error::NotAMapping));
        assert_eq!(
            entry(None).merge_into(json!({"users": "x"})),
            Err(Error::NotAList { field: "users" })
        );
    }
}
