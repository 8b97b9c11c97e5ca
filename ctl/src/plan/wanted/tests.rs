use std::collections::{BTreeMap, BTreeSet};

use node::config::{Document, check, decode, merge, user_data};

use super::*;
use crate::plan::fixture::{
    as_observed, body, choices, choices_with_image, cluster, resolved, wanted_of,
};
use crate::resource::{
    ADDRESS_TAG, AccessEntry, AutoScalingGroup, AwsAuthRole, CLUSTER_TAG, Kind, LaunchTemplate,
    NodeGroup, Role, Text,
};

const SELF_MANAGED: &str = "\
nodeGroups:
- name: workers
  kind: selfManaged
  ami: {id: ami-0a1}
  labels: {team: a, tier: web}
  taints: [{key: gpu, value: yes-please, effect: NoSchedule}, {key: late, effect: NoExecute}]
  maxPods: 20
  kubelet: {config: {logging: {verbosity: 4}}, flags: [--v=3]}
  userData: [{contentType: text/x-shellscript, content: '#!/bin/sh'}]
  agentConfig: {fastPath: false}
";

fn self_managed(spec: &str) -> Vec<Wanted> {
    wanted(
        &cluster(spec),
        &choices_with_image("workers"),
        &BTreeMap::new(),
    )
}

fn addresses(wanted: &[Wanted]) -> BTreeSet<String> {
    wanted
        .iter()
        .map(|thing| thing.address.to_string())
        .collect()
}

fn role(wanted: &[Wanted], name: &str) -> Role {
    match body(wanted, Kind::Role, name) {
        Body::Role(role) => role.clone(),
        other => panic!("{other:?}"),
    }
}

fn policies(wanted: &[Wanted], name: &str) -> Vec<String> {
    let role = role(wanted, name);
    let name = |arn: &String| arn.replace("arn:aws:iam::aws:policy/", "");
    role.policies.iter().map(name).collect()
}

fn template(wanted: &[Wanted]) -> LaunchTemplate {
    match body(wanted, Kind::LaunchTemplate, "workers") {
        Body::LaunchTemplate(template) => template.clone(),
        other => panic!("{other:?}"),
    }
}

fn node_group(wanted: &[Wanted]) -> NodeGroup {
    match body(wanted, Kind::NodeGroup, "workers") {
        Body::NodeGroup(group) => group.clone(),
        other => panic!("{other:?}"),
    }
}

fn auto_scaling_group(wanted: &[Wanted]) -> AutoScalingGroup {
    match body(wanted, Kind::AutoScalingGroup, "workers") {
        Body::AutoScalingGroup(group) => group.clone(),
        other => panic!("{other:?}"),
    }
}

/// User data as the instance reads it.
fn user_data_text(wanted: &[Wanted]) -> String {
    let observed = as_observed(wanted);
    let template = resolved(body(wanted, Kind::LaunchTemplate, "workers"), &observed);
    let Body::LaunchTemplate(template) = template else {
        panic!("{template:?}");
    };
    let text = template.user_data.unwrap();
    text.known().unwrap().to_owned()
}

/// What the agent makes of user data, once it was found to be without faults.
fn node_config(text: &str) -> serde_json::Value {
    let found = user_data::split(text.as_bytes()).unwrap();
    assert_eq!(found.warnings, Vec::<String>::new());
    let documents: Vec<Document> = [found.documents, found.agent_documents].concat();
    let mut config = serde_json::Value::Null;
    for (index, document) in documents.iter().enumerate() {
        let (source, problems) = decode(document, index).unwrap();
        assert_eq!(problems, [], "{}", document.text);
        if let decode::Source::NodeConfig(tree) = source {
            let merged = merge::node_config(&tree).unwrap();
            assert_eq!(check::check(&merged), []);
            config = tree.to_json();
        }
    }
    config
}

