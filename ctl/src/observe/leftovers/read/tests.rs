use aws_sdk_ec2::types::{NetworkInterfaceAttachment, VolumeAttachment};

use super::*;
use crate::resource::{self, Address, Attribute, Outputs, Owner, Status};

fn tag(key: &str, value: &str) -> Tag {
    Tag::builder().key(key).value(value).build()
}

fn observed(body: Body, id: &str) -> Observed {
    Observed {
        address: Address::new(body.kind(), "main"),
        body,
        outputs: Outputs::from([(Attribute::Id, id.to_owned())]),
        owner: Owner::Ours,
        status: Status::Ready,
    }
}

fn whole() -> Standing {
    let group = resource::NodeGroup {
        name: "workers".to_owned(),
        ..resource::NodeGroup::default()
    };
    Standing::new(
        "prod",
        &[
            observed(Body::Cluster(resource::Cluster::default()), "prod"),
            observed(Body::NodeGroup(group), "workers"),
            observed(Body::Vpc(resource::Vpc::default()), "vpc-1"),
            observed(Body::NatGateway(resource::NatGateway::default()), "nat-1"),
        ],
    )
}

fn gone() -> Standing {
    Standing::new("prod", &[])
}

#[test]
fn an_instance_of_a_group_that_stands_is_not_left_behind() {
    let with = |tags: &[Tag]| {
        Instance::builder()
            .instance_id("i-1")
            .set_tags(Some(tags.to_vec()))
            .build()
    };
    let owned = tag("kubernetes.io/cluster/prod", "owned");
    let of_group = with(&[owned.clone(), tag("eks:nodegroup-name", "workers")]);
    assert_eq!(instance(&of_group, &whole()), None);
    let left = instance(&of_group, &gone()).unwrap();
    assert!(left.why.contains("`workers`"), "{}", left.why);
    let of_karpenter = with(&[owned, tag("karpenter.sh/nodepool", "spot")]);
    let left = instance(&of_karpenter, &whole()).unwrap();
    assert_eq!(
        left.command,
        "aws ec2 terminate-instances --instance-ids i-1"
    );
    assert!(left.why.contains("Karpenter"), "{}", left.why);
    let of_others = with(&[tag("kubernetes.io/cluster/prod", "shared")]);
    assert_eq!(instance(&of_others, &gone()), None);
}

#[test]
fn of_network_interfaces_those_are_left_behind_that_belong_to_nothing_that_stands() {
    let with = |description: &str, instance: Option<&str>| {
        NetworkInterface::builder()
            .network_interface_id("eni-1")
            .vpc_id("vpc-1")
            .description(description)
            .status(NetworkInterfaceStatus::InUse)
            .attachment(
                NetworkInterfaceAttachment::builder()
                    .set_instance_id(instance.map(str::to_owned))
                    .build(),
            )
            .build()
    };
    assert_eq!(interface(&with("Amazon EKS prod", None), &whole()), None);
    assert_eq!(interface(&with("", Some("i-1")), &whole()), None);
    let nat = with("Interface for NAT Gateway nat-1", None);
    assert_eq!(interface(&nat, &whole()), None);
    let balancer = with("ELB app/k8s-web/0123", None);
    let left = interface(&balancer, &whole()).unwrap();
    assert!(
        left.why.starts_with("\"ELB app/k8s-web/0123\""),
        "{}",
        left.why
    );
    assert!(left.command.contains("describe-"), "{}", left.command);
    assert_eq!(interface(&balancer, &gone()), None);
}

#[test]
fn the_security_group_of_eks_goes_with_the_cluster() {
    let group = SecurityGroup::builder()
        .group_id("sg-1")
        .group_name("eks-cluster-sg-prod-1")
        .tags(tag("aws:eks:cluster-name", "prod"))
        .tags(tag("kubernetes.io/cluster/prod", "owned"))
        .build();
    assert_eq!(security_group(&group, &whole()), None);
    assert!(security_group(&group, &gone()).is_some());
}

#[test]
fn volumes_of_claims_are_left_behind_and_root_volumes_are_not() {
    let owned = || {
        Volume::builder()
            .volume_id("vol-1")
            .size(8)
            .tags(tag("kubernetes.io/cluster/prod", "owned"))
            .attachments(VolumeAttachment::builder().instance_id("i-1").build())
    };
    assert_eq!(volume(&owned().build(), &whole()), None);
    let of_claim = owned()
        .tags(tag("kubernetes.io/created-for/pvc/name", "data"))
        .tags(tag("kubernetes.io/created-for/pvc/namespace", "db"))
        .build();
    let left = volume(&of_claim, &whole()).unwrap();
    assert!(
        left.why.starts_with("made for the claim db/data, 8 GiB"),
        "{}",
        left.why
    );
}

#[test]
fn load_balancers_of_both_sorts_are_told_by_their_arns() {
    let arn = |resource: &str| format!("arn:aws:elasticloadbalancing:us-west-2:1:{resource}");
    let command = |resource: &str| load_balancer(&arn(resource)).map(|left| left.command);
    assert_eq!(
        command("loadbalancer/a0b1"),
        Some("aws elb delete-load-balancer --load-balancer-name a0b1".to_owned())
    );
    let network = "loadbalancer/net/k8s-web/0123";
    assert_eq!(
        command(network),
        Some(format!(
            "aws elbv2 delete-load-balancer --load-balancer-arn {}",
            arn(network)
        ))
    );
    assert!(command("targetgroup/k8s-web/0123").is_some());
    assert_eq!(command("listener/net/k8s-web/0123/4567"), None);
}

#[test]
fn the_log_group_of_a_cluster_that_stands_is_not_left_behind() {
    let name = "/aws/eks/prod/cluster";
    assert_eq!(log_group(name, &whole()), None);
    assert!(log_group(name, &gone()).is_some());
    assert!(log_group("/aws/containerinsights/prod/application", &whole()).is_some());
}
