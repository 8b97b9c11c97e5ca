//! Add-ons and the roles of their service accounts.

mod known;

use std::collections::BTreeSet;

pub use known::{KNOWN, Known, known};

use super::Things;
use super::control_plane::oidc_provider;
use super::identity::{issuer_trust, service_trust};
use super::scope::Scope;
use crate::resource::{self, Address, Attribute, Body, Kind, PodIdentityAssociation, Role, Text};
use crate::spec::{Addon, AddonRole, RoleWiring};

/// When an add-on is installed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Time {
    /// Nodes do not become ready without it.
    BeforeNodes,
    /// It does not become ready without nodes.
    AfterNodes,
}

/// Add-ons that consist of daemon sets that nodes need, so that EKS calls them active without a node.
const BEFORE_NODES: [&str; 3] = ["vpc-cni", "kube-proxy", "eks-pod-identity-agent"];

impl Time {
    fn of(addon: &Addon) -> Self {
        if BEFORE_NODES.contains(&addon.name.as_str()) {
            Self::BeforeNodes
        } else {
            Self::AfterNodes
        }
    }
}

/// Adds those of one time, after what they need, and says their addresses.
pub(super) fn add(
    scope: &Scope<'_>,
    time: Time,
    after: &BTreeSet<Address>,
    things: &mut Things,
) -> BTreeSet<Address> {
    let mut added = BTreeSet::new();
    for addon in &scope.spec().addons {
        if Time::of(addon) != time {
            continue;
        }
        let address = Address::new(Kind::Addon, &addon.name);
        let mut after = after.clone();
        let mut service_account_role = None;
        if let Some(role) = &addon.role {
            let arn = role_arn(scope, addon, role, things);
            match role.by {
                RoleWiring::Irsa => service_account_role = Some(arn),
                RoleWiring::PodIdentity => {
                    after.insert(pod_identity(scope, addon, role, arn, things));
                }
            }
        }
        let body = resource::Addon {
            cluster: scope.cluster_name(),
            name: addon.name.clone(),
            version: addon.version.clone(),
            service_account_role,
            configuration: addon.configuration.as_ref().map(ToString::to_string),
            resolve_conflicts: "OVERWRITE".to_owned(),
            tags: scope.tags(&address),
        };
        things.add_after(address.clone(), Body::Addon(body), after);
        added.insert(address);
    }
    added
}

/// Namespace and name of an add-on's service account: as the document says, and else as the add-on is known to have them.
fn service_account<'a>(addon: &'a Addon, role: &'a AddonRole) -> (&'a str, &'a str) {
    let known = known(&addon.name);
    let namespace = role.namespace.as_deref();
    let name = role.service_account.as_deref();
    (
        namespace.unwrap_or_else(|| known.map_or("kube-system", |known| known.namespace)),
        name.unwrap_or_else(|| known.map_or(&addon.name, |known| known.service_account)),
    )
}

fn role_arn(scope: &Scope<'_>, addon: &Addon, role: &AddonRole, things: &mut Things) -> Text {
    if let Some(arn) = &role.arn {
        return arn.as_str().into();
    }
    let name = format!("addon-{}", addon.name);
    let address = Address::new(Kind::Role, &name);
    let (namespace, service_account) = service_account(addon, role);
    let policies = if role.policies.is_empty() {
        known(&addon.name)
            .into_iter()
            .flat_map(|known| known.policies)
            .map(|policy| scope.managed_policy(policy))
            .collect()
    } else {
        role.policies.clone()
    };
    let trust = match role.by {
        RoleWiring::Irsa => issuer_trust(
            &scope.cluster(),
            &oidc_provider(),
            namespace,
            service_account,
        ),
        RoleWiring::PodIdentity => service_trust(
            "pods.eks.amazonaws.com",
            &["sts:AssumeRole", "sts:TagSession"],
        )
        .into(),
    };
    let body = Role {
        name: scope.role_name(&name),
        description: format!("Add-on {} of the EKS cluster {}", addon.name, scope.name()),
        trust,
        policies,
        tags: scope.tags(&address),
    };
    let arn = Text::of(&address, Attribute::Arn);
    things.add(address, Body::Role(body));
    arn
}

fn pod_identity(
    scope: &Scope<'_>,
    addon: &Addon,
    role: &AddonRole,
    arn: Text,
    things: &mut Things,
) -> Address {
    let (namespace, service_account) = service_account(addon, role);
    let address = Address::new(
        Kind::PodIdentityAssociation,
        format!("{namespace}.{service_account}"),
    );
    let body = PodIdentityAssociation {
        cluster: scope.cluster_name(),
        namespace: namespace.to_owned(),
        service_account: service_account.to_owned(),
        role: arn,
        tags: scope.tags(&address),
    };
    things.add(address.clone(), Body::PodIdentityAssociation(body));
    address
}
