use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::super::decode::decode;
use super::super::{Source, merge};
use super::*;

/// A self-signed authority that was made for this test and signs nothing.
const AUTHORITY: &str = include_str!("../../../../tests/cases/ca.crt");

fn complete() -> NodeConfig {
    let mut config = NodeConfig::default();
    config.spec.cluster.name = "prod".into();
    config.spec.cluster.api_server_endpoint = "https://A.gr7.eu-west-1.eks.amazonaws.com".into();
    config.spec.cluster.certificate_authority = STANDARD.encode(AUTHORITY);
    config.spec.cluster.cidr = "10.100.0.0/16".into();
    config
}

fn problems(change: impl FnOnce(&mut NodeConfig)) -> Vec<String> {
    let mut config = complete();
    change(&mut config);
    check(&config).iter().map(ToString::to_string).collect()
}

fn authority(pem: &str) -> Vec<String> {
    problems(|config| config.spec.cluster.certificate_authority = STANDARD.encode(pem))
}

fn flags(flags: &[&str]) -> Vec<String> {
    problems(|config| {
        config.spec.kubelet.flags = flags.iter().map(|flag| (*flag).to_owned()).collect();
    })
}

#[test]
fn a_complete_config_has_no_problem() {
    assert_eq!(problems(|_| {}), [""; 0]);
}

#[test]
fn everything_missing_is_told_at_once() {
    assert_eq!(
        problems(|config| *config = NodeConfig::default()),
        [
            "`spec.cluster.name` is missing",
            "`spec.cluster.apiServerEndpoint` is missing",
            "`spec.cluster.certificateAuthority` is missing",
            "`spec.cluster.cidr` is missing"
        ]
    );
    assert_eq!(
        problems(|config| config.spec.cluster.enable_outpost = Some(true)),
        ["`spec.cluster.id` is missing; a local cluster on an Outpost needs it"]
    );
}

#[test]
fn a_network_and_a_url_are_asked_for_their_form() {
    assert_eq!(
        problems(|config| config.spec.cluster.cidr = "10.0.0.0/33".into()),
        [
            "`spec.cluster.cidr` `10.0.0.0/33` is not an IPv4 or IPv6 network such as `10.100.0.0/16`"
        ]
    );
    assert_eq!(
        problems(|config| config.spec.cluster.api_server_endpoint = "10.0.0.1:443".into()),
        ["`spec.cluster.apiServerEndpoint` `10.0.0.1:443` is not an https URL"]
    );
}

#[test]
fn a_certificate_authority_is_asked_for_every_layer_of_its_form() {
    let message = |text: &str| format!("`spec.cluster.certificateAuthority` {text}");
    assert_eq!(
        authority("hello"),
        [message("is base64 of text that is no PEM certificate")]
    );
    assert_eq!(
        problems(|config| config.spec.cluster.certificate_authority = AUTHORITY.into()),
        [message("is PEM itself; it must be base64 of it")]
    );
    assert!(
        problems(|config| config.spec.cluster.certificate_authority = "a*b".into())[0]
            .starts_with(&message("is not base64 ("))
    );
    assert_eq!(
        authority("-----BEGIN CERTIFICATE-----\naGVsbG8=\n-----END CERTIFICATE-----\n"),
        [message(
            "is PEM around something which is no X.509 certificate, so the API server cannot be trusted"
        )]
    );
    assert_eq!(
        authority("-----BEGIN CERTIFICATE-----\n*\n-----END CERTIFICATE-----\n"),
        [message(
            "is PEM around something which is not base64, so the API server cannot be trusted"
        )]
    );
    let mut config = complete();
    config.spec.cluster.certificate_authority =
        STANDARD.encode("-----BEGIN CERTIFICATE-----\naGVsbG8=\n-----END CERTIFICATE-----\n");
    assert!(!check(&config)[0].prevents_start);
}

#[test]
fn flags_that_are_ours_or_none_are_told() {
    assert_eq!(
        flags(&[
            "--v=3",
            "-v=3",
            "-v",
            "3",
            "--max-pods",
            "20",
            "--feature-gates=A=true --x"
        ]),
        [""; 0]
    );
    assert_eq!(
        flags(&["max-pods=20", "--v=2", "--kubeconfig=/x --node-ip 1.2.3.4"]),
        [
            "`spec.kubelet.flags[0]` does not begin with `--`, so the kubelet refuses to start",
            "`spec.kubelet.flags[2]` overrides the `--kubeconfig` that is generated",
            "`spec.kubelet.flags[2]` overrides the `--node-ip` that is generated"
        ]
    );
}

#[test]
fn labels_that_the_kubelet_refuses_are_told() {
    assert_eq!(
        flags(&[
            "--node-labels=team=blue,node.kubernetes.io/x=y,eks.amazonaws.com/nodegroup=a",
            "--node-labels="
        ]),
        [""; 0]
    );
    let found = flags(&["--node-labels=ok=1,node-role.kubernetes.io/gpu=,a=b@c"]);
    assert_eq!(found.len(), 2, "{found:?}");
    assert!(found[0].starts_with("`spec.kubelet.flags[0]` holds a label that the kubelet refuses: `node-role.kubernetes.io/gpu`"));
    assert!(found[1].contains("`a`: a label's value has at most"));
}