#[test]
fn everything_comes_after_what_it_needs() {
    let specs = [
        "vpc: {nat: perZone}\nlogging: {retentionDays: 7}\nownSecurityGroup: true\naddons: [{name: vpc-cni, role: {}}, {name: coredns}, {name: aws-ebs-csi-driver, role: {by: podIdentity}}]\nnodeGroups: [{name: workers}]",
        SELF_MANAGED,
    ];
    for spec in specs {
        let mut before = BTreeSet::new();
        for thing in wanted_of(spec) {
            for needed in thing.needs() {
                assert!(before.contains(&needed), "{} needs {needed}", thing.address);
            }
            assert!(before.insert(thing.address.clone()), "{}", thing.address);
        }
    }
}

#[test]
fn everything_that_carries_tags_carries_the_owner_tags() {
    for thing in wanted_of("nodeGroups: [{name: workers}]") {
        let tags = thing.body.to_json()["tags"].clone();
        assert_eq!(tags[CLUSTER_TAG], "demo", "{}", thing.address);
        assert_eq!(tags[ADDRESS_TAG], thing.address.to_string());
    }
}

#[test]
fn a_vpc_has_as_many_nat_gateways_as_are_asked_for() {
    let nat_gateways = |spec: &str| {
        let wanted = wanted_of(spec);
        let gateways = wanted
            .iter()
            .filter(|thing| thing.address.kind == Kind::NatGateway);
        gateways.count()
    };
    assert_eq!(nat_gateways("vpc: {nat: none}"), 0);
    assert_eq!(nat_gateways("vpc: {nat: single}"), 1);
    assert_eq!(nat_gateways("vpc: {nat: perZone}"), 3);
    assert_eq!(nat_gateways("vpc: {nat: perZone, zoneCount: 2}"), 2);
    assert_eq!(nat_gateways("vpc: {subnets: {public: {none: true}}}"), 0);
}

#[test]
fn private_subnets_take_the_gateway_of_their_zone() {
    let wanted = wanted_of("vpc: {nat: perZone}");
    let Body::RouteTable(table) = body(&wanted, Kind::RouteTable, "private-us-west-2b") else {
        panic!("no route table");
    };
    let gateway = Address::new(Kind::NatGateway, "us-west-2b");
    let way = Text::of(&gateway, crate::resource::Attribute::Id);
    assert_eq!(table.routes.get("0.0.0.0/0"), Some(&way));
}

#[test]
fn a_vpc_without_public_subnets_has_no_internet_gateway() {
    let found = addresses(&wanted_of("vpc: {subnets: {public: {none: true}}}"));
    assert!(!found.contains("internet-gateway/main"), "{found:?}");
    assert!(
        found.contains("route-table/private-us-west-2a"),
        "{found:?}"
    );
}

#[test]
fn nodes_have_the_policies_that_they_need() {
    let spec = "nodeGroups: [{name: workers}]";
    assert_eq!(
        policies(&wanted_of(spec), "node"),
        [
            "AmazonEC2ContainerRegistryPullOnly",
            "AmazonEKSWorkerNodePolicy",
            "AmazonEKS_CNI_Policy",
            "AmazonSSMManagedInstanceCore"
        ]
    );
    let cni = wanted_of(&format!("{spec}\naddons: [{{name: vpc-cni, role: {{}}}}]"));
    assert!(!policies(&cni, "node").contains(&"AmazonEKS_CNI_Policy".to_owned()));
    assert_eq!(policies(&cni, "addon-vpc-cni"), ["AmazonEKS_CNI_Policy"]);
}

#[test]
fn the_policy_of_systems_manager_goes_when_no_group_has_it() {
    let has_it = |spec: &str| {
        policies(&wanted_of(spec), "node").contains(&"AmazonSSMManagedInstanceCore".to_owned())
    };
    assert!(has_it("nodeGroups: [{name: a, ssm: false}, {name: b}]"));
    assert!(!has_it(
        "nodeGroups: [{name: a, ssm: false}, {name: b, ssm: false}]"
    ));
}

