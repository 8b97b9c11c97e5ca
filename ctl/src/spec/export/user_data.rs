//! User data of a launch template of ours, taken apart into what the document said.

use std::collections::BTreeMap;

use node::config::{agent_config, node_config};
use serde_json::{Map, Value};

use crate::spec::{Effect, Kubelet, Taint, UserDataPart};

/// What user data said.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Told {
    /// Parts of the user's own.
    pub(super) parts: Vec<UserDataPart>,
    pub(super) kubelet: Kubelet,
    pub(super) max_pods: Option<u32>,
    /// Labels that a self-managed node gives itself.
    pub(super) labels: BTreeMap<String, String>,
    /// Taints that a self-managed node gives itself.
    pub(super) taints: Vec<Taint>,
    pub(super) agent_config: Option<Value>,
    /// Whether the agent is to look after Systems Manager.
    pub(super) ssm: bool,
}

/// Takes user data apart. `has_cluster` says whether our NodeConfig names the cluster, as it does where EKS adds none.
pub(super) fn told(user_data: Option<&str>, has_cluster: bool) -> Told {
    let mut told = Told {
        ssm: true,
        ..Told::default()
    };
    let mut parts = user_data.map(parts).unwrap_or_default();
    if let Some(spec) = take_last(&mut parts, agent_config::MEDIA_TYPE, |_| true) {
        agent(&mut told, spec);
    }
    let is_ours = |spec: &Value| has_cluster || only_kubelet(spec);
    if let Some(spec) = take_last(&mut parts, node_config::MEDIA_TYPE, is_ours) {
        node(&mut told, &spec, has_cluster);
    }
    told.parts = parts;
    told
}

/// The parts of a message. Each is preceded by a line with the boundary and its media type.
fn parts(message: &str) -> Vec<UserDataPart> {
    let boundary = message
        .split_once("boundary=\"")
        .and_then(|(_, rest)| rest.split_once('"'))
        .map(|(boundary, _)| boundary);
    let Some(boundary) = boundary else {
        return Vec::new();
    };
    let end = format!("\n--{boundary}--");
    let body = message.split_once(&end).map_or(message, |(body, _)| body);
    body.split(&format!("\n--{boundary}\n"))
        .skip(1)
        .filter_map(|part| {
            let (header, content) = part.split_once("\n\n")?;
            Some(UserDataPart {
                content_type: header.strip_prefix("Content-Type: ")?.to_owned(),
                content: Some(content.to_owned()),
                file: None,
            })
        })
        .collect()
}

/// Takes away the last part of a media type, and gives the `spec` of its document, if it is the one that is looked for.
fn take_last(
    parts: &mut Vec<UserDataPart>,
    media_type: &str,
    is_it: impl Fn(&Value) -> bool,
) -> Option<Value> {
    let index = parts
        .iter()
        .rposition(|part| part.content_type == media_type)?;
    let text = parts.get(index)?.content.as_deref()?;
    let document: Value = serde_saphyr::from_str(text).ok()?;
    let spec = document.get("spec").cloned().filter(is_it)?;
    parts.remove(index);
    Some(spec)
}

fn only_kubelet(spec: &Value) -> bool {
    spec.as_object()
        .is_some_and(|spec| spec.keys().all(|key| key == "kubelet"))
}

fn agent(told: &mut Told, mut spec: Value) {
    let off = serde_json::json!({ "enabled": false });
    if spec.get("ssm") == Some(&off) {
        told.ssm = false;
        if let Value::Object(fields) = &mut spec {
            fields.remove("ssm");
        }
    }
    told.agent_config = Some(spec).filter(|spec| {
        let fields = spec.as_object();
        fields.is_none_or(|fields| !fields.is_empty())
    });
}

