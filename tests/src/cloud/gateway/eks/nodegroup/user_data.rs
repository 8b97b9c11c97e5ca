//! The user data of a managed node: the user's parts, then the `NodeConfig` that EKS writes.

use serde_json::Value;

use super::super::request::texts;

/// What `NodeConfig` says of the node's cluster and group.
#[derive(Debug)]
pub(super) struct Node<'a> {
    /// The cluster as the API shows it.
    pub(super) cluster: &'a Value,
    /// Labels, each `KEY=VALUE`.
    pub(super) labels: Vec<String>,
    /// Taints as the API has them.
    pub(super) taints: &'a Value,
}

/// The part of a MIME message that EKS adds.
pub(super) fn node_config(node: &Node<'_>) -> String {
    let cluster = |pointer: &str| node.cluster.pointer(pointer).and_then(Value::as_str);
    let cluster = |pointer: &str| cluster(pointer).unwrap_or_default();
    let cidr = cluster("/kubernetesNetworkConfig/serviceIpv4Cidr");
    let mut flags = format!("    - \"--node-labels={}\"\n", node.labels.join(","));
    let taints: Vec<String> = node
        .taints
        .as_array()
        .into_iter()
        .flatten()
        .map(taint)
        .collect();
    if !taints.is_empty() {
        flags.extend(["    - \"--register-with-taints=", &taints.join(","), "\"\n"]);
    }
    format!(
        "---\napiVersion: node.eks.aws/v1alpha1\nkind: NodeConfig\nspec:\n  cluster:\n    \
         apiServerEndpoint: {}\n    certificateAuthority: {}\n    cidr: {cidr}\n    name: {}\n  \
         kubelet:\n    config:\n      clusterDNS:\n      - {}\n    flags:\n{flags}",
        cluster("/endpoint"),
        cluster("/certificateAuthority/data"),
        cluster("/name"),
        dns_address(cidr),
    )
}

/// The user's message with the part of EKS behind the user's own; `None` if it is no MIME message.
pub(super) fn merge(user: Option<&str>, node_config: &str) -> Option<String> {
    let mut merged =
        String::from("MIME-Version: 1.0\nContent-Type: multipart/mixed; boundary=\"//\"\n\n");
    for part in user.map_or(Some(Vec::new()), parts)? {
        merged.push_str("--//\n");
        merged.push_str(part.trim_matches(['\r', '\n']));
        merged.push_str("\n\n");
    }
    merged.push_str("--//\nContent-Type: application/node.eks.aws\n\n");
    merged.push_str(node_config);
    merged.push_str("\n--//--\n");
    Some(merged)
}

/// The parts of a message, each with its headers.
fn parts(message: &str) -> Option<Vec<&str>> {
    let (head, body) = message
        .split_once("\r\n\r\n")
        .or_else(|| message.split_once("\n\n"))?;
    if !head.to_ascii_lowercase().contains("multipart/") {
        return None;
    }
    let (_, boundary) = head.split_once("boundary=")?;
    let boundary = boundary.lines().next()?.split(';').next()?;
    let delimiter = format!("--{}", boundary.trim().trim_matches('"'));
    let body = body.split(&format!("{delimiter}--")).next()?;
    Some(body.split(&delimiter).skip(1).collect())
}

/// `KEY=VALUE:EFFECT`, with the effect as Kubernetes writes it.
fn taint(taint: &Value) -> String {
    let text = |name: &str| taint[name].as_str().unwrap_or_default();
    let effect = match text("effect") {
        "NO_EXECUTE" => "NoExecute",
        "PREFER_NO_SCHEDULE" => "PreferNoSchedule",
        _ => "NoSchedule",
    };
    format!("{}={}:{effect}", text("key"), text("value"))
}

/// The tenth address of the services' network.
fn dns_address(cidr: &str) -> String {
    let network = cidr.split('/').next().unwrap_or_default();
    let prefix = network
        .rsplit_once('.')
        .map_or(network, |(prefix, _)| prefix);
    format!("{prefix}.10")
}

/// The labels that every managed node has, and those of its group.
pub(super) fn labels(document: &Value, image_id: &str) -> Vec<String> {
    let text = |name: &str| document[name].as_str().unwrap_or_default();
    let mut labels = vec![
        format!("eks.amazonaws.com/nodegroup-image={image_id}"),
        format!("eks.amazonaws.com/capacityType={}", text("capacityType")),
        format!("eks.amazonaws.com/nodegroup={}", text("nodegroupName")),
    ];
    let template = &document["launchTemplate"];
    if let (Some(id), Some(version)) = (template["id"].as_str(), template["version"].as_str()) {
        labels.push(format!("eks.amazonaws.com/sourceLaunchTemplateId={id}"));
        labels.push(format!(
            "eks.amazonaws.com/sourceLaunchTemplateVersion={version}"
        ));
    }
    for (key, value) in document["labels"].as_object().into_iter().flatten() {
        labels.push(format!("{key}={}", value.as_str().unwrap_or_default()));
    }
    labels
}

/// The subnets of a group as Auto Scaling wants them.
pub(super) fn zones(document: &Value) -> String {
    texts(&document["subnets"]).join(",")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn of_eks() -> String {
        let cluster = json!({
            "name": "blue",
            "endpoint": "https://E",
            "certificateAuthority": { "data": "Q0E=" },
            "kubernetesNetworkConfig": { "serviceIpv4Cidr": "10.100.0.0/16" },
        });
        node_config(&Node {
            cluster: &cluster,
            labels: vec!["a=b".to_owned()],
            taints: &json!([{ "key": "gpu", "value": "yes", "effect": "NO_EXECUTE" }]),
        })
    }

    #[test]
    fn the_node_config_is_one_that_the_agent_takes() {
        let merged = merge(None, &of_eks()).unwrap();
        assert!(merged.contains("      - 10.100.0.10\n"), "{merged}");
        assert!(
            merged.contains("--register-with-taints=gpu=yes:NoExecute"),
            "{merged}"
        );
        let found = node::config::user_data::split(merged.as_bytes()).unwrap();
        assert_eq!((found.documents.len(), found.warnings.len()), (1, 0));
    }

    #[test]
    fn the_parts_of_the_user_come_first() {
        let user = "MIME-Version: 1.0\nContent-Type: multipart/mixed; boundary=\"X\"\n\n--X\nContent-Type: text/x-shellscript\n\necho 1\n--X\nContent-Type: application/nodectl.dev\n\nkind: AgentConfig\n--X--\n";
        let merged = merge(Some(user), &of_eks()).unwrap();
        let places: Vec<_> = ["echo 1", "kind: AgentConfig", "kind: NodeConfig"]
            .map(|text| merged.find(text).unwrap())
            .to_vec();
        assert!(places.is_sorted(), "{merged}");
        assert_eq!(merged.matches("--//\n").count(), 3);
        assert!(!merged.contains("--X"));
        assert_eq!(merge(Some("#!/bin/bash\necho 1\n"), "x"), None);
    }
}
