//! Many findings in, one root cause out.
//!
//! One fault makes several findings: a kubelet that is refused never registers, so no CNI comes, so the node has no pod
//! network. A small graph says which finding explains which; whatever an open finding explains is its consequence.

use std::cmp::Reverse;

use crate::finding::Severity;
use crate::wire::OpenFinding;

/// What keeps a daemon from writing, or from starting.
const DISKS: &[&str] = &[
    "storage.nvme_timeout",
    "storage.io_error",
    "storage.fs_shutdown",
    "storage.fs_error",
    "storage.read_only",
    "storage.inodes_exhausted",
    "storage.disk_full",
    "storage.local_disks_failed",
];

/// What is wrong on the way to the API server.
const WAY: &[&str] = &[
    "network.interface_down",
    "network.no_route",
    "network.dns_no_such_host",
    "network.dns_unavailable",
    "network.proxy_failed",
    "network.api_refused",
    "network.tls_timeout",
    "network.tls_failed",
    "network.ca_mismatch",
    "network.cert_name",
    "network.api_unavailable",
    "network.api_throttled",
    "network.api_timeout",
];

/// What is wrong with the clock.
const CLOCK: &[&str] = &["time.cert_validity", "time.signature_expired"];

/// What keeps the bootstrap from ending, so that a daemon has not what it needs.
const BOOT: &[&str] = &[
    "bootstrap.exec_denied",
    "bootstrap.imds_unreachable",
    "bootstrap.no_node_config",
    "bootstrap.al2_script",
    "bootstrap.bad_user_data",
    "bootstrap.incomplete_config",
    "bootstrap.ec2_forbidden",
    "bootstrap.ec2_unreachable",
    "bootstrap.containerd_config_version",
    "bootstrap.credential_provider_missing",
    "bootstrap.kubelet_missing",
    "bootstrap.unit_failed",
];

