//! IAM: the roles of the control plane, of nodes and of add-ons, and the instance profiles of nodes that we launch.

use std::collections::BTreeSet;

use super::Things;
use super::scope::{RoleOfNodes, Scope};
use crate::resource::{Address, Attribute, Body, InstanceProfile, Kind, Role, Text};
use crate::spec::node_policies;

pub(super) fn add(scope: &Scope<'_>, things: &mut Things) {
    if scope.spec().cluster_role.arn.is_none() {
        let address = cluster_role();
        let mut policies = scope.spec().cluster_role.policies.clone();
        policies.insert(scope.managed_policy("AmazonEKSClusterPolicy"));
        let role = Role {
            name: scope.role_name("cluster"),
            description: format!("Control plane of the EKS cluster {}", scope.name()),
            trust: service_trust("eks.amazonaws.com", &["sts:AssumeRole"]).into(),
            policies,
            tags: scope.tags(&address),
        };
        things.add(address, Body::Role(role));
    }
    for role in scope.node_roles() {
        if role.role.arn.is_none() {
            things.add(role.address(), node_role(scope, &role));
        }
        if role.role.instance_profile.is_none() && role.self_managed().next().is_some() {
            let address = role.profile_address();
            let profile = InstanceProfile {
                name: scope.role_name(&role.name),
                role: name_of_role(scope, &role),
                tags: scope.tags(&address),
            };
            things.add(address, Body::InstanceProfile(profile));
        }
    }
}

fn cluster_role() -> Address {
    Address::new(Kind::Role, "cluster")
}

/// ARN of the role of the control plane.
pub(super) fn cluster_role_arn(scope: &Scope<'_>) -> Text {
    match &scope.spec().cluster_role.arn {
        Some(arn) => arn.as_str().into(),
        None => Text::of(&cluster_role(), Attribute::Arn),
    }
}

fn node_role(scope: &Scope<'_>, role: &RoleOfNodes<'_>) -> Body {
    let mut policies: BTreeSet<String> = role.role.policies.clone();
    let needed = node_policies(&scope.spec().addons, role.groups.iter().copied());
    policies.extend(needed.into_iter().map(|name| scope.managed_policy(name)));
    let service = if scope.partition() == "aws-cn" {
        "ec2.amazonaws.com.cn"
    } else {
        "ec2.amazonaws.com"
    };
    Body::Role(Role {
        name: scope.role_name(&role.name),
        description: format!("Nodes of the EKS cluster {}", scope.name()),
        trust: service_trust(service, &["sts:AssumeRole"]).into(),
        policies,
        tags: scope.tags(&role.address()),
    })
}

/// Name of a role, which is the last part of its ARN; the parts before it are its path.
fn name_of_role(scope: &Scope<'_>, role: &RoleOfNodes<'_>) -> Text {
    let Some(arn) = &role.role.arn else {
        return Text::of(&role.address(), Attribute::Id);
    };
    match scope.choices().roles.get(arn) {
        Some(known) if !known.name.is_empty() => known.name.as_str().into(),
        _ => arn.rsplit('/').next().unwrap_or_default().into(),
    }
}

/// Trust policy by which a service may assume a role.
pub(super) fn service_trust(service: &str, actions: &[&str]) -> String {
    let action = match actions {
        [action] => serde_json::json!(action),
        _ => serde_json::json!(actions),
    };
    serde_json::json!({
        "Version": "2012-10-17",
        "Statement": [{
            "Effect": "Allow",
            "Principal": { "Service": service },
            "Action": action,
        }],
    })
    .to_string()
}

/// Trust policy by which one service account may assume a role with a token of the cluster's issuer:
/// <https://docs.aws.amazon.com/eks/latest/userguide/associate-service-account-role.html>.
pub(super) fn issuer_trust(
    cluster: &Address,
    provider: &Address,
    namespace: &str,
    service_account: &str,
) -> Text {
    let issuer = || Text::of(cluster, Attribute::IssuerHost);
    Text::join([
        r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"Federated":""#
            .into(),
        Text::of(provider, Attribute::Arn),
        r#""},"Action":"sts:AssumeRoleWithWebIdentity","Condition":{"StringEquals":{""#.into(),
        issuer(),
        r#":aud":"sts.amazonaws.com",""#.into(),
        issuer(),
        format!(r#":sub":"system:serviceaccount:{namespace}:{service_account}"}}}}}}]}}"#).into(),
    ])
}
