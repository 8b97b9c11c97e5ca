//! Auto Scaling groups of self-managed nodes, with the tags by which EKS and autoscalers know them.

use std::collections::BTreeSet;

use super::node_group::scaling;
use super::scope::Scope;
use crate::resource::{Address, AutoScalingGroup, Body, Kind, Tags, TemplateVersion, Text};
use crate::spec::{NodeGroup, autoscaler_tags};

pub(super) fn group(
    scope: &Scope<'_>,
    group: &NodeGroup,
    subnets: BTreeSet<Text>,
    launch_template: TemplateVersion,
) -> Body {
    Body::AutoScalingGroup(AutoScalingGroup {
        name: scope.resource_name(&group.name),
        cluster: scope.cluster_name(),
        subnets,
        launch_template,
        // The template has the only one.
        instance_types: if group.instance_types.len() > 1 {
            group.instance_types.clone()
        } else {
            Vec::new()
        },
        scaling: scaling(group),
        tags: tags(scope, group),
    })
}

/// `kubernetes.io/cluster/NAME` lets nodes and load balancers find each other. By the others the cluster autoscaler finds the
/// group, and knows what a node of it would be like while there is none:
/// <https://github.com/kubernetes/autoscaler/blob/master/cluster-autoscaler/cloudprovider/aws/README.md>. EKS and the
/// autoscaler see to these for managed groups, by themselves and by `eks:DescribeNodegroup`.
fn tags(scope: &Scope<'_>, group: &NodeGroup) -> Tags {
    let mut tags = group.tags.clone();
    tags.entry("Name".to_owned())
        .or_insert_with(|| scope.display_name(&group.name));
    tags.insert(
        format!("kubernetes.io/cluster/{}", scope.name()),
        "owned".to_owned(),
    );
    if group.autoscaler_tags {
        tags.extend(autoscaler_tags(scope.name(), &group.labels, &group.taints));
    }
    let address = Address::new(Kind::AutoScalingGroup, &group.name);
    scope.tags_with(&address, &tags)
}
