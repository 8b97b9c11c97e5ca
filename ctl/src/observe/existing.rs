//! A cluster that is there with all that belongs to it, whoever made it: what `nodectl export` makes a document of.

use std::collections::{BTreeMap, BTreeSet};

use aws_sdk_eks::types;

use super::aws;
use super::choices::{ExistingSubnet, existing_subnets};
use super::clients::Clients;
use super::ec2::tag_key;
use super::eks::described::{self, Described};
use super::overview::{is_self_managed, template_of};
use super::parallel::each;
use super::resources::found::Found;
use super::resources::{self, Error, access, auto_scaling_group, cluster, node_group};
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

/// The node groups of a cluster.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Groups {
    /// Those that are managed.
    pub managed: Vec<resource::NodeGroup>,
    /// Those that are self-managed.
    pub self_managed: Vec<resource::AutoScalingGroup>,
}

/// Asks for the node groups of a cluster; none where there is no such cluster.
pub async fn groups(clients: &Clients, name: &str) -> Result<Option<Groups>, aws::Error> {
    let (managed, self_managed) = tokio::try_join!(
        described::node_groups(clients, name),
        self_managed(clients, name),
    )?;
    Ok(managed.map(|managed| Groups {
        managed: managed.iter().map(node_group::managed_body).collect(),
        self_managed,
    }))
}

/// Asks for the Auto Scaling groups that are the cluster's and none of a managed group.
async fn self_managed(
    clients: &Clients,
    name: &str,
) -> Result<Vec<resource::AutoScalingGroup>, aws::Error> {
    let groups = auto_scaling_group::tagged(clients, &tag_key(name), "owned").await?;
    Ok(groups
        .iter()
        .filter(|group| is_self_managed(group))
        .map(|group| auto_scaling_group::body(group, name))
        .collect())
}

/// Asks for a cluster with all that belongs to it; none where there is none.
pub async fn existing(clients: &Clients, name: &str) -> Result<Option<Existing>, Error> {
    let (described, beside, groups) = tokio::try_join!(
        described::all(clients, name),
        resources::beside_eks(clients, name, &[]),
        self_managed(clients, name),
    )?;
    let Some(described) = described else {
        return Ok(None);
    };
    let managed = described.node_groups.iter().map(node_group::managed_body);
    let managed = each(VERSIONS, managed.collect(), |group: resource::NodeGroup| {
        let template = group.launch_template.clone();
        with_template(clients.clone(), group, template)
    });
    let groups = each(VERSIONS, groups, |group| {
        let template = group.launch_template.clone();
        with_template(clients.clone(), group, template)
    });
    let (managed, groups) = tokio::try_join!(managed, groups)?;
    let cluster = cluster::cluster_body(&described.cluster);
    let ids = subnet_ids(&cluster, &managed, &groups);
    let issuer = cluster::cluster_outputs(&described.cluster).remove(&Attribute::Issuer);
    Ok(Some(Existing {
        region: clients.aws.region().to_owned(),
        subnets: existing_subnets(clients, ids).await?,
        has_oidc_provider: issuer.is_some_and(|issuer| has_provider(&beside, &issuer)),
        ours: resources::observed(clients, name, &[], Some(&described), beside).await?,
        node_groups: managed,
        auto_scaling_groups: groups,
        ..of_eks(&described)
    }))
}

/// What EKS alone says of a cluster.
fn of_eks(described: &Described) -> Existing {
    let network = described.cluster.resources_vpc_config();
    let entries = described.entries.iter();
    Existing {
        cluster: cluster::cluster_body(&described.cluster),
        outputs: cluster::cluster_outputs(&described.cluster),
        vpc: network
            .and_then(|network| network.vpc_id())
            .unwrap_or_default()
            .to_owned(),
        addons: described
            .addons
            .iter()
            .map(|addon| existing_addon(addon, &described.associations))
            .collect(),
        associations: described
            .associations
            .iter()
            .map(access::association_body)
            .collect(),
        entries: entries
            .map(|(entry, policies)| access::entry_body(entry, policies))
            .collect(),
        ..Existing::default()
    }
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

/// Whether the provider of an issuer is among what was found.
fn has_provider(found: &[Found], issuer: &str) -> bool {
    found.iter().any(|found| match &found.body {
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::resource::{AutoScalingGroup, NodeGroup, OidcProvider, Status};

    fn association(id: &str) -> types::PodIdentityAssociation {
        types::PodIdentityAssociation::builder()
            .association_arn(format!("arn:{id}"))
            .service_account(id)
            .build()
    }

    #[test]
    fn an_addon_has_the_association_that_eks_made_for_it_and_no_other() {
        let associations = [association("a"), association("b")];
        let addon = |arn: &str| {
            let addon = types::Addon::builder().addon_name("ebs");
            let addon = addon.pod_identity_associations(arn).build();
            existing_addon(&addon, &associations)
        };
        let found = addon("arn:b").association.unwrap();
        assert_eq!(found.service_account, "b");
        assert_eq!(addon("arn:c").association, None);
    }

    #[test]
    fn an_issuer_is_known_when_its_provider_is_among_what_was_found() {
        let provider = |url: &str| Found {
            body: Body::OidcProvider(OidcProvider {
                url: url.into(),
                ..OidcProvider::default()
            }),
            outputs: Outputs::new(),
            tags: Tags::new(),
            status: Status::Ready,
        };
        let role = Found {
            body: Body::Role(resource::Role::default()),
            ..provider("")
        };
        let found = [
            role,
            provider("https://oidc/other"),
            provider("https://oidc/a"),
        ];
        assert!(has_provider(&found, "https://oidc/a"));
        assert!(!has_provider(&found[..2], "https://oidc/a"));
    }

    #[test]
    fn subnets_are_those_of_the_cluster_and_of_its_groups_once_each() {
        fn in_subnets<T>(group: T) -> Group<T> {
            Group {
                group,
                template: None,
            }
        }
        let cluster = resource::Cluster {
            subnets: ["subnet-1".into(), "subnet-2".into()].into(),
            ..resource::Cluster::default()
        };
        let managed = in_subnets(NodeGroup {
            subnets: ["subnet-2".into(), "subnet-3".into()].into(),
            ..NodeGroup::default()
        });
        let own = in_subnets(AutoScalingGroup {
            subnets: ["subnet-4".into()].into(),
            ..AutoScalingGroup::default()
        });
        let ids = subnet_ids(&cluster, &[managed], &[own]);
        let expected = ["subnet-1", "subnet-2", "subnet-3", "subnet-4"];
        assert_eq!(ids, expected.map(str::to_owned).into());
    }

    #[test]
    fn what_eks_says_of_a_cluster_is_put_into_our_words() {
        let network = types::VpcConfigResponse::builder().vpc_id("vpc-1").build();
        let entry = types::AccessEntry::builder()
            .principal_arn("arn:aws:iam::1:role/a")
            .build();
        let described = Described {
            cluster: types::Cluster::builder()
                .name("prod")
                .resources_vpc_config(network)
                .build(),
            addons: vec![types::Addon::builder().addon_name("ebs").build()],
            entries: vec![(entry, Vec::new())],
            associations: vec![association("a")],
            node_groups: Vec::new(),
        };
        let existing = of_eks(&described);
        assert_eq!(existing.cluster.name, "prod");
        assert_eq!(existing.vpc, "vpc-1");
        assert_eq!(
            existing.entries[0].principal,
            "arn:aws:iam::1:role/a".into()
        );
        assert_eq!((existing.addons.len(), existing.associations.len()), (1, 1));
    }
}
