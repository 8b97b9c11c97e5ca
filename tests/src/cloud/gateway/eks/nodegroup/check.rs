//! What EKS refuses of a request for a node group before it looks at anything else.

use serde_json::{Value, json};

use super::super::request::Request;
use super::super::words;
use crate::cloud::gateway::fault::Fault;

/// Only Kubernetes and EKS themselves set labels with these.
const RESERVED: [&str; 3] = ["kubernetes.io/", "k8s.io/", "eks.amazonaws.com/"];

pub(super) fn request(request: &Request) -> Result<(), Fault> {
    let name = request.need("nodegroupName")?;
    let is_word = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
    if name.len() > 63 || !name.chars().all(is_word) {
        let message =
            "nodegroupName must match ^[0-9A-Za-z][A-Za-z0-9\\-_]* and have at most 63 characters";
        return Err(words::invalid(message));
    }
    if request.texts("subnets").is_empty() {
        return Err(words::invalid("Subnets can't be empty"));
    }
    sizes(&scaling(request.get("scalingConfig")))?;
    labels(request.get("labels"))?;
    taints(request.get("taints"))?;
    update_config(request.get("updateConfig"))
}

/// The sizes with what EKS fills in.
pub(super) fn scaling(asked: &Value) -> Value {
    let number = |name: &str, default: i64| asked[name].as_i64().unwrap_or(default);
    let (min, desired) = (number("minSize", 1), number("desiredSize", 2));
    json!({ "minSize": min, "maxSize": number("maxSize", 2), "desiredSize": desired })
}

pub(super) fn sizes(scaling: &Value) -> Result<(), Fault> {
    let size = |name: &str| scaling[name].as_i64().unwrap_or_default();
    let (min, max, desired) = (size("minSize"), size("maxSize"), size("desiredSize"));
    let problem = if max < 1 {
        "maxSize must be at least 1".to_owned()
    } else if min < 0 || desired < 0 {
        "minSize and desiredSize must not be negative".to_owned()
    } else if min > desired {
        format!("Minimum capacity {min} can't be greater than desired size {desired}")
    } else if desired > max {
        format!("desired capacity {desired} can't be greater than max size {max}")
    } else {
        return Ok(());
    };
    Err(words::invalid(problem))
}

pub(super) fn labels(labels: &Value) -> Result<(), Fault> {
    let mut keys = labels
        .as_object()
        .into_iter()
        .flat_map(serde_json::Map::keys);
    let is_reserved = |key: &String| {
        let domain = key.split_once('/').map(|(domain, _)| format!("{domain}/"));
        domain.is_some_and(|domain| RESERVED.iter().any(|prefix| domain.ends_with(prefix)))
    };
    if keys.any(is_reserved) {
        let message =
            "Label cannot contain reserved prefixes [kubernetes.io/, k8s.io/, eks.amazonaws.com/]";
        return Err(words::bad_request(message));
    }
    Ok(())
}

pub(super) fn taints(taints: &Value) -> Result<(), Fault> {
    let mut taints = taints.as_array().into_iter().flatten();
    let is_wrong = |taint: &Value| {
        let effect = taint["effect"].as_str().unwrap_or_default();
        !["NO_SCHEDULE", "NO_EXECUTE", "PREFER_NO_SCHEDULE"].contains(&effect)
    };
    if taints.any(is_wrong) {
        let message = "Taint effect must be one of NO_SCHEDULE, NO_EXECUTE, PREFER_NO_SCHEDULE";
        return Err(words::invalid(message));
    }
    Ok(())
}

pub(super) fn update_config(config: &Value) -> Result<(), Fault> {
    if config.is_null() {
        return Ok(());
    }
    let count = config["maxUnavailable"].as_i64();
    let percentage = config["maxUnavailablePercentage"].as_i64();
    if count.is_some() == percentage.is_some() {
        let message =
            "Exactly one of maxUnavailable and maxUnavailablePercentage must be specified";
        return Err(words::invalid(message));
    }
    if (1..=100).contains(&count.or(percentage).unwrap_or_default()) {
        return Ok(());
    }
    Err(words::invalid("maxUnavailable must be between 1 and 100"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_in_order() {
        assert_eq!(
            scaling(&Value::Null),
            json!({ "minSize": 1, "maxSize": 2, "desiredSize": 2 })
        );
        let check = |min, max, desired| {
            let sizes = json!({ "minSize": min, "maxSize": max, "desiredSize": desired });
            super::sizes(&sizes).is_ok()
        };
        assert!(check(0, 1, 0) && check(1, 3, 2));
        assert!(!check(3, 4, 2) && !check(1, 2, 3) && !check(0, 0, 0));
    }

    #[test]
    fn labels_of_kubernetes_itself_are_refused() {
        let check = |key: &str| labels(&json!({ key: "1" })).is_ok();
        assert!(check("team") && check("example.com/team"));
        assert!(!check("node.kubernetes.io/x") && !check("eks.amazonaws.com/nodegroup"));
    }

    #[test]
    fn nodes_are_updated_by_number_or_by_share() {
        assert!(update_config(&json!({ "maxUnavailablePercentage": 33 })).is_ok());
        let both = json!({ "maxUnavailable": 1, "maxUnavailablePercentage": 33 });
        assert!(update_config(&both).is_err());
        assert!(update_config(&json!({ "maxUnavailable": 0 })).is_err());
        assert!(taints(&json!([{ "key": "a", "effect": "NoSchedule" }])).is_err());
    }
}
