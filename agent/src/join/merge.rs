//! What the units say in the journal and what a climb of the ladder finds, as one list in the order of its rank. Pure.

use jiff::{SignedDuration, Timestamp};
use node::rank;
use node::wire::OpenFinding;

use crate::probe::Fault;

use super::ladder::Report;

/// A kubelet that cannot reach the API server says so at least so often: with its lease, every ten seconds.
const RHYTHM: SignedDuration = SignedDuration::from_secs(15);

/// The most lines of evidence of one finding: of a refusal, what the units say, what AWS says of the credential, the cluster
/// and the name, and the answer itself.
const EVIDENCE: usize = 6;

/// The findings of the journal and of the last climb together, in the order of their rank. `known` are those that were
/// open before, which tell since when a fault is seen; `accepted` is when the API server last gave us our own Node.
pub fn merge(
    journal: Vec<OpenFinding>,
    report: &Report,
    known: &[OpenFinding],
    accepted: Option<Timestamp>,
) -> Vec<OpenFinding> {
    let Some(at) = report.began else {
        return rank::order(journal);
    };
    let is_old = |finding: &OpenFinding| at.duration_since(finding.last_seen) > RHYTHM;
    let mut open: Vec<OpenFinding> = journal
        .into_iter()
        .filter(|finding| !(report.is_reached && is_of_the_way(&finding.code) && is_old(finding)))
        .collect();
    let is_accepted_since = accepted.is_some_and(|accepted| accepted > at);
    let faults = report.faults.iter().filter(|fault| {
        let code = fault.finding.code;
        !(is_accepted_since && (is_of_the_way(code) || is_of_identity(code)))
    });
    for fault in faults {
        let evidence = fault.evidence.iter().map(|line| node::redact::text(line));
        let evidence: Vec<String> = evidence.collect();
        let same = open
            .iter_mut()
            .find(|finding| finding.code == fault.finding.code);
        match same {
            // Said by both sides: our own look is the plainest proof, so it stands last.
            Some(finding) => {
                finding.evidence.retain(|line| !evidence.contains(line));
                finding.evidence.extend(evidence);
                let surplus = finding.evidence.len().saturating_sub(EVIDENCE);
                finding.evidence.drain(..surplus);
            }
            None => open.push(opened(fault, evidence, at, known)),
        }
    }
    rank::order(open)
}

/// What is open with these faults, in the order of its rank.
pub(super) fn with(open: Vec<OpenFinding>, faults: Vec<Fault>) -> Vec<OpenFinding> {
    let report = Report {
        began: Some(Timestamp::now()),
        faults,
        ..Report::default()
    };
    merge(open, &report, &[], None)
}

fn opened(
    fault: &Fault,
    evidence: Vec<String>,
    at: Timestamp,
    known: &[OpenFinding],
) -> OpenFinding {
    let finding = fault.finding;
    let before = known.iter().find(|known| known.code == finding.code);
    OpenFinding {
        code: finding.code.to_owned(),
        severity: finding.severity,
        title: finding.title.to_owned(),
        object: String::new(),
        first_seen: before.map_or(at, |before| before.first_seen),
        last_seen: at,
        count: 1,
        evidence,
        fix: finding.fix.to_owned(),
        explained_by: None,
    }
}

/// What a connection with TLS disproves: an error in the journal lingers for minutes.
fn is_of_the_way(code: &str) -> bool {
    match code {
        // These are about answers, not about connections.
        "network.api_throttled" | "network.api_unavailable" => false,
        "time.cert_validity" => true,
        _ => code.starts_with("network."),
    }
}

/// What our own Node in the API server's hand disproves.
fn is_of_identity(code: &str) -> bool {
    code.starts_with("join.") || code == "time.signature_expired"
}

#[cfg(test)]
mod tests {
    use node::finding::{self, Finding};

    use super::*;
    use crate::probe::Outcome;

