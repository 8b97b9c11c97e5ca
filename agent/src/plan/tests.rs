mod outputs;

use std::fmt::Write as _;

use node::config::node_config::Cluster;
use serde_json::json;

use super::*;
use crate::facts::{ImageCredentialProvider, Instance, Version};

pub(super) fn config() -> NodeConfig {
    let mut config = NodeConfig::default();
    config.spec.cluster = Cluster {
        name: "prod".into(),
        api_server_endpoint: "https://A.gr7.eu-west-1.eks.amazonaws.com".into(),
        certificate_authority: include_str!("tests/ca.base64").into(),
        cidr: "10.100.0.0/16".into(),
        ..Cluster::default()
    };
    config
}

pub(super) fn facts() -> Facts {
    Facts {
        instance: Instance {
            id: "i-0123456789abcdef0".into(),
            instance_type: "m5.large".into(),
            region: "eu-west-1".into(),
            availability_zone: "eu-west-1a".into(),
            private_dns_name: "ip-10-0-1-2.eu-west-1.compute.internal".into(),
            local_ipv4: "10.0.1.2".into(),
            ipv6: Some("2001:db8::2".into()),
            role: "worker".into(),
            account_id: "111122223333".into(),
            partition: "aws".into(),
            warmed: None,
        },
        cores: 2,
        memory_mebibytes: 7680,
        kubelet_version: Version::new(1, 34),
        containerd_version: Version::new(1, 7),
        image_credential_provider: ImageCredentialProvider {
            path: path::IMAGE_CREDENTIAL_PROVIDER.into(),
            is_installed: true,
        },
        has_nvidia_device: false,
        has_nvidia_runtime: false,
        online_memory_bytes: None,
        known_type: node::max_pods::Table::embedded().find("m5.large"),
        labels: BTreeMap::new(),
        instance_limits: None,
        api_server_addresses: Vec::new(),
    }
}

fn make(config: &NodeConfig, facts: &Facts) -> Plan {
    plan(config, &AgentConfig::default(), facts).unwrap()
}

fn content(plan: &Plan, path: &str) -> String {
    plan.files
        .iter()
        .find(|file| file.path == path)
        .map(|file| file.content.clone())
        .unwrap_or_default()
}

/// The whole node in one text, so that a reviewer sees what a change of the planner means. The runtime specification is
/// data and has a test of its own.
#[test]
fn a_plan_of_an_ordinary_node() {
    let plan = make(&config(), &facts());
    let mut text = String::new();
    for file in plan
        .files
        .iter()
        .filter(|file| file.path != path::BASE_RUNTIME_SPEC)
    {
        writeln!(
            text,
            "=== {} {:04o}\n{}",
            file.path, file.mode, file.content
        )
        .unwrap();
    }
    writeln!(
        text,
        "=== summary\n{}",
        serde_json::to_string_pretty(&plan.summary).unwrap()
    )
    .unwrap();
    writeln!(text, "=== warnings\n{}", plan.warnings.join("\n")).unwrap();
    insta::assert_snapshot!(text);
}

#[test]
fn a_plan_is_the_same_every_time() {
    assert_eq!(make(&config(), &facts()), make(&config(), &facts()));
}

#[test]
fn the_users_part_of_the_kubelet_configuration_is_a_drop_in() {
    let mut config = config();
    config
        .spec
        .kubelet
        .config
        .insert("maxPods".into(), json!(42));
    config.spec.kubelet.flags.push("--node-labels=a=b".into());
    let plan = make(&config, &facts());
    let drop_in: serde_json::Value =
        serde_json::from_str(&content(&plan, path::KUBELET_CONFIG_DROP_IN)).unwrap();
    assert_eq!(
        drop_in,
        json!({"apiVersion": "kubelet.config.k8s.io/v1beta1", "kind": "KubeletConfiguration", "maxPods": 42})
    );
    let environment = content(&plan, path::KUBELET_ENVIRONMENT);
    assert!(
        environment.contains(" --config-dir=/etc/kubernetes/kubelet/config.json.d "),
        "{environment}"
    );
    assert!(environment.ends_with(" --node-labels=a=b"), "{environment}");
}

