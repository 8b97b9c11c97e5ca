//! Which number a node gets from its configuration, its type and the agent's settings.

use node::config::agent_config::{MaxPods as Settings, MaxPodsCap};
use node::max_pods::{InstanceType, Limits, Table};
use serde_json::json;

use super::*;
use crate::plan::tests::{config, facts};

fn of_type(name: &str, known: Option<InstanceType>) -> Facts {
    let mut facts = facts();
    facts.instance.instance_type = name.to_owned();
    facts.known_type = known;
    facts
}

fn known(name: &str) -> Facts {
    of_type(name, Table::embedded().find(name))
}

fn agent(settings: Settings) -> AgentConfig {
    AgentConfig {
        max_pods: settings,
        ..AgentConfig::default()
    }
}

fn decided(config: &NodeConfig, facts: &Facts) -> MaxPods {
    max_pods(config, &AgentConfig::default(), facts, false)
}

#[test]
fn an_ordinary_node_has_a_pod_for_each_secondary_address() {
    assert_eq!(
        decided(&config(), &known("m5.large")),
        MaxPods {
            computed: 29,
            effective: 29,
            reserved: Reserved {
                cpu_millicores: 70,
                memory_mebibytes: 574
            },
            warnings: Vec::new(),
        }
    );
}

#[test]
fn settings_of_the_agent_decide_mode_and_cap() {
    let pods = |settings| max_pods(&config(), &agent(settings), &known("m5.large"), false).computed;
    let prefixes = Settings {
        mode: MaxPodsMode::PrefixDelegation,
        ..Settings::default()
    };
    assert_eq!(pods(prefixes), 434);
    assert_eq!(
        pods(Settings {
            cap: MaxPodsCap::Recommended,
            ..prefixes
        }),
        110
    );
    assert_eq!(
        pods(Settings {
            reserved_enis: 1,
            ..Settings::default()
        }),
        20
    );
}

#[test]
fn what_ec2_tells_of_a_new_type_counts_as_a_table() {
    let mut described = of_type("z9.xlarge", None);
    described.instance_limits = Some(Limits {
        enis: 4,
        ipv4_per_eni: 15,
    });
    assert_eq!(decided(&config(), &described).computed, 58);
    let unknown = decided(&config(), &of_type("z9.xlarge", None));
    assert_eq!(unknown.computed, 110);
    assert_eq!(
        unknown.warnings,
        [
            "max pods is counted from the kubelet's default of 110: the ENI limits of instance type `z9.xlarge` are not known"
        ]
    );
}

#[test]
fn the_expression_is_used_also_for_an_unknown_type() {
    let mut config = config();
    config.spec.kubelet.max_pods_expression = "max_pods - vcpus".into();
    assert_eq!(decided(&config, &known("m5.large")).computed, 27);
    assert_eq!(decided(&config, &of_type("z9.large", None)).computed, 108);
}

#[test]
fn an_expression_that_does_not_compile_is_a_warning() {
    let mut config = config();
    config.spec.kubelet.max_pods_expression = "max_pods -".into();
    let decided = decided(&config, &known("m5.large"));
    assert_eq!(decided.computed, 29);
    assert!(
        decided.warnings[0]
            .starts_with("`spec.kubelet.maxPodsExpression` is not used: it is no CEL expression"),
        "{:?}",
        decided.warnings
    );
}

#[test]
fn more_pods_than_addresses_is_said_with_both_numbers() {
    let mut config = config();
    config
        .spec
        .kubelet
        .config
        .insert("maxPods".into(), json!(500));
    let own = decided(&config, &known("m5.large"));
    assert_eq!((own.computed, own.effective), (29, 500));
    assert_eq!(
        own.warnings,
        [
            "max pods is 500 by `spec.kubelet.config` and the network interfaces of instance type `m5.large` have addresses for 434 pods even with prefixes: those beyond stay in ContainerCreating, unless the network plugin finds addresses in another way"
        ]
    );
    let ipv6 = max_pods(&config, &AgentConfig::default(), &known("m5.large"), true);
    assert!(ipv6.warnings.is_empty(), "{:?}", ipv6.warnings);
    config
        .spec
        .kubelet
        .config
        .insert("maxPods".into(), json!(110));
    assert!(decided(&config, &known("m5.large")).warnings.is_empty());

    let mut config = super::super::tests::config();
    config.spec.kubelet.max_pods_expression = "max_pods * 16".into();
    let by_expression = decided(&config, &known("m5.large"));
    assert!(
        by_expression.warnings[0]
            .starts_with("max pods is 464 by `spec.kubelet.maxPodsExpression`")
    );
}

#[test]
fn the_last_flag_wins_over_the_configuration() {
    let effective = |flags: &[&str]| {
        let mut config = config();
        config
            .spec
            .kubelet
            .config
            .insert("maxPods".into(), json!(20));
        config.spec.kubelet.flags = flags.iter().map(|flag| (*flag).to_owned()).collect();
        decided(&config, &known("m5.large")).effective
    };
    assert_eq!(effective(&[]), 20);
    assert_eq!(effective(&["--max-pods=11"]), 11);
    assert_eq!(effective(&["--max-pods", "12"]), 12);
    assert_eq!(effective(&["--max-pods 13", "--v=2"]), 13);
    assert_eq!(effective(&["--max-pods=11", "--v=2 --max-pods=14"]), 14);
    assert_eq!(effective(&["--node-labels='a=b --max-pods=15'"]), 20);
    assert_eq!(effective(&["--max-pods-per-core=14", "--max-pods"]), 20);
}

#[test]
fn memory_is_reserved_for_the_computed_number_unless_told_otherwise() {
    let mut config = config();
    config
        .spec
        .kubelet
        .config
        .insert("maxPods".into(), json!(10));
    let reserved = |kube_reserved| {
        let settings = Settings {
            kube_reserved,
            ..Settings::default()
        };
        max_pods(&config, &agent(settings), &known("m5.large"), false)
            .reserved
            .memory_mebibytes
    };
    assert_eq!(reserved(KubeReserved::Standard), 574);
    assert_eq!(reserved(KubeReserved::Effective), 365);
}

#[test]
fn too_much_reserved_memory_is_said() {
    let settings = Settings {
        mode: MaxPodsMode::PrefixDelegation,
        ..Settings::default()
    };
    let decided = max_pods(&config(), &agent(settings), &known("m5.large"), false);
    assert_eq!(
        decided.warnings,
        [
            "the 5029 MiB that the kubelet reserves for 434 pods are more than a quarter of the machine's 7680 MiB"
        ]
    );
}
