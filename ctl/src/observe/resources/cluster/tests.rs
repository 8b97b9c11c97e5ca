use std::collections::BTreeSet;

use aws_sdk_eks::types::{
    AccessConfigResponse, AddonHealth, AddonIssue, AddonIssueCode, AuthenticationMode, Certificate,
    ClusterHealth, ClusterIssue, ClusterIssueCode, EncryptionConfig, Identity,
    KubernetesNetworkConfigResponse, LogSetup, LogType, Logging, Oidc, Provider, VpcConfigResponse,
};

use super::*;

fn network() -> types::builders::VpcConfigResponseBuilder {
    VpcConfigResponse::builder()
        .subnet_ids("subnet-2")
        .subnet_ids("subnet-1")
        .security_group_ids("sg-1")
        .cluster_security_group_id("sg-eks")
        .endpoint_private_access(true)
        .public_access_cidrs("0.0.0.0/0")
}

fn cluster() -> types::builders::ClusterBuilder {
    let setup = |log, enabled| LogSetup::builder().types(log).enabled(enabled).build();
    let logging = Logging::builder()
        .cluster_logging(setup(LogType::Audit, true))
        .cluster_logging(setup(LogType::Api, false))
        .build();
    let oidc = Oidc::builder().issuer("https://oidc.example/id/A").build();
    let provider = Provider::builder().key_arn("arn:aws:kms:x").build();
    types::Cluster::builder()
        .name("prod")
        .arn("arn:aws:eks:us-west-2:111122223333:cluster/prod")
        .version("1.34")
        .role_arn("arn:aws:iam::111122223333:role/cluster")
        .endpoint("https://A.gr7.us-west-2.eks.amazonaws.com")
        .certificate_authority(Certificate::builder().data("QQ==").build())
        .status(ClusterStatus::Active)
        .logging(logging)
        .identity(Identity::builder().oidc(oidc).build())
        .encryption_config(EncryptionConfig::builder().provider(provider).build())
        .kubernetes_network_config(
            KubernetesNetworkConfigResponse::builder()
                .service_ipv4_cidr("172.20.0.0/16")
                .build(),
        )
        .access_config(
            AccessConfigResponse::builder()
                .authentication_mode(AuthenticationMode::ApiAndConfigMap)
                .build(),
        )
        .tags("aws:cloudformation:stack-name", "x")
        .tags("team", "y")
}

#[test]
fn a_cluster_is_put_into_our_words() {
    let network = network().endpoint_public_access(true).build();
    let found = read_cluster(&cluster().resources_vpc_config(network).build());
    let expected = resource::Cluster {
        name: "prod".to_owned(),
        version: "1.34".to_owned(),
        role: "arn:aws:iam::111122223333:role/cluster".into(),
        subnets: BTreeSet::from(["subnet-1".into(), "subnet-2".into()]),
        security_groups: BTreeSet::from(["sg-1".into()]),
        endpoint: resource::Endpoint {
            public: true,
            private: true,
            public_cidrs: BTreeSet::from(["0.0.0.0/0".to_owned()]),
        },
        log_types: BTreeSet::from(["audit".to_owned()]),
        authentication_mode: "API_AND_CONFIG_MAP".to_owned(),
        service_cidr: Some("172.20.0.0/16".to_owned()),
        encryption_key: Some("arn:aws:kms:x".to_owned()),
        tags: Tags::from([("team".to_owned(), "y".to_owned())]),
        ..resource::Cluster::default()
    };
    assert_eq!(found.body, Body::Cluster(expected));
    assert_eq!(found.status, Status::Ready);
    let output = |attribute| found.outputs.get(&attribute).map(String::as_str);
    assert_eq!(output(Attribute::Id), Some("prod"));
    assert_eq!(output(Attribute::CertificateAuthority), Some("QQ=="));
    assert_eq!(output(Attribute::ServiceCidr), Some("172.20.0.0/16"));
    assert_eq!(output(Attribute::IssuerHost), Some("oidc.example/id/A"));
    assert_eq!(output(Attribute::SecurityGroup), Some("sg-eks"));
}

#[test]
fn networks_count_only_while_the_public_endpoint_is_on() {
    let network = network().endpoint_public_access(false).build();
    assert!(endpoint(&network).public_cidrs.is_empty());
}

#[test]
fn a_failed_cluster_says_why() {
    let issue = ClusterIssue::builder()
        .code(ClusterIssueCode::Ec2SubnetNotFound)
        .message("One or more subnets do not exist")
        .resource_ids("subnet-1")
        .build();
    let health = ClusterHealth::builder().issues(issue).build();
    let failed = cluster().status(ClusterStatus::Failed).health(health);
    let reason = "Ec2SubnetNotFound: One or more subnets do not exist (subnet-1)".to_owned();
    assert_eq!(cluster_status(&failed.build()), Status::Failed { reason });
}

#[test]
fn an_addon_that_lacks_nodes_is_not_failed() {
    let issue = AddonIssue::builder()
        .code(AddonIssueCode::InsufficientNumberOfReplicas)
        .message("no nodes");
    let health = AddonHealth::builder().issues(issue.build()).build();
    let addon = |status| {
        types::Addon::builder()
            .addon_name("coredns")
            .cluster_name("prod")
            .addon_version("v1.12.3-eksbuild.1")
            .configuration_values("{\"replicaCount\": 3, \"a\": 1}")
            .service_account_role_arn("")
            .status(status)
            .health(health.clone())
            .build()
    };
    let degraded = read_addon(&addon(AddonStatus::Degraded));
    assert_eq!(degraded.status, Status::Ready);
    let body = addon_body(&addon(AddonStatus::Degraded));
    assert_eq!(
        body.configuration.as_deref(),
        Some(r#"{"a":1,"replicaCount":3}"#)
    );
    assert_eq!(body.service_account_role, None);
    let reason = "InsufficientNumberOfReplicas: no nodes".to_owned();
    assert_eq!(
        read_addon(&addon(AddonStatus::CreateFailed)).status,
        Status::Failed { reason }
    );
}

#[test]
fn a_configuration_in_yaml_is_the_same_as_in_json() {
    assert_eq!(configuration("replicaCount: 3\n"), r#"{"replicaCount":3}"#);
}

#[test]
fn a_log_group_is_known_by_an_arn_without_a_star() {
    let group = LogGroup::builder()
        .log_group_name("/aws/eks/prod/cluster")
        .arn("arn:aws:logs:us-west-2:111122223333:log-group:/aws/eks/prod/cluster:*")
        .retention_in_days(30)
        .build();
    let found = read_log_group(&group, Tags::new());
    assert_eq!(
        found.outputs[&Attribute::Arn],
        "arn:aws:logs:us-west-2:111122223333:log-group:/aws/eks/prod/cluster"
    );
}
