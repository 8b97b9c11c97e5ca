//! A cluster that is there with all that belongs to it, whoever made it: what `nodectl export` makes a document of.

use std::collections::{BTreeMap, BTreeSet};

use aws_sdk_autoscaling::types::AutoScalingGroup;
use aws_sdk_eks::types;

use super::aws;
use super::choices::{ExistingSubnet, existing_subnets};
use super::clients::Clients;
use super::ec2::tag_key;
use super::eks::described;
use super::overview::{is_self_managed, template_of};
use super::parallel::each;
use super::resources::found::Found;
use super::resources::{self, Error, access, auto_scaling_group, cluster, identity, node_group};
use crate::resource::{self, Attribute, Body, CLUSTER_TAG, Observed, Outputs, Tags};

const VERSIONS: &str = "ec2:DescribeLaunchTemplateVersions";

/// A cluster that is there.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Existing {
    /// Its region.
    pub region: String,
    /// How it is.
    pub cluster: resource::Cluster,
    /// What EKS knows of it beside.
    pub outputs: Outputs,
    /// Its VPC.
    pub vpc: String,
    /// Its subnets and those of its groups, by id.
    pub subnets: BTreeMap<String, ExistingSubnet>,
    /// What of all this carries its owner tags.
    pub ours: Vec<Observed>,
    /// Whether IAM knows its OIDC issuer.
    pub has_oidc_provider: bool,
    /// Its add-ons.
    pub addons: Vec<ExistingAddon>,
    /// Its pod identity associations.
    pub associations: Vec<resource::PodIdentityAssociation>,
    /// Its access entries.
    pub entries: Vec<resource::AccessEntry>,
    /// Its managed node groups.
    pub node_groups: Vec<Group<resource::NodeGroup>>,
    /// Its self-managed node groups.
    pub auto_scaling_groups: Vec<Group<resource::AutoScalingGroup>>,
}

/// An add-on that is there.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct ExistingAddon {
    /// How it is.
    pub addon: resource::Addon,
    /// The pod identity association that EKS made for its service account.
    pub association: Option<resource::PodIdentityAssociation>,
}

/// A node group that is there.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Group<T> {
    /// How it is.
    pub group: T,
    /// The launch template of its nodes, in the version that it uses.
    pub template: Option<resource::LaunchTemplate>,
}

impl Existing {
    /// Whether these are the tags of something that was made for this cluster by nodectl.
    pub fn owns(&self, tags: &Tags) -> bool {
        tags.get(CLUSTER_TAG) == Some(&self.cluster.name)
    }
}

/// Asks for a cluster with all that belongs to it; none where there is none.
pub async fn existing(clients: &Clients, name: &str) -> Result<Option<Existing>, Error> {
    let Some(described) = described::cluster(clients, name).await? else {
        return Ok(None);
    };
    let body = cluster::cluster_body(&described);
    let outputs = cluster::cluster_outputs(&described);
    let key = tag_key(name);
    let (ours, providers, addons, associations, entries, managed, groups) = tokio::try_join!(
        resources::resources(clients, name, &[]),
        async { Ok(identity::providers(clients).await?) },
        async { Ok(described::addons(clients, name).await?) },
        async { Ok(described::pod_identity_associations(clients, name).await?) },
        async { Ok(described::access_entries(clients, name).await?) },
        async { Ok(described::node_groups(clients, name).await?) },
        async { Ok(auto_scaling_group::tagged(clients, &key, "owned").await?) },
    )?;
    let managed = managed.iter().map(node_group::managed_body);
    let node_groups = each(VERSIONS, managed.collect(), |group: resource::NodeGroup| {
        let template = group.launch_template.clone();
        with_template(clients.clone(), group, template)
    });
    let groups: Vec<AutoScalingGroup> = groups.into_iter().filter(is_self_managed).collect();
    let groups = groups
        .iter()
        .map(|group| auto_scaling_group::body(group, name));
    let groups: Vec<resource::AutoScalingGroup> = groups.collect();
    let auto_scaling_groups = each(VERSIONS, groups, |group| {
        let template = group.launch_template.clone();
        with_template(clients.clone(), group, template)
    });
    let (node_groups, auto_scaling_groups) = tokio::try_join!(node_groups, auto_scaling_groups)?;
    let ids = subnet_ids(&body, &node_groups, &auto_scaling_groups);
    let network = described.resources_vpc_config();
    let issuer = outputs.get(&Attribute::Issuer).cloned();
    Ok(Some(Existing {
        region: clients.aws.region().to_owned(),
        vpc: network
            .and_then(|network| network.vpc_id())
            .unwrap_or_default()
            .to_owned(),
        subnets: existing_subnets(clients, ids).await?,
        has_oidc_provider: issuer.is_some_and(|issuer| has_provider(&providers, &issuer)),
        addons: addons
            .iter()
            .map(|addon| existing_addon(addon, &associations))
            .collect(),
        associations: associations.iter().map(access::association_body).collect(),
        entries: entries
            .iter()
            .map(|(entry, policies)| access::entry_body(entry, policies))
            .collect(),
        cluster: body,
        outputs,
        ours,
        node_groups,
        auto_scaling_groups,
    }))
}

async fn with_template<T>(
    clients: Clients,
    group: T,
    template: resource::TemplateVersion,
) -> Result<Group<T>, aws::Error> {
    let template = template_of(&clients, &template).await?;
    Ok(Group { group, template })
}

fn subnet_ids(
    cluster: &resource::Cluster,
    managed: &[Group<resource::NodeGroup>],
    groups: &[Group<resource::AutoScalingGroup>],
) -> BTreeSet<String> {
    let of_managed = managed.iter().flat_map(|group| &group.group.subnets);
    let of_groups = groups.iter().flat_map(|group| &group.group.subnets);
    cluster
        .subnets
        .iter()
        .chain(of_managed)
        .chain(of_groups)
        .filter_map(|id| id.known().map(str::to_owned))
        .collect()
}

fn has_provider(providers: &[Found], issuer: &str) -> bool {
    providers.iter().any(|found| match &found.body {
        Body::OidcProvider(provider) => provider.url.known() == Some(issuer),
        _ => false,
    })
}

fn existing_addon(
    addon: &types::Addon,
    associations: &[types::PodIdentityAssociation],
) -> ExistingAddon {
    let association = associations.iter().find(|association| {
        let arn = association.association_arn().unwrap_or_default();
        addon.pod_identity_associations().iter().any(|of| of == arn)
    });
    ExistingAddon {
        addon: cluster::addon_body(addon),
        association: association.map(access::association_body),
    }
}
