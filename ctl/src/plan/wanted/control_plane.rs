//! The control plane, its logs, its security group and its issuer.

use std::collections::BTreeSet;

use super::Things;
use super::identity::cluster_role_arn;
use super::network::Network;
use super::scope::Scope;
use crate::resource::{
    Address, Attribute, Body, Cluster, Endpoint, Kind, LogGroup, OidcProvider, SecurityGroup, Text,
};

/// Audience of the tokens that the pod identity webhook gives to service accounts.
const AUDIENCE: &str = "sts.amazonaws.com";

pub(super) fn add(scope: &Scope<'_>, network: &Network, things: &mut Things) {
    let spec = scope.spec();
    let mut after = BTreeSet::new();
    if let Some(days) = spec.logging.retention_days {
        // EKS would make it without a retention when the first event comes.
        let address = Address::new(Kind::LogGroup, "control-plane");
        things.add(
            address.clone(),
            Body::LogGroup(LogGroup {
                name: format!("/aws/eks/{}/cluster", scope.name()),
                retention_days: Some(days),
                tags: scope.tags(&address),
            }),
        );
        after.insert(address);
    }
    let mut security_groups: BTreeSet<Text> = spec
        .security_groups
        .iter()
        .map(|id| id.as_str().into())
        .collect();
    if spec.own_security_group {
        security_groups.insert(own_security_group(scope, network, things));
    }
    let address = scope.cluster();
    let endpoint = &spec.endpoint;
    let cluster = Cluster {
        name: scope.name().to_owned(),
        version: spec.version.clone(),
        role: cluster_role_arn(scope),
        subnets: network.subnets(),
        security_groups,
        endpoint: Endpoint {
            public: endpoint.public,
            private: endpoint.private,
            public_cidrs: if endpoint.public {
                endpoint.public_cidrs.clone()
            } else {
                BTreeSet::new()
            },
        },
        log_types: spec
            .logging
            .types
            .iter()
            .map(|log| log.name().to_owned())
            .collect(),
        authentication_mode: spec.access.authentication_mode.name().to_owned(),
        creator_admin: spec.access.creator_admin,
        self_managed_addons: !brings_its_addons(scope),
        service_cidr: spec.service_cidr.clone(),
        encryption_key: spec
            .secrets_encryption
            .as_ref()
            .map(|encryption| encryption.key_arn.clone()),
        tags: scope.tags(&address),
    };
    things.add_after(address, Body::Cluster(cluster), after);
    if scope.has_oidc_provider() {
        let address = oidc_provider();
        let provider = OidcProvider {
            url: Text::of(&scope.cluster(), Attribute::Issuer),
            audiences: BTreeSet::from([AUDIENCE.to_owned()]),
            tags: scope.tags(&address),
        };
        things.add(address, Body::OidcProvider(provider));
    }
}

/// Whether the document names every add-on that EKS would put into the cluster itself.
fn brings_its_addons(scope: &Scope<'_>) -> bool {
    ["vpc-cni", "coredns", "kube-proxy"].iter().all(|name| {
        let addons = &scope.spec().addons;
        addons.iter().any(|addon| addon.name == *name)
    })
}

pub(super) fn oidc_provider() -> Address {
    Address::new(Kind::OidcProvider, "main")
}

fn own_security_group(scope: &Scope<'_>, network: &Network, things: &mut Things) -> Text {
    let address = Address::new(Kind::SecurityGroup, "control-plane");
    let id = Text::of(&address, Attribute::Id);
    let group = SecurityGroup {
        vpc: network.vpc.clone(),
        name: scope.resource_name("control-plane"),
        description: format!("Control plane of the EKS cluster {}", scope.name()),
        tags: scope.named_tags(&address, "control-plane"),
    };
    things.add(address, Body::SecurityGroup(group));
    id
}