/// (causes, effects), each a code or `area.*`. Causes further from their effects come first: when several are open, an
/// effect is hung below the first.
const EXPLAINS: &[(&[&str], &[&str])] = &[
    // The hardware and the kernel.
    (&["kernel.hardware_error"], &["kernel.oops", "kernel.panic"]),
    (
        &["kernel.oops"],
        &[
            "kernel.panic",
            "kernel.soft_lockup",
            "kernel.hung_task",
            "kubelet.crash_loop",
            "runtime.restarting",
        ],
    ),
    (&["gpu.fallen_off_bus"], &["gpu.xid_fatal", "gpu.xid"]),
    (&["gpu.xid_fatal"], &["gpu.xid"]),
    (&["kernel.oom_node"], &["kernel.oom_system_daemon"]),
    (
        &["kernel.oom_node", "kernel.oom_system_daemon"],
        &[
            "kubelet.crash_loop",
            "runtime.restarting",
            "runtime.shim_lost",
            "kubelet.runtime_down",
        ],
    ),
    (
        &["kernel.limits_near"],
        &["kubelet.pid_pressure", "kubelet.fork_failed"],
    ),
    (&["kubelet.pid_pressure"], &["kubelet.fork_failed"]),
    (
        &[
            "kernel.limits_near",
            "kubelet.fork_failed",
            "kubelet.inotify_limit",
        ],
        &["kubelet.crash_loop", "runtime.restarting"],
    ),
    (&["kubelet.fork_failed"], &["runtime.oci_create_failed"]),
    // Disks.
    (
        &["storage.nvme_timeout"],
        &[
            "storage.io_error",
            "storage.fs_error",
            "storage.fs_shutdown",
            "storage.read_only",
        ],
    ),
    (
        &["storage.io_error"],
        &[
            "storage.fs_error",
            "storage.fs_shutdown",
            "storage.read_only",
        ],
    ),
    (
        &["storage.fs_error"],
        &["storage.fs_shutdown", "storage.read_only"],
    ),
    (
        &[
            "storage.nvme_timeout",
            "storage.io_error",
            "storage.fs_shutdown",
            "storage.ebs_throttled",
        ],
        &[
            "kernel.hung_task",
            "kernel.pressure",
            "storage.disk_usage_slow",
        ],
    ),
    // Without an inode left, everything says that there is no space.
    (&["storage.inodes_exhausted"], &["storage.disk_full"]),
    (
        &["storage.inodes_exhausted", "storage.disk_full"],
        &[
            "storage.disk_pressure",
            "storage.image_gc_failed",
            "image.no_space",
            "kubelet.eviction_stuck",
        ],
    ),
    (
        &["storage.disk_pressure"],
        &["storage.image_gc_failed", "image.no_space"],
    ),
    (&["storage.image_gc_failed"], &["kubelet.eviction_stuck"]),
    (&["storage.csi_driver_missing"], &["storage.volume_stuck"]),
    (
        DISKS,
        &[
            "runtime.*",
            "kubelet.config_invalid",
            "kubelet.crash_loop",
            "kubelet.runtime_down",
            "kubelet.pleg_unhealthy",
            "join.not_registered",
        ],
    ),
    // Who the node is.
    (&["network.interface_down"], &["network.no_route"]),
    (
        &["network.interface_down", "network.no_route"],
        &["bootstrap.imds_unreachable"],
    ),
    (
        &["aws.imds_throttled"],
        &["bootstrap.imds_unreachable", "join.no_credentials"],
    ),
    (
        &["bootstrap.imds_unreachable"],
        &[
            "join.no_credentials",
            "image.credential_provider_failed",
            "ssm.no_role",
        ],
    ),
    (
        &["join.no_credentials"],
        &[
            "join.exec_failed",
            "join.unauthorized",
            "image.credential_provider_failed",
            "ssm.no_role",
        ],
    ),
    (&["time.unsynchronized"], CLOCK),
    // Seen by a clock that is ahead, good credentials have expired; a token of the wrong hour is refused like one of the
    // wrong role.
    (
        &["time.signature_expired"],
        &[
            "join.credentials_expired",
            "join.unauthorized",
            "bootstrap.ec2_forbidden",
        ],
    ),
    (
        &[
            "join.sts_region_disabled",
            "join.cluster_name_mismatch",
            "join.credentials_expired",
        ],
        &["join.unauthorized"],
    ),
    (
        &["join.exec_missing", "join.sts_unreachable"],
        &["join.exec_failed"],
    ),
    // Who is not counted among the nodes may not touch any Node.
    (&["join.groups_missing"], &["join.node_name_mismatch"]),
    (
        &["join.groups_missing", "join.node_name_mismatch"],
        &["join.registration_forbidden"],
    ),
    // The way.
    (
        &[
            "network.no_route",
            "network.dns_unavailable",
            "network.proxy_failed",
        ],
        &[
            "bootstrap.ec2_unreachable",
            "join.sts_unreachable",
            "ssm.unreachable",
        ],
    ),
    (
        &["network.no_route"],
        &["network.dns_unavailable", "image.registry_unreachable"],
    ),
    (
        &["network.allowance_exceeded"],
        &["network.conntrack_full", "aws.imds_throttled"],
    ),
    (
        &[
            "network.allowance_exceeded",
            "network.conntrack_full",
            "network.arp_overflow",
        ],
        &["network.dns_unavailable", "network.api_timeout"],
    ),
    (
        &["network.ena_reset"],
        &["network.api_timeout", "network.tls_timeout"],
    ),
    (
        &[
            "network.interface_down",
            "network.no_route",
            "network.dns_no_such_host",
            "network.dns_unavailable",
            "network.proxy_failed",
            "network.tls_timeout",
        ],
        &["network.api_timeout"],
    ),
    (&["network.dns_unavailable"], &["image.registry_dns"]),
    (&["time.cert_validity"], &["image.registry_tls"]),
    (&["aws.api_throttled"], &["bootstrap.ec2_unreachable"]),
    // The runtime.
    (
        &["runtime.not_installed", "runtime.config_invalid"],
        &["runtime.restarting", "runtime.socket_missing"],
    ),
    (&["runtime.restarting"], &["runtime.socket_missing"]),
    (&["runtime.cri_unavailable"], &["runtime.not_ready"]),
    (
        &["kubelet.cgroup_driver"],
        &["runtime.oci_create_failed", "kubelet.crash_loop"],
    ),
    (&["runtime.runc_missing"], &["runtime.oci_create_failed"]),
    (
        &[
            "runtime.not_installed",
            "runtime.config_invalid",
            "runtime.restarting",
            "runtime.socket_missing",
            "runtime.cri_unavailable",
            "runtime.not_ready",
        ],
        &["kubelet.runtime_down"],
    ),
    (
        &[
            "kubelet.runtime_down",
            "runtime.not_ready",
            "kernel.hung_task",
        ],
        &["kubelet.pleg_unhealthy"],
    ),
    (
        &["kernel.hung_task", "runtime.shim_lost"],
        &["kubelet.pod_stuck"],
    ),
    (
        &["kernel.pressure"],
        &["runtime.sandbox_timeout", "kubelet.pleg_unhealthy"],
    ),
    // The kubelet.
    (&["kubelet.client_ca_missing"], &["join.kubeconfig_invalid"]),
    (BOOT, &["kubelet.crash_loop"]),
    (
        &[
            "join.kubeconfig_invalid",
            "kubelet.client_ca_missing",
            "runtime.*",
            "kubelet.unknown_flag",
            "kubelet.bad_node_label",
            "kubelet.port_in_use",
            "kubelet.swap_on",
            "kubelet.kernel_settings",
            "kubelet.config_invalid",
        ],
        &["kubelet.crash_loop"],
    ),
    // A kubelet that ends, or whose runtime hangs, does not answer.
    (
        &[
            "kubelet.crash_loop",
            "runtime.*",
            "kubelet.runtime_down",
            "kubelet.pleg_unhealthy",
        ],
        &["kubelet.not_healthy"],
    ),
    (WAY, &["kubelet.heartbeat_failed"]),
    (CLOCK, &["kubelet.heartbeat_failed"]),
    (&["join.unauthorized"], &["kubelet.heartbeat_failed"]),
    (
        &[
            "image.credential_provider_failed",
            "bootstrap.credential_provider_missing",
        ],
        &["image.unauthorized"],
    ),
    // Whatever ends the bootstrap has a name of its own.
    (BOOT, &["bootstrap.unit_failed"]),
    (&["runtime.*"], &["join.not_registered"]),
    (WAY, &["join.not_registered"]),
    (CLOCK, &["join.not_registered"]),
    (
        &["join.*", "kubelet.cgroup_driver", "kubelet.crash_loop"],
        &["join.not_registered"],
    ),
    (BOOT, &["join.not_registered"]),
    // The CNI is a DaemonSet: it comes to a node that is registered, through an API server that can be reached, in a
    // kubelet that stays up, on a runtime that works.
    (
        &[
            "runtime.*",
            "kubelet.cgroup_driver",
            "kubelet.crash_loop",
            "kubelet.runtime_down",
        ],
        &["cni.not_ready"],
    ),
    (WAY, &["cni.not_ready"]),
    (CLOCK, &["cni.not_ready"]),
    (&["join.*", "image.sandbox_unavailable"], &["cni.not_ready"]),
    (&["network.kube_proxy_skew"], &["cni.ipamd_no_api"]),
    (
        &["cni.iam_denied", "cni.ipamd_no_api"],
        &["cni.ipamd_restarting"],
    ),
    (
        &[
            "cni.iam_denied",
            "cni.ipamd_no_api",
            "cni.ipamd_restarting",
            "image.sandbox_unavailable",
        ],
        &["cni.ipamd_down"],
    ),
    (
        &[
            "cni.subnet_full",
            "cni.prefix_fragmented",
            "cni.eni_limit",
            "cni.iam_denied",
            "aws.api_throttled",
        ],
        &["cni.no_free_ips"],
    ),
    (
        &[
            "cni.iam_denied",
            "cni.ipamd_no_api",
            "cni.ipamd_down",
            "cni.bad_config",
            "cni.plugin_missing",
        ],
        &["cni.not_ready"],
    ),
    (
        &[
            "cni.no_free_ips",
            "cni.ipamd_down",
            "cni.plugin_missing",
            "cni.policy_agent_down",
            "network.unregister_netdevice",
        ],
        &["cni.sandbox_setup_failed"],
    ),
    (&["network.eni_managed"], &["network.missing_ip_rules"]),
];

