//! What each option of a NodeConfig and each version of the programs makes of a node.

use super::*;

fn kubelet_config(plan: &Plan) -> serde_json::Value {
    serde_json::from_str(&content(plan, path::KUBELET_CONFIG)).unwrap()
}

fn kubelet(minor: u32) -> Facts {
    Facts {
        kubelet_version: Version::new(1, minor),
        ..facts()
    }
}

fn large() -> Facts {
    Facts {
        cores: 4,
        memory_mebibytes: 16 * 1024,
        ..facts()
    }
}

fn with_gate(gate: &str) -> NodeConfig {
    let mut config = config();
    config.spec.feature_gates.insert(gate.into(), true);
    config
}

fn containerd(config: &NodeConfig, facts: &Facts) -> toml::Table {
    content(&make(config, facts), path::CONTAINERD_CONFIG)
        .parse()
        .unwrap()
}

/// What depends on the version of the kubelet, one line for each that is supported.
#[test]
fn every_kubelet_gets_what_it_understands() {
    let mut config = config();
    config
        .spec
        .kubelet
        .config
        .insert("podPidsLimit".into(), json!(1024));
    let mut text = String::new();
    for minor in 27..=36 {
        let mut facts = kubelet(minor);
        facts.has_nvidia_device = true;
        let plan = make(&config, &facts);
        let kubelet = kubelet_config(&plan);
        let environment = content(&plan, path::KUBELET_ENVIRONMENT);
        let gates: Vec<&String> = kubelet["featureGates"]
            .as_object()
            .unwrap()
            .keys()
            .collect();
        let flags: Vec<&str> = environment
            .split_whitespace()
            .filter(|word| {
                ["--pod-infra", "--node-labels", "KUBELET_CONFIG"]
                    .iter()
                    .any(|start| word.starts_with(start))
            })
            .collect();
        let cdi = containerd(&config, &facts)["plugins"]["io.containerd.grpc.v1.cri"]["enable_cdi"]
            .as_bool()
            .unwrap();
        let public =
            content(&plan, path::IMAGE_CREDENTIAL_PROVIDER_CONFIG).contains("ecr-public.aws.com");
        writeln!(
            text,
            "1.{minor}: gates {gates:?}, shutdown {} {}, flags {flags:?}, cdi {cdi}, ecr-public {public}, warnings {:?}",
            kubelet["shutdownGracePeriod"], kubelet["shutdownGracePeriodCriticalPods"], plan.warnings
        )
        .unwrap();
    }
    insta::assert_snapshot!(text);
}

#[test]
fn a_local_cluster_is_joined_with_a_bootstrap_kubeconfig() {
    let mut config = config();
    config.spec.cluster.enable_outpost = Some(true);
    config.spec.cluster.id = "6f1b".into();
    config.spec.cluster.api_server_endpoint = "https://api.local.example".into();
    let facts = Facts {
        api_server_addresses: ["10.0.0.5", "10.0.0.6"]
            .map(|address| address.parse().unwrap())
            .into(),
        ..facts()
    };
    let plan = make(&config, &facts);
    assert_eq!(
        plan.blocks,
        [PlannedBlock {
            path: "/etc/hosts",
            content: "10.0.0.5 api.local.example\n10.0.0.6 api.local.example\n".into()
        }]
    );
    assert!(plan.files.iter().all(|file| file.path != path::KUBECONFIG));
    let kubeconfig = content(&plan, path::BOOTSTRAP_KUBECONFIG);
    assert!(
        kubeconfig.contains("- \"--cluster-name\"\n        - \"6f1b\"\n"),
        "{kubeconfig}"
    );
    let environment = content(&plan, path::KUBELET_ENVIRONMENT);
    assert!(
        environment.contains(
            " --kubeconfig=/var/lib/kubelet/kubeconfig --bootstrap-kubeconfig=/var/lib/kubelet/bootstrap-kubeconfig "
        ),
        "{environment}"
    );
    // Off means off.
    config.spec.cluster.enable_outpost = Some(false);
    let plan = make(&config, &facts);
    assert_eq!(plan.blocks, []);
    assert!(content(&plan, path::KUBECONFIG).contains("\"prod\""));
}

#[test]
fn labels_are_a_flag_before_the_users() {
    let mut config = config();
    config.spec.kubelet.flags.push("--node-labels=a=b".into());
    let gpu = |minor| Facts {
        has_nvidia_device: true,
        ..kubelet(minor)
    };
    let environment = |facts: &Facts| content(&make(&config, facts), path::KUBELET_ENVIRONMENT);
    assert!(
        environment(&gpu(35))
            .ends_with(" --node-labels=nvidia.com/gpu.present=true --node-labels=a=b")
    );
    assert!(!environment(&gpu(34)).contains("gpu.present"));
    assert!(!environment(&kubelet(35)).contains("gpu.present"));
}

#[test]
fn fast_image_pull_changes_kubelet_containerd_and_snapshotter() {
    let config = with_gate("FastImagePull");
    let mut text = String::new();
    for containerd_version in [Version::new(1, 7), Version::new(2, 1)] {
        let facts = Facts {
            containerd_version,
            ..large()
        };
        let plan = make(&config, &facts);
        assert!(plan.summary.fast_image_pull);
        assert_eq!(plan.warnings, Vec::<String>::new());
        writeln!(
            text,
            "=== containerd {containerd_version}\n{}",
            content(&plan, path::CONTAINERD_CONFIG)
        )
        .unwrap();
        assert_eq!(
            kubelet_config(&plan)["imageServiceEndpoint"],
            "unix:///run/soci-snapshotter-grpc/soci-snapshotter-grpc.sock"
        );
    }
    let plan = make(&config, &large());
    for path in [path::SOCI_CONFIG, path::SOCI_UNIT_DROP_IN] {
        writeln!(text, "=== {path}\n{}", content(&plan, path)).unwrap();
    }
    insta::assert_snapshot!(text);
}