#[test]
fn a_role_by_irsa_trusts_one_service_account() {
    let wanted = wanted_of("addons: [{name: aws-ebs-csi-driver, role: {}}]");
    assert!(addresses(&wanted).contains("oidc-provider/main"));
    let role = resolved(
        body(&wanted, Kind::Role, "addon-aws-ebs-csi-driver"),
        &as_observed(&wanted),
    );
    let Body::Role(role) = role else {
        panic!("{role:?}");
    };
    let trust: serde_json::Value = serde_json::from_str(role.trust.known().unwrap()).unwrap();
    let statement = &trust["Statement"][0];
    let host = "oidc.eks.us-west-2.amazonaws.com/id/ABC";
    assert_eq!(
        statement["Principal"]["Federated"],
        format!("arn:aws:iam::111122223333:oidc-provider/{host}")
    );
    assert_eq!(
        statement["Condition"]["StringEquals"],
        serde_json::json!({
            format!("{host}:aud"): "sts.amazonaws.com",
            format!("{host}:sub"): "system:serviceaccount:kube-system:ebs-csi-controller-sa",
        })
    );
}

#[test]
fn a_role_by_pod_identity_is_associated_before_the_addon_starts() {
    let wanted = wanted_of("addons: [{name: aws-ebs-csi-driver, role: {by: podIdentity}}]");
    assert!(!addresses(&wanted).contains("oidc-provider/main"));
    let trust = role(&wanted, "addon-aws-ebs-csi-driver").trust;
    let trust: serde_json::Value = serde_json::from_str(trust.known().unwrap()).unwrap();
    assert_eq!(
        trust["Statement"][0]["Action"],
        serde_json::json!(["sts:AssumeRole", "sts:TagSession"])
    );
    let addon = wanted
        .iter()
        .find(|thing| thing.address.kind == Kind::Addon)
        .unwrap();
    let association = "pod-identity/kube-system.ebs-csi-controller-sa";
    assert!(addon.needs().contains(&association.parse().unwrap()));
}

#[test]
fn addons_that_nodes_need_come_before_them_and_the_others_after() {
    let wanted = wanted_of(
        "addons: [{name: coredns}, {name: vpc-cni}, {name: eks-pod-identity-agent}]\nnodeGroups: [{name: workers}]",
    );
    let place = |address: &str| {
        let address: Address = address.parse().unwrap();
        wanted
            .iter()
            .position(|thing| thing.address == address)
            .unwrap()
    };
    let group = place("nodegroup/workers");
    assert!(place("addon/vpc-cni") < group);
    assert!(place("addon/eks-pod-identity-agent") < group);
    assert!(place("addon/coredns") > group);
}

#[test]
fn eks_installs_nothing_by_itself_when_the_document_names_all_of_it() {
    let by_itself = |spec: &str| match body(&wanted_of(spec), Kind::Cluster, "demo") {
        Body::Cluster(cluster) => cluster.self_managed_addons,
        other => panic!("{other:?}"),
    };
    assert!(by_itself("addons: [{name: vpc-cni}, {name: coredns}]"));
    assert!(!by_itself(
        "addons: [{name: vpc-cni}, {name: coredns}, {name: kube-proxy}]"
    ));
}

#[test]
fn a_managed_group_whose_ami_eks_chooses_has_no_user_data_unless_something_differs() {
    let wanted = wanted_of("nodeGroups: [{name: workers, labels: {a: b}}]");
    assert_eq!(template(&wanted).user_data, None);
    let wanted = wanted_of("nodeGroups: [{name: workers, maxPods: 40}]");
    let config = node_config_without_cluster(&user_data_text(&wanted));
    assert_eq!(
        config["spec"],
        serde_json::json!({"kubelet": {"config": {"maxPods": 40}}})
    );
}

