//! The document and what its choices mean, with the names, tags and ARNs that follow from them.

use std::collections::BTreeMap;

use sha2::{Digest as _, Sha256};

use crate::observe::choices::{Choices, InstanceType};
use crate::resource::{ADDRESS_TAG, Address, Attribute, CLUSTER_TAG, Kind, Tags, Text};
use crate::spec::{Addon, AddonRole, Cluster, GroupKind, NodeGroup, NodeRole, RoleWiring, Spec};

/// The most characters that IAM allows in the name of a role.
const ROLE_NAME_LIMIT: usize = 64;

/// The document and what its choices mean.
#[derive(Debug, Clone, Copy)]
pub(super) struct Scope<'a> {
    document: &'a Cluster,
    choices: &'a Choices,
    files: &'a BTreeMap<String, String>,
}

impl<'a> Scope<'a> {
    pub(super) fn new(
        document: &'a Cluster,
        choices: &'a Choices,
        files: &'a BTreeMap<String, String>,
    ) -> Self {
        Self {
            document,
            choices,
            files,
        }
    }

    pub(super) fn spec(&self) -> &'a Spec {
        &self.document.spec
    }

    pub(super) fn choices(&self) -> &'a Choices {
        self.choices
    }

    /// Name of the cluster.
    pub(super) fn name(&self) -> &'a str {
        &self.document.metadata.name
    }

    pub(super) fn cluster(&self) -> Address {
        Address::new(Kind::Cluster, self.name())
    }

    /// The cluster's name once it exists, so that whatever holds it comes after the cluster.
    pub(super) fn cluster_name(&self) -> Text {
        Text::of(&self.cluster(), Attribute::Id)
    }

    pub(super) fn file(&self, name: &str) -> &'a str {
        self.files.get(name).map_or("", String::as_str)
    }

    /// The document's tags, more of them, and the owner tags.
    pub(super) fn tags_with(&self, address: &Address, more: &Tags) -> Tags {
        let mut tags = self.document.metadata.tags.clone();
        tags.extend(more.clone());
        tags.insert(CLUSTER_TAG.to_owned(), self.name().to_owned());
        tags.insert(ADDRESS_TAG.to_owned(), address.to_string());
        tags
    }

    pub(super) fn tags(&self, address: &Address) -> Tags {
        self.tags_with(address, &Tags::new())
    }

    /// [`Self::tags`], with the tag that the console shows as the name: the cluster's, then what it is.
    pub(super) fn named_tags(&self, address: &Address, suffix: &str) -> Tags {
        let mut tags = Tags::from([("Name".to_owned(), self.display_name(suffix))]);
        tags.extend(self.tags(address));
        tags
    }

    pub(super) fn display_name(&self, suffix: &str) -> String {
        if suffix.is_empty() {
            self.name().to_owned()
        } else {
            format!("{}-{suffix}", self.name())
        }
    }

    /// The tags of instances, volumes and network interfaces, by which what a cluster left behind is found. They have no
    /// address, since they are no things of the graph.
    pub(super) fn instance_tags(&self, group: &NodeGroup) -> Tags {
        let mut tags = self.document.metadata.tags.clone();
        tags.insert("Name".to_owned(), self.display_name(&group.name));
        tags.extend(group.tags.clone());
        tags.insert(CLUSTER_TAG.to_owned(), self.name().to_owned());
        tags
    }

    /// Name of what has no address in AWS but its name: `nodectl-CLUSTER-SUFFIX`.
    pub(super) fn resource_name(&self, suffix: &str) -> String {
        format!("nodectl-{}-{suffix}", self.name())
    }

    /// [`Self::resource_name`] for IAM. A name that is too long keeps its beginning, and ends in a digest of the whole.
    pub(super) fn role_name(&self, suffix: &str) -> String {
        const DIGEST_DIGITS: usize = 8;
        let name = self.resource_name(suffix);
        if name.len() <= ROLE_NAME_LIMIT {
            return name;
        }
        let digest = format!("{:x}", Sha256::digest(&name));
        let digest: String = digest.chars().take(DIGEST_DIGITS).collect();
        let kept: String = name
            .chars()
            .take(ROLE_NAME_LIMIT - DIGEST_DIGITS - 1)
            .collect();
        format!("{kept}-{digest}")
    }

    pub(super) fn partition(&self) -> &'a str {
        match self.choices.partition.as_str() {
            "" => "aws",
            partition => partition,
        }
    }

    /// ARN of a policy that AWS manages, such as `AmazonEKSClusterPolicy`.
    pub(super) fn managed_policy(&self, name: &str) -> String {
        format!("arn:{}:iam::aws:policy/{name}", self.partition())
    }

    /// ARN of an access policy of EKS by its name. An ARN stays as it is.
    pub(super) fn access_policy(&self, policy: &str) -> String {
        if policy.starts_with("arn:") {
            return policy.to_owned();
        }
        format!(
            "arn:{}:eks::aws:cluster-access-policy/{policy}",
            self.partition()
        )
    }

    pub(super) fn groups(&self) -> &'a [NodeGroup] {
        &self.spec().node_groups
    }

    /// What is known of the first, and so the best, instance type of a group.
    pub(super) fn instance_type(&self, group: &NodeGroup) -> Option<&'a InstanceType> {
        let name = group.instance_types.first()?;
        self.choices.instance_types.get(name)
    }

    /// The node roles of the document, each with the name by which its address ends and the groups that have it.
    pub(super) fn node_roles(&self) -> Vec<RoleOfNodes<'a>> {
        let (own, shared): (Vec<_>, Vec<_>) =
            self.groups().iter().partition(|group| group.role.is_some());
        let mut roles = Vec::new();
        if !shared.is_empty() {
            roles.push(RoleOfNodes {
                name: "node".to_owned(),
                role: &self.spec().node_role,
                groups: shared,
            });
        }
        roles.extend(own.into_iter().filter_map(|group| {
            Some(RoleOfNodes {
                name: format!("node-{}", group.name),
                role: group.role.as_ref()?,
                groups: vec![group],
            })
        }));
        roles
    }

    /// The node role of one group.
    pub(super) fn node_role(&self, group: &NodeGroup) -> Option<RoleOfNodes<'a>> {
        self.node_roles()
            .into_iter()
            .find(|role| role.groups.iter().any(|other| other.name == group.name))
    }

    /// The add-ons that have a role, with it.
    pub(super) fn addon_roles(&self) -> impl Iterator<Item = (&'a Addon, &'a AddonRole)> {
        self.spec()
            .addons
            .iter()
            .filter_map(|addon| Some((addon, addon.role.as_ref()?)))
    }

    /// Whether IAM knows the cluster's issuer: when the document says so, and when an add-on has a role by it.
    pub(super) fn has_oidc_provider(&self) -> bool {
        self.spec().oidc_provider
            || self
                .addon_roles()
                .any(|(_, role)| role.by == RoleWiring::Irsa)
    }
}

