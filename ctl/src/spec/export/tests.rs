use std::collections::{BTreeMap, BTreeSet};

use super::*;
use crate::observe::choices::ExistingSubnet;
use crate::observe::existing::{ExistingAddon, Group};
use crate::resource::{
    self, ADDRESS_TAG, CLUSTER_TAG, Observed, Outputs, Owner, Status, TemplateVersion,
};
use crate::spec::{Addon, AddonRole, Nat, NodeGroup, RoleWiring, SubnetChoice};

fn texts<const N: usize>(ids: [&str; N]) -> BTreeSet<Text> {
    ids.map(Text::from).into()
}

fn owned(address: &str, more: &[(&str, &str)]) -> Tags {
    [(CLUSTER_TAG, "prod"), (ADDRESS_TAG, address)]
        .iter()
        .chain(more)
        .map(|(key, value)| ((*key).to_owned(), (*value).to_owned()))
        .collect()
}

fn ours(address: &str, id: &str, body: Body) -> Observed {
    Observed {
        address: address.parse().unwrap(),
        body,
        outputs: Outputs::from([
            (Attribute::Id, id.to_owned()),
            (Attribute::Arn, format!("arn:aws:iam::1:role/{id}")),
        ]),
        owner: Owner::Ours,
        status: Status::Ready,
    }
}

fn role(address: &str, trust: &str, policies: &[&str]) -> Observed {
    let role = resource::Role {
        name: address.to_owned(),
        trust: trust.into(),
        policies: policies
            .iter()
            .map(|name| format!("arn:aws:iam::aws:policy/{name}"))
            .collect(),
        ..resource::Role::default()
    };
    ours(address, &address.replace('/', "-"), Body::Role(role))
}

fn subnet(address: &str, id: &str, zone: &str, cidr: &str) -> Observed {
    let subnet = resource::Subnet {
        zone: zone.to_owned(),
        cidr: cidr.to_owned(),
        ..resource::Subnet::default()
    };
    ours(address, id, Body::Subnet(subnet))
}

fn existing_subnet(is_public: bool) -> ExistingSubnet {
    ExistingSubnet {
        is_public,
        ..ExistingSubnet::default()
    }
}