#[test]
fn taints_that_the_kubelet_refuses_are_told() {
    assert_eq!(
        flags(&[
            "--register-with-taints=a=b:NoSchedule,node.kubernetes.io/x:NoExecute",
            "--register-with-taints="
        ]),
        [""; 0]
    );
    assert_eq!(
        flags(&["--register-with-taints=a=b:NoScedule,c=d"]),
        [
            "`spec.kubelet.flags[0]` holds a taint that the kubelet refuses: `NoScedule` of taint `a` is no effect; there are `NoSchedule`, `PreferNoSchedule` and `NoExecute`; did you mean `NoSchedule`?",
            "`spec.kubelet.flags[0]` holds a taint that the kubelet refuses: taint `c` has no effect after a `:`; there are `NoSchedule`, `PreferNoSchedule` and `NoExecute`"
        ]
    );
    let found = problems(|config| {
        config.spec.kubelet.config = serde_json::from_str(
            r#"{"kind": "Kubelet", "registerWithTaints": [{"key": "a", "effect": "NoSchedule"}, {"key": "-", "effect": "NoSchedule"}]}"#,
        )
        .unwrap();
    });
    assert_eq!(
        found,
        [
            "`spec.kubelet.config.kind` is not `KubeletConfiguration`, so the kubelet refuses its configuration",
            "`spec.kubelet.config.registerWithTaints[1]` holds a taint that the kubelet refuses: `-` cannot be the key of a taint"
        ]
    );
}

#[test]
fn names_and_addresses_of_the_instance_are_asked_for_their_form() {
    let found = problems(|config| {
        let instance = &mut config.spec.instance;
        instance.local_storage.mount_path = "data".into();
        instance.network.nameservers = vec!["10.0.0.2".into(), "dns.example.com".into()];
        for unit in ["default", "my unit", "kubelet"] {
            instance.environment.insert(
                unit.into(),
                [
                    ("1A".to_owned(), "hunter2".to_owned()),
                    ("OK".to_owned(), String::new()),
                ]
                .into(),
            );
        }
    });
    assert_eq!(
        found,
        [
            "`spec.instance.localStorage.mountPath` is not an absolute path",
            "`spec.instance.environment.default.1A` cannot be the name of a variable; systemd ignores it",
            "`spec.instance.environment.kubelet.1A` cannot be the name of a variable; systemd ignores it",
            "`spec.instance.environment.my unit` cannot be the name of a systemd unit and has no effect",
            "`spec.instance.environment.my unit.1A` cannot be the name of a variable; systemd ignores it",
            "`spec.instance.network.nameservers[1]` `dns.example.com` is not an IP address"
        ]
    );
}

#[test]
fn problems_are_located_in_the_document_that_set_the_field() {
    let document = |name: &str, spec: &str| Document {
        name: name.into(),
        text: format!("apiVersion: node.eks.aws/v1alpha1\nkind: NodeConfig\nspec:\n{spec}"),
    };
    let documents = [
        document(
            "one",
            "  cluster: {cidr: nothing}\n  kubelet: {flags: [--a=1]}\n",
        ),
        document(
            "two",
            "  kubelet:\n    flags: [b]\n    maxPodsExpression: max_pods +\n  containerd:\n    config: |\n      [a]\n        b = = 1\n",
        ),
    ];
    let trees: Vec<Node> = documents
        .iter()
        .enumerate()
        .map(|(index, document)| match decode(document, index).unwrap() {
            (Source::NodeConfig(tree), _) => tree,
            (Source::AgentConfig(..), _) => panic!("not a NodeConfig"),
        })
        .collect();
    let tree = merge::merge(&trees).unwrap();
    let config = merge::node_config(&tree).unwrap();
    let told: Vec<String> = all(&config, &tree, &documents)
        .iter()
        .map(|problem| problem.told(&documents))
        .filter(|told| !told.contains("is missing"))
        .collect();
    assert_eq!(told.len(), 4, "{told:?}");
    assert!(told[0].starts_with("one, line 4, column 19: `spec.cluster.cidr` `nothing` is not"));
    assert!(told[1].starts_with("two, line 5, column 13: `spec.kubelet.flags[1]` does not begin"));
    assert!(
        told[2].starts_with("two, line 10, column 13: `spec.containerd.config` is not TOML: "),
        "{}",
        told[2]
    );
    assert!(
        told[3].starts_with(
            "two, line 6, column 24: `spec.kubelet.maxPodsExpression` does not compile: "
        ),
        "{}",
        told[3]
    );
}

#[test]
fn an_item_of_the_flags_is_split_as_systemd_splits_it() {
    let split = |item| words(item).join("|");
    assert_eq!(split(" --a=b  --c\td\n"), "--a=b|--c|d");
    assert_eq!(split("--x=\"q r\" 'a b'c"), "--x=q r|a bc");
    assert_eq!(split("--empty= \"\""), "--empty=|");
    assert_eq!(split(""), "");
}