#[test]
fn an_old_kubelet_is_told_to_read_its_drop_ins_and_gets_no_newer_gates() {
    let mut config = config();
    config
        .spec
        .kubelet
        .config
        .insert("maxPods".into(), json!(42));
    let plan = make(
        &config,
        &Facts {
            kubelet_version: Version::new(1, 29),
            ..facts()
        },
    );
    assert!(
        content(&plan, path::KUBELET_ENVIRONMENT).ends_with("\nKUBELET_CONFIG_DROPIN_DIR_ALPHA=on")
    );
    let generated: serde_json::Value =
        serde_json::from_str(&content(&plan, path::KUBELET_CONFIG)).unwrap();
    assert_eq!(
        generated["featureGates"],
        json!({"RotateKubeletServerCertificate": true})
    );
    assert_eq!(generated["shutdownGracePeriod"], json!(null));
    assert!(!content(&plan, path::IMAGE_CREDENTIAL_PROVIDER_CONFIG).contains("ecr-public.aws.com"));
}

#[test]
fn an_ipv6_cluster_gets_the_ipv6_address() {
    let mut config = config();
    config.spec.cluster.cidr = "fd30:1c53:5f8a::/108".into();
    let environment = content(&make(&config, &facts()), path::KUBELET_ENVIRONMENT);
    assert!(
        environment.contains(" --node-ip=2001:db8::2 "),
        "{environment}"
    );
}

#[test]
fn a_node_can_be_named_by_its_instance_id() {
    let mut config = config();
    config
        .spec
        .feature_gates
        .insert("InstanceIdNodeName".into(), true);
    let plan = make(&config, &facts());
    assert_eq!(plan.summary.node_name, "i-0123456789abcdef0");
    assert!(
        content(&plan, path::KUBELET_ENVIRONMENT)
            .contains(" --hostname-override=i-0123456789abcdef0 ")
    );
}

#[test]
fn containerd_2_gets_its_own_format_with_the_users_settings_in_it() {
    let facts = Facts {
        containerd_version: Version::new(2, 1),
        ..facts()
    };
    let mut config = config();
    config.spec.containerd.config =
        "[plugins.\"io.containerd.grpc.v1.cri\".containerd]\ndefault_runtime_name = \"crun\"\n"
            .into();
    insta::assert_snapshot!(content(&make(&config, &facts), path::CONTAINERD_CONFIG));
}

#[test]
fn the_aws_cli_can_make_the_token_instead() {
    let agent = AgentConfig {
        credential: node::config::CredentialSource::AwsCli,
        ..AgentConfig::default()
    };
    let plan = plan(&config(), &agent, &facts()).unwrap();
    let kubeconfig = content(&plan, path::KUBECONFIG);
    assert!(
        kubeconfig
            .contains("command: aws\n        args:\n        - \"eks\"\n        - \"get-token\"\n"),
        "{kubeconfig}"
    );
}

#[test]
fn an_unusable_config_names_everything_that_is_missing() {
    let error = plan(&NodeConfig::default(), &AgentConfig::default(), &facts()).unwrap_err();
    assert_eq!(
        error.to_string(),
        "the NodeConfig cannot be used: `spec.cluster.name` is missing; `spec.cluster.apiServerEndpoint` is missing; \
         `spec.cluster.certificateAuthority` is missing; `spec.cluster.cidr` is missing"
    );
}

#[test]
fn a_reserve_that_takes_a_quarter_of_the_memory_is_said() {
    let facts = Facts {
        memory_mebibytes: 2048,
        ..facts()
    };
    assert_eq!(
        make(&config(), &facts).warnings,
        [
            "the 574 MiB that the kubelet reserves for 29 pods are more than a quarter of the machine's 2048 MiB",
        ]
    );
}

#[test]
fn what_is_reported_is_kept_for_the_daemon_where_it_is_not_the_default() {
    let report = Report {
        conditions: node::config::agent_config::Conditions::Eks,
        events: true,
    };
    let agent = AgentConfig {
        report,
        ..AgentConfig::default()
    };
    let kept = |agent: &AgentConfig| {
        let summary = plan(&config(), agent, &facts()).unwrap().summary;
        serde_json::to_value(summary).unwrap()
    };
    let json = kept(&agent);
    assert_eq!(json["report"]["conditions"], "eks");
    let read: Summary = serde_json::from_value(json).unwrap();
    assert_eq!(read.report, report);
    let plain = kept(&AgentConfig::default());
    assert_eq!(plain.get("report"), None);
    let read: Summary = serde_json::from_value(plain).unwrap();
    assert_eq!(read.report, Report::default());
}
