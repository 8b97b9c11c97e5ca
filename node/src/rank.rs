//! Many findings in, one root cause out.
//!
//! One fault makes several findings: a kubelet that is refused never registers, so no CNI comes, so the node has no pod
//! network. A small graph says which finding explains which; whatever an open finding explains is its consequence.

use std::cmp::Reverse;

use crate::finding::Severity;
use crate::wire::OpenFinding;

/// (cause, effect), each a code or `area.*`. Causes further from their effects come first: when several are open, an
/// effect is hung below the first.
const EXPLAINS: &[(&str, &str)] = &[
    ("join.no_credentials", "join.exec_failed"),
    ("join.no_credentials", "join.unauthorized"),
    ("join.sts_region_disabled", "join.unauthorized"),
    ("join.cluster_name_mismatch", "join.unauthorized"),
    ("join.credentials_expired", "join.unauthorized"),
    // Seen by a clock that is ahead, good credentials have expired.
    ("time.signature_expired", "join.credentials_expired"),
    // A token of the wrong hour is refused like one of the wrong role.
    ("time.signature_expired", "join.unauthorized"),
    // Who is not counted among the nodes may not touch any Node.
    ("join.groups_missing", "join.registration_forbidden"),
    ("join.node_name_mismatch", "join.registration_forbidden"),
    ("join.groups_missing", "join.node_name_mismatch"),
    // The kubeconfig names the file of the authority.
    ("kubelet.client_ca_missing", "join.kubeconfig_invalid"),
    // Without an inode left, everything says that there is no space.
    ("storage.inodes_exhausted", "storage.disk_full"),
    ("storage.*", "runtime.*"),
    ("storage.*", "kubelet.config_invalid"),
    ("storage.*", "kubelet.crash_loop"),
    ("storage.*", "join.not_registered"),
    ("runtime.not_installed", "runtime.restarting"),
    ("runtime.not_installed", "runtime.socket_missing"),
    ("runtime.config_invalid", "runtime.restarting"),
    ("runtime.config_invalid", "runtime.socket_missing"),
    ("runtime.cri_unavailable", "runtime.not_ready"),
    ("runtime.restarting", "runtime.socket_missing"),
    ("bootstrap.*", "kubelet.crash_loop"),
    ("join.kubeconfig_invalid", "kubelet.crash_loop"),
    ("kubelet.client_ca_missing", "kubelet.crash_loop"),
    ("runtime.*", "kubelet.crash_loop"),
    ("kubelet.unknown_flag", "kubelet.crash_loop"),
    ("kubelet.bad_node_label", "kubelet.crash_loop"),
    ("kubelet.port_in_use", "kubelet.crash_loop"),
    ("kubelet.swap_on", "kubelet.crash_loop"),
    ("kubelet.kernel_settings", "kubelet.crash_loop"),
    ("kubelet.config_invalid", "kubelet.crash_loop"),
    ("network.dns_no_such_host", "network.api_timeout"),
    ("network.dns_unavailable", "network.api_timeout"),
    ("network.proxy_failed", "network.api_timeout"),
    ("network.tls_timeout", "network.api_timeout"),
    ("runtime.*", "join.not_registered"),
    ("network.*", "join.not_registered"),
    ("time.cert_validity", "join.not_registered"),
    ("time.signature_expired", "join.not_registered"),
    ("join.*", "join.not_registered"),
    ("kubelet.crash_loop", "join.not_registered"),
    ("bootstrap.*", "join.not_registered"),
    // The CNI is a DaemonSet: it comes to a node that is registered, through an API server that can be reached, in a
    // kubelet that stays up, on a runtime that works.
    ("runtime.*", "cni.not_ready"),
    ("kubelet.crash_loop", "cni.not_ready"),
    ("network.*", "cni.not_ready"),
    ("time.cert_validity", "cni.not_ready"),
    ("time.signature_expired", "cni.not_ready"),
    ("join.*", "cni.not_ready"),
    // The SSM agent stands on the same role and the same network.
    ("bootstrap.imds_unreachable", "ssm.no_role"),
    ("join.no_credentials", "ssm.no_role"),
    ("network.no_route", "ssm.unreachable"),
    ("network.dns_unavailable", "ssm.unreachable"),
    ("network.proxy_failed", "ssm.unreachable"),
];

/// Puts root causes first (the gravest, then the oldest first), their consequences behind them, and names for every
/// consequence the open finding that explains it.
pub fn order(mut findings: Vec<OpenFinding>) -> Vec<OpenFinding> {
    let codes: Vec<String> = findings
        .iter()
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
        .filter(|(_, effect)| covers(effect, code))
        .find_map(|(cause, _)| {
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
        for pattern in EXPLAINS.iter().flat_map(|(cause, effect)| [cause, effect]) {
            assert!(
                catalogue().any(|finding| covers(pattern, finding.code)),
                "`{pattern}`"
            );
        }
    }
}