#[test]
fn fast_image_pull_on_a_small_machine_is_refused_aloud() {
    let config = with_gate("FastImagePull");
    let gibibyte = 1024 * 1024 * 1024;
    let fits = |facts: Facts| make(&config, &facts).summary.fast_image_pull;
    let online = |bytes| Facts {
        online_memory_bytes: Some(bytes),
        ..large()
    };
    assert!(fits(online(7 * gibibyte)));
    assert!(!fits(online(7 * gibibyte - 1)));
    let small = Facts {
        cores: 3,
        ..large()
    };
    let plan = make(&config, &small);
    assert_eq!(
        plan.warnings,
        [
            "`spec.featureGates.FastImagePull` has no effect: it takes 7168 MiB of memory and 4000 millicores, and this machine has 16384 MiB and 3000"
        ]
    );
    assert_eq!(plan, {
        let mut without = make(&super::config(), &small);
        without.warnings.clone_from(&plan.warnings);
        without
    });
}

#[test]
fn a_machine_with_nvidias_runtime_runs_everything_in_it() {
    for (version, plugin) in [
        (Version::new(1, 7), "io.containerd.grpc.v1.cri"),
        (Version::new(2, 1), "io.containerd.cri.v1.runtime"),
    ] {
        let facts = Facts {
            containerd_version: version,
            has_nvidia_runtime: true,
            ..facts()
        };
        let containerd = &containerd(&config(), &facts)["plugins"][plugin]["containerd"];
        assert_eq!(containerd["default_runtime_name"].as_str(), Some("nvidia"));
        let options = &containerd["runtimes"]["nvidia"]["options"];
        assert_eq!(
            options["BinaryName"].as_str(),
            Some("/usr/bin/nvidia-container-runtime")
        );
        assert!(containerd["runtimes"].get("runc").is_none());
    }
}

#[test]
fn containerd_gets_the_version_it_reads_whatever_the_user_speaks() {
    let version = |installed: Version, toml: &str| {
        let mut config = config();
        config.spec.containerd.config = toml.into();
        let facts = Facts {
            containerd_version: installed,
            ..facts()
        };
        containerd(&config, &facts)
    };
    let old = "[plugins.\"io.containerd.grpc.v1.cri\".containerd]\nsnapshotter = \"x\"\n";
    let new = "version = 3\n[plugins.\"io.containerd.cri.v1.images\"]\nsnapshotter = \"x\"\n";
    let neither = "version = 3\nimports = [\"/x/*.toml\"]\n[debug]\nlevel = \"debug\"\n";
    let (one, two) = (Version::new(1, 7), Version::new(2, 1));
    for toml in ["", "# nothing\n", old, neither] {
        assert_eq!(version(one, toml)["version"].as_integer(), Some(2));
    }
    for toml in ["", "# nothing\n", old, new, neither] {
        assert_eq!(
            version(two, toml)["version"].as_integer(),
            Some(3),
            "{toml}"
        );
    }
    // Both ways of saying it come out the same.
    assert_eq!(version(two, old), version(two, new));
    let merged = version(two, neither);
    assert_eq!(merged["debug"]["level"].as_str(), Some("debug"));
    assert_eq!(merged["imports"].as_array().map(Vec::len), Some(1));
}

#[test]
fn an_old_containerd_refuses_configuration_for_a_new_one() {
    let mut config = config();
    config.spec.containerd.config =
        "[plugins.'io.containerd.cri.v1.images']\nsnapshotter = 'x'\n".into();
    let error = plan(&config, &AgentConfig::default(), &facts()).unwrap_err();
    assert_eq!(
        error.to_string(),
        "`spec.containerd.config` names plugins of containerd 2.x and containerd 1.7 is installed; write it for `io.containerd.grpc.v1.cri`"
    );
}

#[test]
fn the_users_directories_of_cni_programs_replace_ours() {
    let mut config = config();
    config.spec.containerd.config =
        "[plugins.'io.containerd.cri.v1.runtime'.cni]\nbin_dirs = ['/x', '/y']\n".into();
    let facts = Facts {
        containerd_version: Version::new(2, 1),
        ..facts()
    };
    let cni = &containerd(&config, &facts)["plugins"]["io.containerd.cri.v1.runtime"]["cni"];
    assert_eq!(cni.get("bin_dir"), None);
    assert_eq!(cni["bin_dirs"].as_array().map(Vec::len), Some(2));
}

#[test]
fn settings_of_the_instance_are_files_and_arguments() {
    let mut config = config();
    let instance = &mut config.spec.instance;
    let proxy = ("HTTPS_PROXY".to_owned(), "http://proxy:3128".to_owned());
    instance
        .environment
        .insert("default".into(), [proxy.clone()].into());
    instance
        .environment
        .insert("containerd".into(), [proxy].into());
    instance.network.nameservers.push("10.0.0.2".into());
    instance.local_storage.strategy = "Mount".into();
    let plan = make(&config, &facts());
    assert_eq!(plan.warnings, Vec::<String>::new());
    assert_eq!(plan.summary.local_disks, ["mount"]);
    let paths: Vec<&str> = plan.files.iter().map(|file| &*file.path).collect();
    assert!(paths.starts_with(&[
        "/etc/systemd/system.conf.d/environment.conf",
        "/etc/systemd/system/containerd.service.d/environment.conf",
        "/run/systemd/resolved.conf.d/40-eks.conf",
    ]));
    assert_eq!(
        actions(paths),
        [
            Action::DaemonReload,
            Action::RestartUnit("systemd-resolved.service")
        ]
    );
}