    fn second(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    fn fault(finding: &'static Finding) -> Fault {
        Fault {
            finding,
            evidence: vec!["seen by a probe".into()],
        }
    }

    fn seen(finding: &'static Finding, at: i64) -> OpenFinding {
        opened(&fault(finding), vec!["a line".into()], second(at), &[])
    }

    fn report(at: i64, faults: &[&'static Finding], is_reached: bool) -> Report {
        Report {
            began: Some(second(at)),
            faults: faults.iter().map(|finding| fault(finding)).collect(),
            unknown: Vec::new(),
            is_reached,
        }
    }

    fn root(open: &[OpenFinding]) -> Option<&str> {
        rank::root(open).map(|finding| finding.code.as_str())
    }

    #[test]
    fn what_a_probe_finds_explains_what_the_journal_says() {
        let journal = vec![
            seen(&finding::CNI_NOT_READY, 1),
            seen(&finding::JOIN_UNAUTHORIZED, 2),
        ];
        let report = report(3, &[&finding::TIME_SIGNATURE_EXPIRED], true);
        let open = merge(journal, &report, &[], None);
        assert_eq!(root(&open), Some("time.signature_expired"));
        assert_eq!(
            open.iter()
                .filter(|finding| finding.explained_by.is_some())
                .count(),
            2
        );
    }

    #[test]
    fn a_fault_that_both_sides_see_is_one_finding_with_the_evidence_of_both() {
        let journal = vec![seen(&finding::JOIN_UNAUTHORIZED, 1)];
        let open = merge(
            journal,
            &report(3, &[&finding::JOIN_UNAUTHORIZED], true),
            &[],
            None,
        );
        assert_eq!(open.len(), 1);
        assert_eq!(open[0].evidence, ["a line", "seen by a probe"]);
        let again = report(4, &[&finding::JOIN_UNAUTHORIZED], true);
        let open = merge(open, &again, &[], None);
        assert_eq!(open[0].evidence, ["a line", "seen by a probe"]);
    }

    #[test]
    fn a_fault_that_is_seen_again_keeps_its_age() {
        let first = merge(
            Vec::new(),
            &report(3, &[&finding::NETWORK_API_TIMEOUT], false),
            &[],
            None,
        );
        let again = merge(
            Vec::new(),
            &report(9, &[&finding::NETWORK_API_TIMEOUT], false),
            &first,
            None,
        );
        assert_eq!(
            (again[0].first_seen, again[0].last_seen),
            (second(3), second(9))
        );
    }

    #[test]
    fn a_connection_disproves_errors_of_the_way_that_are_older() {
        let journal = || {
            vec![
                seen(&finding::NETWORK_API_REFUSED, 2),
                seen(&finding::CNI_NOT_READY, 2),
            ]
        };
        let left = |at, is_reached| merge(journal(), &report(at, &[], is_reached), &[], None).len();
        assert_eq!(left(20, true), 1);
        assert_eq!(left(20, false), 2);
        // The next line may be on its way.
        assert_eq!(left(10, true), 2);
        assert_eq!(merge(journal(), &Report::default(), &[], None).len(), 2);
    }

    #[test]
    fn a_node_that_is_given_out_disproves_that_we_are_unknown_until_the_next_climb() {
        let report = report(
            3,
            &[&finding::JOIN_UNAUTHORIZED, &finding::TIME_UNSYNCHRONIZED],
            true,
        );
        let root_after = |accepted| {
            let open = merge(Vec::new(), &report, &[], accepted);
            root(&open).map(str::to_owned)
        };
        assert_eq!(root_after(None).as_deref(), Some("join.unauthorized"));
        assert_eq!(
            root_after(Some(second(2))).as_deref(),
            Some("join.unauthorized")
        );
        assert_eq!(
            root_after(Some(second(4))).as_deref(),
            Some("time.unsynchronized")
        );
    }

    #[test]
    fn what_sts_says_is_evidence_of_the_refusal_or_a_fault_of_its_own() {
        let mut refused = report(3, &[&finding::JOIN_UNAUTHORIZED], true);
        refused.explain(&[
            Outcome::CannotTell("STS knows us".into()),
            Outcome::Fault(Fault {
                finding: &finding::JOIN_CLUSTER_NAME_MISMATCH,
                evidence: vec!["EKS does not know it".into()],
            }),
            Outcome::CannotTell("EC2 may not be asked".into()),
            Outcome::Passed,
        ]);
        let evidence: Vec<_> = refused.faults.iter().map(|fault| &fault.evidence).collect();
        assert_eq!(
            evidence,
            [
                &vec!["seen by a probe", "EKS does not know it"],
                &vec!["STS knows us", "EC2 may not be asked", "seen by a probe"]
            ]
        );
        let open = merge(Vec::new(), &refused, &[], None);
        assert_eq!(root(&open), Some("join.cluster_name_mismatch"));
    }
}