/// Puts root causes first (the gravest, then the oldest first), their consequences behind them, and names for every
/// consequence the open finding that explains it.
pub fn order(mut findings: Vec<OpenFinding>) -> Vec<OpenFinding> {
    // What is only worth a note explains nothing.
    let codes: Vec<String> = findings
        .iter()
        .filter(|finding| finding.severity > Severity::Info)
        .map(|finding| finding.code.clone())
        .collect();
    for finding in &mut findings {
        finding.explained_by = explanation(&finding.code, &codes);
    }
    findings.sort_by(|left, right| {
        let key = |finding: &OpenFinding| {
            (
                finding.explained_by.is_some(),
                Reverse(finding.severity),
                finding.first_seen,
            )
        };
        key(left)
            .cmp(&key(right))
            .then_with(|| (&left.code, &left.object).cmp(&(&right.code, &right.object)))
    });
    findings
}

/// The root cause among findings that [`order`] has put in order. What is only worth a note is none.
pub fn root(findings: &[OpenFinding]) -> Option<&OpenFinding> {
    findings
        .iter()
        .find(|finding| finding.explained_by.is_none() && finding.severity > Severity::Info)
}

fn explanation(code: &str, open: &[String]) -> Option<String> {
    EXPLAINS
        .iter()
        .filter(|(_, effects)| effects.iter().any(|effect| covers(effect, code)))
        .flat_map(|(causes, _)| causes.iter())
        .find_map(|cause| {
            open.iter()
                .find(|other| *other != code && covers(cause, other))
        })
        .cloned()
}