/// A node role and the groups that have it.
#[derive(Debug, Clone)]
pub(super) struct RoleOfNodes<'a> {
    /// `node` or `node-GROUP`.
    pub(super) name: String,
    pub(super) role: &'a NodeRole,
    pub(super) groups: Vec<&'a NodeGroup>,
}

impl<'a> RoleOfNodes<'a> {
    pub(super) fn address(&self) -> Address {
        Address::new(Kind::Role, &self.name)
    }

    pub(super) fn arn(&self) -> Text {
        match &self.role.arn {
            Some(arn) => arn.as_str().into(),
            None => Text::of(&self.address(), Attribute::Arn),
        }
    }

    /// The groups whose instances we launch ourselves.
    pub(super) fn self_managed(&self) -> impl Iterator<Item = &'a NodeGroup> {
        self.groups
            .iter()
            .copied()
            .filter(|group| group.kind == GroupKind::SelfManaged)
    }

    /// Name of its instance profile.
    pub(super) fn instance_profile(&self) -> Text {
        match &self.role.instance_profile {
            Some(name) => name.as_str().into(),
            None => Text::of(&self.profile_address(), Attribute::Id),
        }
    }

    pub(super) fn profile_address(&self) -> Address {
        Address::new(Kind::InstanceProfile, &self.name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::spec::Metadata;

    fn role_name(cluster: &str, suffix: &str) -> String {
        let document = Cluster {
            metadata: Metadata {
                name: cluster.to_owned(),
                ..Metadata::default()
            },
            spec: Spec::default(),
        };
        Scope::new(&document, &Choices::default(), &BTreeMap::new()).role_name(suffix)
    }

    #[test]
    fn a_role_is_named_after_its_cluster() {
        assert_eq!(role_name("demo", "node"), "nodectl-demo-node");
    }

    #[test]
    fn long_names_stay_within_the_limit_and_apart() {
        let cluster = "c".repeat(100);
        let (one, other) = (role_name(&cluster, "node-a"), role_name(&cluster, "node-b"));
        assert_eq!((one.len(), other.len()), (64, 64));
        assert_ne!(one, other);
    }
}
