//! What AWS or the cluster has of a machine that does not run yet.

use std::time::Duration;

use k8s_openapi::api::{
    admissionregistration::v1::{ValidatingAdmissionPolicy, ValidatingAdmissionPolicyBinding},
    core::v1::Node,
};
use kube::{Api, api::PostParams};
use lab::{
    cloud::{credentials::CredentialStore, record::MachineRecord},
    control_plane,
    lifecycle::Lab,
};
use serde_json::json;

/// What the metadata service goes on giving when AWS cannot renew the credentials of a role.
pub(super) fn expire_credentials(lab: &Lab, record: &mut MachineRecord) {
    let role = record.role.clone().unwrap();
    let store = CredentialStore::new(&lab.layout.run(), &record.account_id);
    let minted = store
        .mint_role_session(&role, &record.instance_id, Duration::ZERO)
        .unwrap();
    let document = json!({
        "Code": "Success",
        "LastUpdated": minted.minted_at,
        "Type": "AWS-HMAC",
        "AccessKeyId": minted.access_key_id,
        "SecretAccessKey": minted.secret_access_key,
        "Token": minted.session_token,
        "Expiration": minted.expiration,
    });
    let path = format!("iam/security-credentials/{role}");
    record.metadata.insert(path, document.to_string());
}

/// A Node of the machine's name, registered by somebody else.
pub(super) fn create_node(lab: &Lab, record: &MachineRecord, provider_id: &str) {
    let node: Node = serde_json::from_value(json!({
        "metadata": {"name": record.local_hostname},
        "spec": {"providerID": provider_id},
    }))
    .unwrap();
    lab.inside(|| async {
        let client = control_plane::client(&lab.layout).await.unwrap();
        let nodes: Api<Node> = Api::all(client);
        nodes.create(&PostParams::default(), &node).await.unwrap();
    })
    .unwrap();
}

/// A policy as clusters have them that want labels of their own on every Node.
pub(super) fn forbid_node(lab: &Lab, record: &MachineRecord) {
    let name = format!("no-{}", record.name);
    let policy: ValidatingAdmissionPolicy = serde_json::from_value(json!({
        "metadata": {"name": name},
        "spec": {
            "matchConstraints": {"resourceRules": [{
                "apiGroups": [""], "apiVersions": ["v1"], "operations": ["CREATE"], "resources": ["nodes"],
            }]},
            "validations": [{
                "expression": format!("object.metadata.name != '{}'", record.local_hostname),
                "message": "nodes need a label that names their owner",
            }],
        },
    }))
    .unwrap();
    let binding: ValidatingAdmissionPolicyBinding = serde_json::from_value(json!({
        "metadata": {"name": name},
        "spec": {"policyName": name, "validationActions": ["Deny"]},
    }))
    .unwrap();
    lab.inside(|| async {
        let client = control_plane::client(&lab.layout).await.unwrap();
        let (policies, bindings) = (Api::all(client.clone()), Api::all(client));
        let parameters = PostParams::default();
        policies.create(&parameters, &policy).await.unwrap();
        bindings.create(&parameters, &binding).await.unwrap();
    })
    .unwrap();
}
