//! What has no counterpart, and why.

use node::config::problem::field;
use node::config::yaml::Place;

use super::reader::Unread;

/// Something that has no counterpart here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LeftOut {
    /// The keys that lead to it.
    pub path: Vec<String>,
    /// Where it stands.
    pub place: Place,
    /// Why it was left out, or what to do in its place.
    pub why: &'static str,
}

/// By keys that follow each other in a path: the first entry that matches counts, the most exact ones stand first.
const REASONS: [(&[&str], &str); 31] = [
    (&["metadata", "annotations"], "annotations are eksctl's own"),
    (
        &["iam", "serviceAccounts"],
        "roles are made for add-ons (`spec.addons[].role`) only; make those of your own applications beside it",
    ),
    (
        &["iam", "podIdentityAssociations"],
        "identities are made for add-ons (`spec.addons[].role`) only; make those of your own applications beside it",
    ),
    (
        &["wellKnownPolicies"],
        "an add-on that nodectl knows gets the policies that it needs; name others in `role.policies`",
    ),
    (
        &["withAddonPolicies"],
        "policies are named by ARN in `nodeRole.policies` or `role.policies`",
    ),
    (&["fargateProfiles"], "there are no Fargate profiles here"),
    (
        &["autoModeConfig"],
        "EKS Auto Mode runs the nodes itself, and here nodes are ours",
    ),
    (
        &["karpenter"],
        "Karpenter is installed beside it, with a chart of its own",
    ),
    (
        &["gitops"],
        "nothing is installed into the cluster but add-ons",
    ),
    (
        &["git"],
        "nothing is installed into the cluster but add-ons",
    ),
    (
        &["flux"],
        "nothing is installed into the cluster but add-ons",
    ),
    (
        &["identityProviders"],
        "identity providers of people are associated beside it",
    ),
    (
        &["privateCluster"],
        "VPC endpoints are made beside it; the endpoint of the API server is `spec.endpoint`",
    ),
    (&["outpost"], "there are no clusters on Outposts here"),
    (
        &["upgradePolicy"],
        "the support policy of the cluster is left as it is",
    ),
    (&["zonalShiftConfig"], "zonal shift is left as it is"),
    (&["remoteNetworkConfig"], "there are no hybrid nodes here"),
    (
        &["localZones"],
        "EKS has no control plane in local zones; a self-managed group can name subnets there by id",
    ),
    (&["ipFamily"], "clusters are of IPv4 here"),
    (
        &["ssh"],
        "no port is opened: `nodectl shell NODE` opens a session by Systems Manager",
    ),
    (
        &["overrideBootstrapCommand"],
        "nodectl writes the NodeConfig; put what differs into `kubelet`, `maxPods` and `userData`",
    ),
    (
        &["launchTemplate"],
        "a launch template is made for each group",
    ),
    (
        &["instancesDistribution"],
        "of a mix of instances only types and `capacity` can be said",
    ),
    (
        &["availabilityZones"],
        "name the subnets of the group by id in `subnets`",
    ),
    (
        &["withShared"],
        "the nodes of all groups share the security group that EKS makes",
    ),
    (
        &["withLocal"],
        "the nodes of all groups share the security group that EKS makes",
    ),
    (&["containerRuntime"], "nodes run containerd"),
    (&["efaEnabled"], "there are no interfaces of EFA here"),
    (&["placement"], "there are no placement groups here"),
    (
        &["capacityReservation"],
        "there are no capacity reservations here",
    ),
    (
        &["asgSuspendProcesses"],
        "processes of Auto Scaling groups are left as they are",
    ),
];

impl From<Unread> for LeftOut {
    fn from(unread: Unread) -> Self {
        let names: Vec<&str> = unread
            .path
            .iter()
            .map(String::as_str)
            .filter(|step| !step.starts_with('['))
            .collect();
        let mut reasons = REASONS.iter();
        let found = reasons.find(|(keys, _)| names.windows(keys.len()).any(|part| part == *keys));
        Self {
            why: found.map_or("it is not known here", |(_, why)| why),
            path: unread.path,
            place: unread.place,
        }
    }
}

impl std::fmt::Display for LeftOut {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            formatter,
            "line {}, `{}`: {}",
            self.place.line,
            field(&self.path),
            self.why
        )
    }
}