fn made() -> Existing {
    let template = resource::LaunchTemplate {
        security_groups: texts(["sg-eks", "sg-own"]),
        disk: resource::Disk {
            size: 40,
            volume_type: "gp3".to_owned(),
            encrypted: true,
            ..resource::Disk::default()
        },
        metadata: resource::MetadataOptions {
            hop_limit: 2,
            tags: false,
        },
        ..resource::LaunchTemplate::default()
    };
    let group = resource::NodeGroup {
        name: "workers".to_owned(),
        role: "arn:aws:iam::1:role/role-node".into(),
        subnets: texts(["subnet-2"]),
        instance_types: vec!["m5.large".to_owned()],
        ami_type: Some("AL2023_x86_64_STANDARD".to_owned()),
        capacity_type: "ON_DEMAND".to_owned(),
        scaling: resource::Scaling {
            min: 1,
            max: 4,
            desired: Some(3),
        },
        launch_template: TemplateVersion::default(),
        tags: owned("nodegroup/workers", &[("team", "x"), ("tier", "web")]),
        ..resource::NodeGroup::default()
    };
    let trust = r#"{"Condition":{"StringEquals":{"h:sub":"system:serviceaccount:kube-system:ebs-csi-controller-sa"}}}"#;
    Existing {
        region: "us-west-2".to_owned(),
        cluster: resource::Cluster {
            name: "prod".to_owned(),
            version: "1.34".to_owned(),
            role: "arn:aws:iam::1:role/role-cluster".into(),
            subnets: texts(["subnet-1", "subnet-2"]),
            log_types: BTreeSet::from(["audit".to_owned()]),
            authentication_mode: "API".to_owned(),
            tags: owned("cluster/prod", &[("team", "x")]),
            ..resource::Cluster::default()
        },
        outputs: Outputs::from([(Attribute::SecurityGroup, "sg-eks".to_owned())]),
        vpc: "vpc-1".to_owned(),
        subnets: BTreeMap::from([
            ("subnet-1".to_owned(), existing_subnet(true)),
            ("subnet-2".to_owned(), existing_subnet(false)),
        ]),
        ours: vec![
            ours(
                "vpc/main",
                "vpc-1",
                Body::Vpc(resource::Vpc {
                    cidr: "10.1.0.0/16".to_owned(),
                    ..resource::Vpc::default()
                }),
            ),
            subnet(
                "subnet/public-us-west-2a",
                "subnet-1",
                "us-west-2a",
                "10.1.0.0/19",
            ),
            subnet(
                "subnet/private-us-west-2a",
                "subnet-2",
                "us-west-2a",
                "10.1.128.0/19",
            ),
            ours(
                "nat-gateway/us-west-2a",
                "nat-1",
                Body::NatGateway(resource::NatGateway::default()),
            ),
            role("role/cluster", "{}", &["AmazonEKSClusterPolicy"]),
            role(
                "role/node",
                "{}",
                &[
                    "AmazonEKSWorkerNodePolicy",
                    "AmazonSSMManagedInstanceCore",
                    "Own",
                ],
            ),
            role(
                "role/addon-aws-ebs-csi-driver",
                trust,
                &["service-role/Driver"],
            ),
        ],
        addons: vec![ExistingAddon {
            addon: resource::Addon {
                name: "aws-ebs-csi-driver".to_owned(),
                version: Some("v1.50.0-eksbuild.1".to_owned()),
                configuration: Some(r#"{"a":1}"#.to_owned()),
                service_account_role: Some(
                    "arn:aws:iam::1:role/role-addon-aws-ebs-csi-driver".into(),
                ),
                ..resource::Addon::default()
            },
            association: None,
        }],
        node_groups: vec![Group {
            group,
            template: Some(template),
        }],
        ..Existing::default()
    }
}

#[test]
fn what_was_made_is_asked_for_again() {
    let Export { cluster, left_out } = export(&made());
    assert_eq!(left_out, Vec::<String>::new());
    assert_eq!(cluster.metadata.tags.len(), 1);
    let spec = cluster.spec;
    assert_eq!(spec.cluster_role, RoleChoice::default());
    assert_eq!(spec.logging.types, BTreeSet::from([LogType::Audit]));
    assert_eq!((spec.vpc.id, spec.vpc.nat), (None, Nat::Single));
    assert_eq!(spec.vpc.zones, ["us-west-2a"]);
    assert_eq!(spec.vpc.subnets.private.cidrs, ["10.1.128.0/19"]);
    let own = "arn:aws:iam::aws:policy/Own".to_owned();
    assert_eq!(spec.node_role.policies, BTreeSet::from([own]));
    let role = AddonRole {
        by: RoleWiring::Irsa,
        arn: None,
        policies: BTreeSet::from(["arn:aws:iam::aws:policy/service-role/Driver".to_owned()]),
        namespace: Some("kube-system".to_owned()),
        service_account: Some("ebs-csi-controller-sa".to_owned()),
    };
    let addon = Addon {
        name: "aws-ebs-csi-driver".to_owned(),
        version: Some("v1.50.0-eksbuild.1".to_owned()),
        configuration: Some(serde_json::json!({ "a": 1 })),
        role: Some(role),
    };
    assert_eq!(spec.addons, [addon]);
    let group = NodeGroup {
        name: "workers".to_owned(),
        ami: crate::spec::Ami {
            ami_type: Some("AL2023_x86_64_STANDARD".to_owned()),
            ..crate::spec::Ami::default()
        },
        scaling: crate::spec::Scaling {
            min: 1,
            max: Some(4),
            desired: None,
        },
        disk: crate::spec::Disk {
            size: 40,
            ..crate::spec::Disk::default()
        },
        security_groups: BTreeSet::from(["sg-own".to_owned()]),
        tags: Tags::from([("tier".to_owned(), "web".to_owned())]),
        imds: crate::spec::Imds {
            hop_limit: 2,
            tags: false,
        },
        ..NodeGroup::default()
    };
    assert_eq!(spec.node_groups, [group]);
}

#[test]
fn what_others_made_is_named_by_its_ids_and_their_groups_are_left_out() {
    let mut existing = made();
    existing.ours.clear();
    existing.cluster.tags = Tags::from([("team".to_owned(), "x".to_owned())]);
    for group in &mut existing.node_groups {
        group.group.tags.clear();
    }
    let Export { cluster, left_out } = export(&existing);
    assert_eq!(left_out.len(), 1);
    assert!(left_out[0].contains("`workers`"), "{left_out:?}");
    assert_eq!(cluster.metadata.tags, Tags::new());
    assert_eq!(cluster.spec.vpc.id.as_deref(), Some("vpc-1"));
    let public = SubnetChoice {
        ids: BTreeSet::from(["subnet-1".to_owned()]),
        ..SubnetChoice::default()
    };
    assert_eq!(cluster.spec.vpc.subnets.public, public);
    assert!(!cluster.spec.vpc.tag_subnets);
    let arn = cluster.spec.cluster_role.arn;
    assert_eq!(arn.as_deref(), Some("arn:aws:iam::1:role/role-cluster"));
}
