//! The NodeConfig of a group's launch template: <https://awslabs.github.io/amazon-eks-ami/nodeadm/doc/api/>.

use std::collections::BTreeMap;

use node::config::node_config::{API_VERSION, KIND};
use node::config::write;
use serde_json::{Map, Value, json};

use super::scope::Scope;
use crate::resource::{Attribute, Text};
use crate::spec::{Effect, GroupKind, NodeGroup, Taint};

/// The document; none when EKS says everything that there is to say.
///
/// To a managed group whose AMI EKS chooses it only says what differs, since EKS adds a document of its own with the cluster,
/// the labels and the taints. Nodes of any other AMI need the cluster, and nodes that we launch their labels and taints.
pub(super) fn node_config(scope: &Scope<'_>, group: &NodeGroup) -> Option<Text> {
    let is_self_managed = group.kind == GroupKind::SelfManaged;
    let kubelet = kubelet(group, is_self_managed);
    let needs_cluster = is_self_managed || group.ami.is_custom();
    if !needs_cluster && kubelet.is_empty() {
        return None;
    }
    let header = format!("apiVersion: {API_VERSION}\nkind: {KIND}\nspec:\n");
    let mut texts = vec![header.into()];
    if needs_cluster {
        texts.extend(cluster(scope));
    }
    if !kubelet.is_empty() {
        texts.push(indented(&json!({ "kubelet": kubelet })).into());
    }
    Some(Text::join(texts))
}

/// The cluster to join: its name is known, the rest only once it exists.
fn cluster(scope: &Scope<'_>) -> Vec<Text> {
    let of = |attribute| Text::of(&scope.cluster(), attribute);
    vec![
        format!(
            "  cluster:\n    name: \"{}\"\n    apiServerEndpoint: \"",
            scope.name()
        )
        .into(),
        of(Attribute::Endpoint),
        "\"\n    certificateAuthority: \"".into(),
        of(Attribute::CertificateAuthority),
        "\"\n    cidr: \"".into(),
        of(Attribute::ServiceCidr),
        "\"\n".into(),
    ]
}

fn kubelet(group: &NodeGroup, is_self_managed: bool) -> Map<String, Value> {
    let mut kubelet = Map::new();
    let mut config = Map::new();
    if let Some(max_pods) = group.max_pods {
        config.insert("maxPods".to_owned(), json!(max_pods));
    }
    if let Some(Value::Object(own)) = &group.kubelet.config {
        config.extend(own.clone());
    }
    if !config.is_empty() {
        kubelet.insert("config".to_owned(), Value::Object(config));
    }
    let mut flags = Vec::new();
    if is_self_managed {
        flags.extend(node_labels(&group.labels));
        flags.extend(register_with_taints(&group.taints));
    }
    flags.extend(group.kubelet.flags.clone());
    if !flags.is_empty() {
        kubelet.insert("flags".to_owned(), json!(flags));
    }
    kubelet
}

fn node_labels(labels: &BTreeMap<String, String>) -> Option<String> {
    let pairs: Vec<String> = labels
        .iter()
        .map(|(key, value)| format!("{key}={value}"))
        .collect();
    (!pairs.is_empty()).then(|| format!("--node-labels={}", pairs.join(",")))
}

fn register_with_taints(taints: &[Taint]) -> Option<String> {
    let taints: Vec<String> = taints.iter().map(taint).collect();
    (!taints.is_empty()).then(|| format!("--register-with-taints={}", taints.join(",")))
}

/// A taint as the kubelet reads it.
fn taint(taint: &Taint) -> String {
    let effect = Effect::name(taint.effect);
    if taint.value.is_empty() {
        format!("{}:{effect}", taint.key)
    } else {
        format!("{}={}:{effect}", taint.key, taint.value)
    }
}

fn indented(document: &Value) -> String {
    let text = write::yaml(document).unwrap_or_default();
    let lines: Vec<&str> = text.lines().collect();
    format!("  {}\n", lines.join("\n  "))
}
