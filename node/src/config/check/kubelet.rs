//! `spec.kubelet` without its flags.

use serde_json::Value;

use super::{Problem, flags};
use crate::config::node_config::Kubelet;
use crate::max_pods::expression as cel;

const KIND: &str = "KubeletConfiguration";
const API_VERSION: &str = "kubelet.config.k8s.io/v1beta1";

pub(super) fn check(kubelet: &Kubelet) -> Vec<Problem> {
    let mut problems = Vec::new();
    for (key, expected) in [("kind", KIND), ("apiVersion", API_VERSION)] {
        let value = kubelet.config.get(key);
        if value.is_some_and(|value| value != expected && !value.is_null()) {
            problems.push(Problem::warning(
                &["spec", "kubelet", "config", key],
                format!("is not `{expected}`, so the kubelet refuses its configuration"),
            ));
        }
    }
    let taints = kubelet
        .config
        .get("registerWithTaints")
        .and_then(Value::as_array);
    for (index, taint) in taints.into_iter().flatten().enumerate() {
        let text = |key: &str| taint.get(key).and_then(Value::as_str).unwrap_or_default();
        if let Some(detail) = flags::taint_problem(text("key"), text("value"), text("effect")) {
            let index = format!("[{index}]");
            problems.push(Problem::warning(
                &["spec", "kubelet", "config", "registerWithTaints", &index],
                detail,
            ));
        }
    }
    problems
}

/// Whether `maxPodsExpression` compiles. A boot says so when it evaluates it, and goes on as nodeadm does.
pub(super) fn expression(kubelet: &Kubelet) -> Option<Problem> {
    let text = &kubelet.max_pods_expression;
    if text.is_empty() {
        return None;
    }
    let error = cel::compile(text).err()?;
    Some(Problem::warning(
        &["spec", "kubelet", "maxPodsExpression"],
        format!("does not compile: {error}"),
    ))
}