/// As [`node_config`], of a document to which EKS adds the cluster.
fn node_config_without_cluster(text: &str) -> serde_json::Value {
    let found = user_data::split(text.as_bytes()).unwrap();
    let [document] = found.documents.as_slice() else {
        panic!("{found:?}");
    };
    let (source, problems) = decode(document, 0).unwrap();
    assert_eq!(problems, []);
    match source {
        decode::Source::NodeConfig(tree) => tree.to_json(),
        decode::Source::AgentConfig(..) => panic!("no NodeConfig"),
    }
}

#[test]
fn user_data_of_self_managed_nodes_is_all_that_they_need() {
    let text = user_data_text(&self_managed(SELF_MANAGED));
    assert!(
        text.contains("Content-Type: text/x-shellscript\n\n#!/bin/sh\n"),
        "{text}"
    );
    assert!(text.find("x-shellscript") < text.find("node.eks.aws"));
    let config = node_config(&text);
    assert_eq!(config["spec"]["cluster"]["name"], "demo");
    assert_eq!(
        config["spec"]["cluster"]["apiServerEndpoint"],
        "https://abc.us-west-2.eks.amazonaws.com"
    );
    assert_eq!(config["spec"]["cluster"]["cidr"], "172.20.0.0/16");
    assert_eq!(
        config["spec"]["kubelet"],
        serde_json::json!({
            "config": {"logging": {"verbosity": 4}, "maxPods": 20},
            "flags": [
                "--node-labels=team=a,tier=web",
                "--register-with-taints=gpu=yes-please:NoSchedule,late:NoExecute",
                "--v=3",
            ],
        })
    );
}

#[test]
fn user_data_keeps_apart_from_parts_that_hold_its_boundary() {
    let spec = SELF_MANAGED.replace("#!/bin/sh", "#!/bin/sh --==nodectl-user-data==");
    let text = user_data_text(&self_managed(&spec));
    assert_eq!(node_config(&text)["spec"]["cluster"]["name"], "demo");
}

#[test]
fn an_agent_of_a_group_without_systems_manager_does_not_miss_it() {
    let text = user_data_text(&wanted_of("nodeGroups: [{name: workers, ssm: false}]"));
    let found = user_data::split(text.as_bytes()).unwrap();
    let [document] = found.agent_documents.as_slice() else {
        panic!("{found:?}");
    };
    assert!(
        document.text.contains("enabled: false"),
        "{}",
        document.text
    );
}

#[test]
fn a_group_with_an_ami_of_its_own_leaves_it_to_the_template() {
    let wanted = self_managed("nodeGroups: [{name: workers, ami: {id: ami-0a1}}]");
    let group = node_group(&wanted);
    assert_eq!((group.ami_type, group.version), (None, None));
    let template = template(&wanted);
    assert_eq!(template.image.as_deref(), Some("ami-0a1"));
    assert_eq!(template.disk.device, "/dev/sda1");
    assert_eq!(
        node_config(&user_data_text(&wanted))["spec"]["cluster"]["name"],
        "demo"
    );
}

#[test]
fn the_ami_type_fits_the_instance_type() {
    let ami_type = |architecture: &str, nvidia_gpus| {
        let mut choices = choices();
        choices.instance_types.insert(
            "m5.large".to_owned(),
            crate::observe::choices::InstanceType {
                architecture: architecture.to_owned(),
                nvidia_gpus,
                ..Default::default()
            },
        );
        let cluster = cluster("nodeGroups: [{name: workers}]");
        node_group(&wanted(&cluster, &choices, &BTreeMap::new())).ami_type
    };
    assert_eq!(
        ami_type("x86_64", 0).as_deref(),
        Some("AL2023_x86_64_STANDARD")
    );
    assert_eq!(
        ami_type("arm64", 0).as_deref(),
        Some("AL2023_ARM_64_STANDARD")
    );
    assert_eq!(
        ami_type("x86_64", 1).as_deref(),
        Some("AL2023_x86_64_NVIDIA")
    );
}