fn covers(pattern: &str, code: &str) -> bool {
    match pattern.strip_suffix('*') {
        Some(area) => code.starts_with(area),
        None => code == pattern,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::finding::{by_code, catalogue};

    fn open(codes: &[&str]) -> Vec<OpenFinding> {
        let findings = codes.iter().zip(0..).map(|(code, second)| {
            let at = jiff::Timestamp::from_second(second).unwrap();
            OpenFinding {
                code: (*code).to_owned(),
                severity: by_code(code).unwrap().severity,
                title: String::new(),
                object: String::new(),
                first_seen: at,
                last_seen: at,
                count: 1,
                evidence: Vec::new(),
                fix: String::new(),
                explained_by: None,
            }
        });
        order(findings.collect())
    }

    fn told(codes: &[&str]) -> Vec<(String, Option<String>)> {
        open(codes)
            .into_iter()
            .map(|finding| (finding.code, finding.explained_by))
            .collect()
    }

    fn pair(code: &str, by: Option<&str>) -> (String, Option<String>) {
        (code.to_owned(), by.map(str::to_owned))
    }

    #[test]
    fn a_flag_explains_the_loop_and_the_loop_the_missing_network() {
        assert_eq!(
            told(&[
                "cni.not_ready",
                "kubelet.crash_loop",
                "kubelet.unknown_flag"
            ]),
            [
                pair("kubelet.unknown_flag", None),
                pair("cni.not_ready", Some("kubelet.crash_loop")),
                pair("kubelet.crash_loop", Some("kubelet.unknown_flag")),
            ]
        );
    }

    #[test]
    fn the_root_is_the_gravest_then_the_oldest_that_nothing_explains() {
        let findings = open(&[
            "ssm.not_running",
            "join.not_registered",
            "network.api_refused",
            "join.unauthorized",
        ]);
        assert_eq!(
            root(&findings).map(|finding| finding.code.as_str()),
            Some("network.api_refused")
        );
        assert_eq!(
            root(&open(&["ssm.not_running"])).map(|finding| finding.code.as_str()),
            Some("ssm.not_running")
        );
        assert_eq!(root(&[]), None);
    }

    #[test]
    fn no_finding_explains_itself_over_any_number_of_steps() {
        fn effects(code: &str) -> Vec<&'static str> {
            let all = catalogue().map(|finding| finding.code);
            all.filter(|effect| explanation(effect, &[code.to_owned()]).is_some())
                .collect()
        }
        for finding in catalogue() {
            let (mut reached, mut next) = (Vec::new(), effects(finding.code));
            while let Some(code) = next.pop() {
                assert_ne!(code, finding.code, "`{code}` explains itself");
                if !reached.contains(&code) {
                    reached.push(code);
                    next.extend(effects(code));
                }
            }
        }
    }

    #[test]
    fn every_code_and_area_of_the_graph_is_in_the_catalogue() {
        let patterns = EXPLAINS
            .iter()
            .flat_map(|(causes, effects)| causes.iter().chain(*effects));
        for pattern in patterns {
            assert!(
                catalogue().any(|finding| covers(pattern, finding.code)),
                "`{pattern}`"
            );
        }
    }
}
