use super::super::super::fields::of_paths;
use super::*;

fn cluster() -> Cluster {
    Cluster {
        name: "blue".into(),
        version: "1.34".into(),
        role: "arn:aws:iam::111122223333:role/nodectl-blue-cluster".into(),
        subnets: ["subnet-a".into(), "subnet-b".into()].into(),
        endpoint: Endpoint {
            public: true,
            private: true,
            public_cidrs: ["203.0.113.0/24".to_owned()].into(),
        },
        log_types: ["audit".to_owned()].into(),
        authentication_mode: "API".into(),
        tags: [("team".to_owned(), "a".to_owned())].into(),
        ..Cluster::default()
    }
}

#[test]
fn a_cluster_is_asked_for_in_one_call_with_its_tags_and_token() {
    let request = creation(&cluster(), "t0").build().unwrap();
    assert_eq!(request.client_request_token(), Some("t0"));
    assert_eq!(request.bootstrap_self_managed_addons(), Some(false));
    let network = request.resources_vpc_config().unwrap();
    assert_eq!(network.subnet_ids(), ["subnet-a", "subnet-b"]);
    assert_eq!(network.public_access_cidrs(), ["203.0.113.0/24"]);
    assert_eq!(network.security_group_ids(), [] as [String; 0]);
    let access = request.access_config().unwrap();
    assert_eq!(
        access.bootstrap_cluster_creator_admin_permissions(),
        Some(false)
    );
    assert_eq!(request.tags().unwrap()["team"], "a");
    assert_eq!(request.kubernetes_network_config(), None);
    assert_eq!(request.encryption_config(), []);
}

#[test]
fn an_endpoint_that_is_private_has_no_public_networks() {
    let mut wanted = cluster();
    wanted.endpoint.public = false;
    let request = creation(&wanted, "t0").build().unwrap();
    let network = request.resources_vpc_config().unwrap();
    assert_eq!(network.public_access_cidrs(), [] as [String; 0]);
}

#[test]
fn log_types_that_are_off_are_said_too() {
    let logging = logging(&cluster());
    let setups: Vec<_> = logging
        .cluster_logging()
        .iter()
        .map(|setup| (setup.enabled(), setup.types().len()))
        .collect();
    assert_eq!(setups, [(Some(true), 1), (Some(false), 4)]);
}

/// What each update is about.
fn about(steps: &[Step]) -> Vec<String> {
    let of_config = |call: &UpdateClusterConfigInputBuilder| {
        if let Some(access) = call.get_access_config() {
            let mode = access.authentication_mode();
            return format!("mode {}", mode.unwrap().as_str());
        }
        if call.get_logging().is_some() {
            return "logging".to_owned();
        }
        let network = call.get_resources_vpc_config().as_ref().unwrap();
        match network.endpoint_public_access() {
            Some(public) => format!("endpoint public {public}"),
            None => format!("network {}", network.subnet_ids().join(" ")),
        }
    };
    let of_step = |step: &Step| match step {
        Step::Config(call) => of_config(call),
        Step::Encryption(config) => {
            format!("key {}", config.provider().unwrap().key_arn().unwrap())
        }
        Step::Version(version) => format!("version {version}"),
    };
    steps.iter().map(of_step).collect()
}

#[test]
fn each_kind_of_change_is_an_update_of_its_own() {
    let mut observed = cluster();
    observed.authentication_mode = "CONFIG_MAP".into();
    let mut wanted = cluster();
    wanted.encryption_key = Some("arn:key".into());
    wanted.version = "1.35".into();
    let fields = of_paths(&[
        "authenticationMode",
        "encryptionKey",
        "endpoint.publicCidrs",
        "logTypes",
        "subnets",
        "version",
    ]);
    assert_eq!(
        about(&steps(&observed, &wanted, &fields)),
        [
            "mode API_AND_CONFIG_MAP",
            "mode API",
            "endpoint public true",
            "network subnet-a subnet-b",
            "logging",
            "key arn:key",
            "version 1.35",
        ]
    );
}

#[test]
fn a_difference_of_tags_needs_no_update() {
    let fields = of_paths(&["tags.team"]);
    assert!(steps(&cluster(), &cluster(), &fields).is_empty());
}
