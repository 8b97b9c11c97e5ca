//! Labels of the Node whose values are in the instance metadata, as AgentConfig asks for them.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use node::chain::Chain;
use node::config::label;
use tokio::task::JoinSet;

use crate::host::imds::Imds;

/// Labels and what a person should know about them.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Labels {
    /// Value by name.
    pub values: BTreeMap<String, String>,
    /// Labels that are missing or not quite what the metadata says.
    pub warnings: Vec<String>,
}

/// Fetches the labels that are asked for, by name with the path below `/latest/meta-data/` of each; all at once, and
/// nothing when none is asked for. What IMDS does not have is no label, and neither is what may not be one: a boot does not
/// end for a label.
pub async fn fetch(imds: &Imds, asked_for: &BTreeMap<String, String>) -> Labels {
    let mut labels = Labels::default();
    let mut fetches = JoinSet::new();
    for (name, path) in asked_for {
        let problem = label::name_problem(name).or_else(|| label::path_problem(path));
        if let Some(problem) = problem {
            labels.warnings.push(format!(
                "`spec.labels` of AgentConfig: label `{name}` is not set: {problem}"
            ));
            continue;
        }
        let (imds, name, path) = (imds.clone(), name.clone(), path.clone());
        fetches.spawn(async move {
            let answer = imds.text(&format!("/latest/meta-data/{path}")).await;
            (name, path, answer)
        });
    }
    let mut answers = fetches.join_all().await;
    answers.sort_by(|(one, ..), (other, ..)| one.cmp(other));
    for (name, path, answer) in answers {
        match answer {
            Ok(Some(text)) => labels.take(name, &path, &text),
            Ok(None) => labels.warnings.push(missing(&name, &path)),
            Err(error) => labels
                .warnings
                .push(format!("label `{name}` is not set: {}", Chain(&error))),
        }
    }
    labels
}

impl Labels {
    fn take(&mut self, name: String, path: &str, text: &str) {
        let value = label::sanitise(text);
        if value.is_empty() && !text.is_empty() {
            self.warnings.push(format!(
                "label `{name}` is not set: nothing of `{path}` in the instance metadata can be a label's value"
            ));
            return;
        }
        if value != text {
            self.warnings.push(format!(
                "label `{name}` is `{value}`, which is not quite what `{path}` in the instance metadata says: a label's value has at most 63 letters, digits, `-`, `_` and `.`"
            ));
        }
        self.values.insert(name, value);
    }
}

fn missing(name: &str, path: &str) -> String {
    let mut warning = format!("label `{name}` is not set: the instance metadata has no `{path}`");
    if path.starts_with("tags/") {
        write!(
            warning,
            "; the instance has no such tag, or its tags are not allowed in the metadata (`aws ec2 modify-instance-metadata-options --instance-metadata-tags enabled`)"
        )
        .unwrap_or_default();
    }
    warning
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use axum::Router;
    use axum::routing::{get, put};

    use super::*;

    async fn imds() -> Imds {
        const META_DATA: &str = "/latest/meta-data";
        let router = Router::new()
            .route("/latest/api/token", put(async || "token"))
            .route(
                &format!("{META_DATA}/instance-life-cycle"),
                get(async || "spot"),
            )
            .route(
                &format!("{META_DATA}/tags/instance/team"),
                get(async || "Blue & Green"),
            )
            .route(
                &format!("{META_DATA}/tags/instance/odd"),
                get(async || "***"),
            )
            .route(&format!("{META_DATA}/iam/info"), get(async || "secret"));
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let endpoint = format!("http://{}", listener.local_addr().unwrap());
        tokio::spawn(async move { axum::serve(listener, router).await });
        Imds::new(Some(&endpoint), Duration::from_secs(5))
    }

    fn asked_for(labels: &[(&str, &str)]) -> BTreeMap<String, String> {
        labels
            .iter()
            .map(|(name, path)| ((*name).to_owned(), (*path).to_owned()))
            .collect()
    }

    #[tokio::test]
    async fn values_come_from_the_instance_metadata() {
        let asked_for = asked_for(&[
            ("example.com/lifecycle", "instance-life-cycle"),
            ("team", "tags/instance/team"),
            ("odd", "tags/instance/odd"),
            ("rack", "placement/partition-number"),
            ("owner", "tags/instance/owner"),
        ]);
        let Labels { values, warnings } = fetch(&imds().await, &asked_for).await;
        let expected = [("example.com/lifecycle", "spot"), ("team", "Blue___Green")];
        assert_eq!(
            values,
            expected
                .map(|(name, value)| (name.to_owned(), value.to_owned()))
                .into()
        );
        let [odd, owner, rack, team] = &*warnings else {
            panic!("{warnings:?}")
        };
        assert!(
            odd.starts_with("label `odd` is not set: nothing of"),
            "{odd}"
        );
        assert!(
            owner.contains("--instance-metadata-tags enabled"),
            "{owner}"
        );
        assert_eq!(
            rack,
            "label `rack` is not set: the instance metadata has no `placement/partition-number`"
        );
        assert!(
            team.starts_with("label `team` is `Blue___Green`, which"),
            "{team}"
        );
    }

    #[tokio::test]
    async fn what_may_not_become_a_label_is_not_fetched() {
        let asked_for = asked_for(&[
            ("key", "iam/security-credentials/worker"),
            ("node-role.kubernetes.io/worker", "instance-type"),
        ]);
        // No service there: an attempt to fetch would be in the warnings.
        let imds = Imds::new(Some("http://127.0.0.1:9"), Duration::ZERO);
        let Labels { values, warnings } = fetch(&imds, &asked_for).await;
        assert!(values.is_empty(), "{values:?}");
        let [path, name] = &*warnings else {
            panic!("{warnings:?}")
        };
        assert!(
            path.starts_with("`spec.labels` of AgentConfig: label `key` is not set: `iam/security-credentials/worker` of the instance metadata cannot become a label"),
            "{path}"
        );
        assert!(
            name.contains("`node-role.kubernetes.io/worker` is reserved"),
            "{name}"
        );
    }

    #[tokio::test(start_paused = true)]
    async fn without_imds_the_node_boots_without_the_label() {
        let imds = Imds::new(Some("http://127.0.0.1:9"), Duration::ZERO);
        let asked_for = asked_for(&[("zone", "placement/availability-zone")]);
        let labels = fetch(&imds, &asked_for).await;
        assert!(labels.values.is_empty());
        let [warning] = &*labels.warnings else {
            panic!("{labels:?}")
        };
        assert!(
            warning.starts_with("label `zone` is not set: no answer for"),
            "{warning}"
        );
    }
}
