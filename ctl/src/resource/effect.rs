//! What it takes to change a property of a thing that exists.

use super::Kind;

/// What it takes to change a property.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Effect {
    /// A call changes it.
    InPlace,
    /// A call changes it, and the nodes of the group are replaced one after the other.
    RollsNodes,
    /// The thing must be made anew.
    Replaces,
    /// It cannot be changed at all, with the reason.
    Never(&'static str),
    /// It only counts when the thing is made: later differences are no change.
    AtCreation,
}

/// What it takes to change the property of this kind at `path`, such as `["scaling", "min"]`.
#[expect(
    clippy::match_same_arms,
    reason = "the table is read by kind, not by effect"
)]
pub fn effect(kind: Kind, path: &[&str]) -> Effect {
    use Effect::{AtCreation, InPlace, Never, Replaces, RollsNodes};
    let field = path.first().copied().unwrap_or_default();
    match (kind, field) {
        (Kind::Cluster, "creatorAdmin" | "selfManagedAddons") => AtCreation,
        (Kind::Cluster, "name" | "role" | "serviceCidr") => Never(
            "EKS sets it when the cluster is created: make a cluster of another name and move to it",
        ),
        (Kind::Cluster, "encryptionKey") => InPlace,
        (Kind::NodeGroup, "launchTemplate" | "version" | "releaseVersion") => RollsNodes,
        (
            Kind::NodeGroup,
            "role" | "subnets" | "instanceTypes" | "amiType" | "capacityType" | "name" | "cluster",
        ) => Replaces,
        (Kind::AutoScalingGroup, "launchTemplate" | "instanceTypes") => RollsNodes,
        (Kind::AutoScalingGroup, "name") => Replaces,
        (Kind::Vpc, "cidr") => Never(
            "the network of a VPC cannot be changed: make a cluster in another VPC and move to it",
        ),
        (Kind::Subnet, "vpc" | "cidr" | "zone")
        | (Kind::RouteTable, "vpc")
        | (Kind::NatGateway, "subnet" | "allocation")
        | (Kind::SecurityGroup, "vpc" | "name" | "description")
        | (Kind::OidcProvider, "url")
        | (Kind::AccessEntry, "principal" | "type" | "cluster")
        | (Kind::PodIdentityAssociation, "namespace" | "serviceAccount" | "cluster")
        | (Kind::Role | Kind::InstanceProfile | Kind::LaunchTemplate | Kind::LogGroup, "name")
        | (Kind::InstanceProfile, "role")
        | (Kind::Addon, "name" | "cluster")
        | (Kind::AwsAuthRole, "role" | "cluster")
        | (Kind::SubnetTags, "subnet") => Replaces,
        (Kind::Addon, "resolveConflicts") => AtCreation,
        _ => InPlace,
    }
}
