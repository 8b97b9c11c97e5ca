//! Why may the kubelet not create its Node? A creation of our own, which the API server only pretends to make.
//!
//! Asked for when the kubelet says that it cannot register: its lines leave out the answer.

use k8s_openapi::api::core::v1::Node;
use kube::api::{ObjectMeta, PostParams};
use kube::{Api, Client};
use node::finding;
use tokio::time::timeout;

use super::{DEADLINE, Outcome};

/// Tries a Node of this name and nothing more; `None`: there is no answer in time.
pub async fn ask(client: Client, node_name: &str) -> Option<kube::Result<Node>> {
    let node = Node {
        metadata: ObjectMeta {
            name: Some(node_name.to_owned()),
            ..ObjectMeta::default()
        },
        ..Node::default()
    };
    let parameters = PostParams {
        dry_run: true,
        ..PostParams::default()
    };
    let nodes: Api<Node> = Api::all(client);
    timeout(DEADLINE, nodes.create(&parameters, &node))
        .await
        .ok()
}

/// What the answer means.
pub fn judge(asked: Option<&kube::Result<Node>>) -> Outcome {
    match asked {
        Some(Err(kube::Error::Api(status))) if status.code == 403 => Outcome::fault(
            &finding::JOIN_REGISTRATION_FORBIDDEN,
            format!("POST /api/v1/nodes?dryRun=All: 403 {}", status.message),
        ),
        // Labels and taints that the kubelet gives its Node may be what is refused; or it is over.
        _ => Outcome::Passed,
    }
}

#[cfg(test)]
mod tests {
    use kube::core::Status;

    use super::*;

    fn refused(code: u16, message: &str) -> Outcome {
        let status = Status {
            code,
            message: message.into(),
            ..Status::default()
        };
        judge(Some(&Err(kube::Error::Api(Box::new(status)))))
    }

    #[test]
    fn the_words_of_the_refusal_are_told() {
        assert_eq!(
            refused(403, "nodes \"a\" is forbidden: no owner").told(),
            (
                "join.registration_forbidden",
                "POST /api/v1/nodes?dryRun=All: 403 nodes \"a\" is forbidden: no owner"
            )
        );
        assert_eq!(refused(409, "there is one"), Outcome::Passed);
        assert_eq!(judge(Some(&Ok(Node::default()))), Outcome::Passed);
        assert_eq!(judge(None), Outcome::Passed);
    }
}
