//! All that EKS knows of a cluster, in its own words. What does not exist, or no longer, is left out.

use aws_sdk_eks::types::{
    AccessEntry, Addon, AssociatedAccessPolicy, Cluster, Nodegroup, PodIdentityAssociation,
};

use super::super::aws::{self, present};
use super::super::clients::Clients;
use super::super::parallel::each;

const CLUSTER: &str = "eks:DescribeCluster";
const NODE_GROUP: &str = "eks:DescribeNodegroup";
const ADDON: &str = "eks:DescribeAddon";
const ENTRY: &str = "eks:DescribeAccessEntry";
const ASSOCIATION: &str = "eks:DescribePodIdentityAssociation";

/// An access entry and its access policies.
pub(in crate::observe) type EntryWithPolicies = (AccessEntry, Vec<AssociatedAccessPolicy>);

/// A cluster and all that belongs to it.
#[derive(Debug, Clone)]
pub(in crate::observe) struct Described {
    pub(in crate::observe) cluster: Cluster,
    pub(in crate::observe) addons: Vec<Addon>,
    pub(in crate::observe) entries: Vec<EntryWithPolicies>,
    pub(in crate::observe) associations: Vec<PodIdentityAssociation>,
    pub(in crate::observe) node_groups: Vec<Nodegroup>,
}

/// A cluster and all that belongs to it; none where there is none.
pub(in crate::observe) async fn all(
    clients: &Clients,
    name: &str,
) -> Result<Option<Described>, aws::Error> {
    let Some(cluster) = cluster(clients, name).await? else {
        return Ok(None);
    };
    let (addons, entries, associations, node_groups) = tokio::try_join!(
        addons(clients, name),
        access_entries(clients, name),
        pod_identity_associations(clients, name),
        node_groups(clients, name),
    )?;
    Ok(Some(Described {
        cluster,
        addons,
        entries,
        associations,
        node_groups: node_groups.unwrap_or_default(),
    }))
}

/// The cluster of this name.
pub(in crate::observe) async fn cluster(
    clients: &Clients,
    name: &str,
) -> Result<Option<Cluster>, aws::Error> {
    let answer = clients.eks.describe_cluster().name(name).send().await;
    let answer =
        answer.map_err(|error| aws::Error::of_call(CLUSTER, format!("cluster `{name}`"), error));
    Ok(present(answer)?.and_then(|answer| answer.cluster))
}

/// All clusters of the region.
pub(in crate::observe) async fn clusters(clients: &Clients) -> Result<Vec<Cluster>, aws::Error> {
    let pages = clients.eks.list_clusters().into_paginator();
    let names: Vec<String> = pages.items().send().try_collect().await.map_err(|error| {
        let object = format!("region `{}`", clients.aws.region());
        aws::Error::of_call("eks:ListClusters", object, error)
    })?;
    let found = each(CLUSTER, names, |name| {
        let clients = clients.clone();
        async move { cluster(&clients, &name).await }
    });
    Ok(found.await?.into_iter().flatten().collect())
}

/// Its managed node groups; none where there is no such cluster.
pub(in crate::observe) async fn node_groups(
    clients: &Clients,
    cluster: &str,
) -> Result<Option<Vec<Nodegroup>>, aws::Error> {
    let pages = clients.eks.list_nodegroups().cluster_name(cluster);
    let names = pages.into_paginator().items().send().try_collect().await;
    let names =
        names.map_err(|error| aws::Error::of_call("eks:ListNodegroups", object(cluster), error));
    let Some(names) = present(names)? else {
        return Ok(None);
    };
    let found = each(NODE_GROUP, names, |name: String| {
        let request = clients.eks.describe_nodegroup().cluster_name(cluster);
        let answer = request.nodegroup_name(&name).send();
        async move {
            let answer = answer.await.map_err(|error| {
                aws::Error::of_call(NODE_GROUP, format!("node group `{name}`"), error)
            });
            Ok::<_, aws::Error>(present(answer)?.and_then(|answer| answer.nodegroup))
        }
    });
    Ok(Some(found.await?.into_iter().flatten().collect()))
}

/// Its add-ons.
pub(in crate::observe) async fn addons(
    clients: &Clients,
    cluster: &str,
) -> Result<Vec<Addon>, aws::Error> {
    let pages = clients.eks.list_addons().cluster_name(cluster);
    let names = pages.into_paginator().items().send().try_collect().await;
    let names =
        names.map_err(|error| aws::Error::of_call("eks:ListAddons", object(cluster), error));
    let names: Vec<String> = present(names)?.unwrap_or_default();
    let found = each(ADDON, names, |name: String| {
        let request = clients.eks.describe_addon().cluster_name(cluster);
        let answer = request.addon_name(&name).send();
        async move {
            let answer = answer
                .await
                .map_err(|error| aws::Error::of_call(ADDON, format!("add-on `{name}`"), error));
            Ok::<_, aws::Error>(present(answer)?.and_then(|answer| answer.addon))
        }
    });
    Ok(found.await?.into_iter().flatten().collect())
}