fn node(told: &mut Told, spec: &Value, has_cluster: bool) {
    let kubelet = |field: &str| spec.get("kubelet")?.get(field);
    let mut config: Map<String, Value> = kubelet("config")
        .and_then(Value::as_object)
        .cloned()
        .unwrap_or_default();
    told.max_pods = config
        .remove("maxPods")
        .and_then(|most| most.as_u64())
        .and_then(|most| u32::try_from(most).ok());
    told.kubelet.config = (!config.is_empty()).then_some(Value::Object(config));
    let flags = kubelet("flags").and_then(Value::as_array);
    let flags = flags.into_iter().flatten().filter_map(Value::as_str);
    for flag in flags {
        match flag.split_once('=') {
            Some(("--node-labels", labels)) if has_cluster && told.labels.is_empty() => {
                told.labels = labels.split(',').filter_map(label).collect();
            }
            Some(("--register-with-taints", taints)) if has_cluster && told.taints.is_empty() => {
                told.taints = taints.split(',').filter_map(taint).collect();
            }
            _ => told.kubelet.flags.push(flag.to_owned()),
        }
    }
}

fn label(pair: &str) -> Option<(String, String)> {
    let (key, value) = pair.split_once('=')?;
    Some((key.to_owned(), value.to_owned()))
}

/// `KEY[=VALUE]:EFFECT`
fn taint(text: &str) -> Option<Taint> {
    let (pair, effect) = text.rsplit_once(':')?;
    let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
    let effect = Effect::ALL
        .into_iter()
        .find(|known| known.name() == effect)?;
    Some(Taint {
        key: key.to_owned(),
        value: value.to_owned(),
        effect,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const MESSAGE: &str = "MIME-Version: 1.0\nContent-Type: multipart/mixed; boundary=\"B\"\n\
        \n--B\nContent-Type: text/x-shellscript\n\n#!/bin/sh\necho\n\
        \n--B\nContent-Type: application/node.eks.aws\n\napiVersion: node.eks.aws/v1alpha1\nkind: NodeConfig\nspec:\n  \
        cluster:\n    name: \"prod\"\n  kubelet:\n    config:\n      maxPods: 20\n      imageGCHighThresholdPercent: 70\n    \
        flags:\n    - --node-labels=a=b,c=d\n    - --register-with-taints=e=f:NoSchedule,g:NoExecute\n    - --v=3\n\
        \n--B\nContent-Type: application/nodectl.dev\n\napiVersion: nodectl.dev/v1alpha1\nkind: AgentConfig\nspec:\n  ssm:\n    \
        enabled: false\n\n--B--\n";

    #[test]
    fn user_data_of_a_self_managed_group_is_taken_apart() {
        let told = told(Some(MESSAGE), true);
        let taint = |key: &str, value: &str, effect| Taint {
            key: key.to_owned(),
            value: value.to_owned(),
            effect,
        };
        let expected = Told {
            parts: vec![UserDataPart {
                content_type: "text/x-shellscript".to_owned(),
                content: Some("#!/bin/sh\necho\n".to_owned()),
                file: None,
            }],
            kubelet: Kubelet {
                config: Some(serde_json::json!({ "imageGCHighThresholdPercent": 70 })),
                flags: vec!["--v=3".to_owned()],
            },
            max_pods: Some(20),
            labels: BTreeMap::from([
                ("a".to_owned(), "b".to_owned()),
                ("c".to_owned(), "d".to_owned()),
            ]),
            taints: vec![
                taint("e", "f", Effect::NoSchedule),
                taint("g", "", Effect::NoExecute),
            ],
            agent_config: None,
            ssm: false,
        };
        assert_eq!(told, expected);
    }

    #[test]
    fn a_node_config_of_the_users_own_stays_a_part() {
        // It names the cluster, which ours does not where EKS adds that.
        let told = told(Some(MESSAGE), false);
        assert_eq!(told.parts.len(), 2);
        assert_eq!(told.max_pods, None);
    }

    #[test]
    fn no_user_data_says_nothing() {
        let nothing = Told {
            ssm: true,
            ..Told::default()
        };
        assert_eq!(told(None, true), nothing);
        assert_eq!(told(Some("#!/bin/sh\n"), true), nothing);
    }
}