#[test]
fn an_auto_scaling_group_has_the_tags_that_eks_and_autoscalers_expect() {
    let tags = auto_scaling_group(&self_managed(SELF_MANAGED)).tags;
    for (key, value) in [
        ("Name", "demo-workers"),
        ("kubernetes.io/cluster/demo", "owned"),
        ("k8s.io/cluster-autoscaler/enabled", "true"),
        ("k8s.io/cluster-autoscaler/demo", "owned"),
        ("k8s.io/cluster-autoscaler/node-template/label/team", "a"),
        (
            "k8s.io/cluster-autoscaler/node-template/taint/gpu",
            "yes-please:NoSchedule",
        ),
    ] {
        assert_eq!(tags.get(key).map(String::as_str), Some(value), "{key}");
    }
    let without = format!("{SELF_MANAGED}  autoscalerTags: false\n");
    let tags = auto_scaling_group(&self_managed(&without)).tags;
    assert!(
        !tags.keys().any(|key| key.contains("autoscaler")),
        "{tags:?}"
    );
}

#[test]
fn only_several_instance_types_are_the_groups_own() {
    let group = auto_scaling_group(&self_managed(SELF_MANAGED));
    assert!(group.instance_types.is_empty());
    let several = SELF_MANAGED.replace("kind:", "instanceTypes: [m5.large, m5a.large]\n  kind:");
    let wanted = self_managed(&several);
    assert_eq!(
        auto_scaling_group(&wanted).instance_types,
        ["m5.large", "m5a.large"]
    );
    assert_eq!(template(&wanted).instance_type.as_deref(), Some("m5.large"));
}

fn node_entry(spec: &str) -> AccessEntry {
    match body(&self_managed(spec), Kind::AccessEntry, "node") {
        Body::AccessEntry(entry) => entry.clone(),
        other => panic!("{other:?}"),
    }
}

#[test]
fn self_managed_nodes_enter_by_an_access_entry() {
    assert_eq!(node_entry(SELF_MANAGED).entry_type, "EC2_LINUX");
    let managed = wanted_of("nodeGroups: [{name: workers}]");
    assert!(!addresses(&managed).contains("access-entry/node"));
}

#[test]
fn self_managed_nodes_enter_by_the_config_map_where_there_are_no_entries() {
    let spec = format!("access: {{authenticationMode: CONFIG_MAP}}\n{SELF_MANAGED}");
    let wanted = self_managed(&spec);
    let Body::AwsAuthRole(AwsAuthRole {
        username, groups, ..
    }) = body(&wanted, Kind::AwsAuthRole, "node")
    else {
        panic!("no line");
    };
    assert_eq!(username, "system:node:{{EC2PrivateDNSName}}");
    assert_eq!(groups.len(), 2);
    assert!(!addresses(&wanted).contains("access-entry/node"));
}

#[test]
fn a_group_with_a_role_of_its_own_has_its_profile_and_entry_too() {
    let wanted = self_managed(&format!(
        "{SELF_MANAGED}  role: {{policies: [arn:aws:iam::aws:policy/X]}}\n"
    ));
    let found = addresses(&wanted);
    for address in [
        "role/node-workers",
        "instance-profile/node-workers",
        "access-entry/node-workers",
    ] {
        assert!(found.contains(address), "{address} of {found:?}");
    }
    assert!(!found.contains("role/node"), "{found:?}");
    assert!(policies(&wanted, "node-workers").contains(&"X".to_owned()));
}

#[test]
fn a_managed_template_that_names_a_security_group_names_that_of_the_cluster_too() {
    let groups = |spec: &str| template(&wanted_of(spec)).security_groups.len();
    assert_eq!(groups("nodeGroups: [{name: workers}]"), 0);
    assert_eq!(
        groups("nodeGroups: [{name: workers, securityGroups: [sg-1]}]"),
        2
    );
}