/// Its access entries; none where it looks only at the ConfigMap `aws-auth`.
pub(in crate::observe) async fn access_entries(
    clients: &Clients,
    cluster: &str,
) -> Result<Vec<EntryWithPolicies>, aws::Error> {
    let pages = clients.eks.list_access_entries().cluster_name(cluster);
    let principals = pages.into_paginator().items().send().try_collect().await;
    let principals = principals
        .map_err(|error| aws::Error::of_call("eks:ListAccessEntries", object(cluster), error));
    let found = each(ENTRY, principals_of(principals)?, |principal| {
        access_entry(clients.clone(), cluster.to_owned(), principal)
    });
    Ok(found.await?.into_iter().flatten().collect())
}

/// The principals that have an entry, of the answer to that question.
fn principals_of(answer: Result<Vec<String>, aws::Error>) -> Result<Vec<String>, aws::Error> {
    match answer {
        // "The cluster's authentication mode must be set to one of [API, API_AND_CONFIG_MAP] to perform this operation."
        Err(error) if error.code() == Some("InvalidRequestException") => Ok(Vec::new()),
        answer => Ok(present(answer)?.unwrap_or_default()),
    }
}

async fn access_entry(
    clients: Clients,
    cluster: String,
    principal: String,
) -> Result<Option<EntryWithPolicies>, aws::Error> {
    let object = || format!("access entry `{principal}`");
    let request = clients.eks.describe_access_entry().cluster_name(&cluster);
    let answer = request.principal_arn(&principal).send().await;
    let answer = answer.map_err(|error| aws::Error::of_call(ENTRY, object(), error));
    let Some(entry) = present(answer)?.and_then(|answer| answer.access_entry) else {
        return Ok(None);
    };
    let request = clients.eks.list_associated_access_policies();
    let pages = request.cluster_name(&cluster).principal_arn(&principal);
    let policies = pages.into_paginator().items().send().try_collect().await;
    let policies = policies
        .map_err(|error| aws::Error::of_call("eks:ListAssociatedAccessPolicies", object(), error));
    Ok(present(policies)?.map(|policies| (entry, policies)))
}

/// Its pod identity associations.
pub(in crate::observe) async fn pod_identity_associations(
    clients: &Clients,
    cluster: &str,
) -> Result<Vec<PodIdentityAssociation>, aws::Error> {
    let request = clients.eks.list_pod_identity_associations();
    let pages = request.cluster_name(cluster).into_paginator();
    let found = pages.items().send().try_collect().await.map_err(|error| {
        aws::Error::of_call("eks:ListPodIdentityAssociations", object(cluster), error)
    });
    let found = present(found)?.unwrap_or_default();
    let ids = found
        .iter()
        .filter_map(|summary| summary.association_id().map(str::to_owned));
    let found = each(ASSOCIATION, ids.collect(), |id: String| {
        let request = clients.eks.describe_pod_identity_association();
        let answer = request.cluster_name(cluster).association_id(&id).send();
        async move {
            let answer = answer.await.map_err(|error| {
                aws::Error::of_call(
                    ASSOCIATION,
                    format!("pod identity association `{id}`"),
                    error,
                )
            });
            Ok::<_, aws::Error>(present(answer)?.and_then(|answer| answer.association))
        }
    });
    Ok(found.await?.into_iter().flatten().collect())
}

fn object(cluster: &str) -> String {
    format!("cluster `{cluster}`")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cluster_that_knows_no_entries_and_one_that_is_gone_have_none() {
        let refused = |code: &str| {
            Err(aws::Error::Refused {
                action: "eks:ListAccessEntries",
                object: object("prod"),
                code: code.to_owned(),
                message: String::new(),
            })
        };
        for code in ["InvalidRequestException", "ResourceNotFoundException"] {
            assert_eq!(principals_of(refused(code)).unwrap(), Vec::<String>::new());
        }
        assert!(principals_of(refused("AccessDeniedException")).is_err());
        let principals = vec!["arn:aws:iam::1:role/a".to_owned()];
        assert_eq!(principals_of(Ok(principals.clone())).unwrap(), principals);
    }
}
