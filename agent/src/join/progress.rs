//! The decision of the join phase: what was seen so far -> go on waiting, tell something, or end. Pure.

use std::cmp::Reverse;
use std::time::Duration;

use node::finding::{self, Finding};
use node::rank;
use node::wire::{Identity, OpenFinding, Outcome, RootCause};

use crate::plan::Summary;
use crate::probe::Fault;

use super::look::NodeSeen;

/// A node that is silent for so long tells what it waits for, whatever it knows.
const FIRST_WORD: Duration = Duration::from_mins(1);
/// A cause must be there for so long before it is told: a kubelet's first seconds are full of harmless errors.
const SETTLED: Duration = Duration::from_secs(5);
/// Registered and not Ready is normal while the CNI is installed; so long is waited for it after the registration.
const READY_DEADLINE: Duration = Duration::from_mins(5);

/// What a verdict will say; who is speaking and when is added at the desk.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Draft {
    /// How far the node has come.
    pub outcome: Outcome,
    /// Whether the boot goes on.
    pub provisional: bool,
    /// Why it is not further.
    pub root_cause: Option<RootCause>,
    /// Codes that follow from the root cause.
    pub consequences: Vec<String>,
}

/// How the join phase ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    /// Registered and Ready.
    Joined,
    /// Registered and not Ready before the deadline.
    NotReady,
    /// Not registered before the deadline.
    Failed,
}

/// What to do after a step.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    /// Nothing new.
    Wait,
    /// Give a provisional verdict and go on.
    Tell(Draft),
    /// Give the final verdict.
    End(Draft, End),
}

/// What was seen so far.
#[derive(Debug)]
pub struct Progress {
    identity: Identity,
    registered_deadline: Duration,
    registered_at: Option<Duration>,
    /// Code of the cause that is seen now, and since when.
    cause: Option<(String, Duration)>,
    /// Outcome and code that were told last.
    told: Option<(Outcome, Option<String>)>,
    /// Why the API server could not be asked, the last time that it could not.
    last_failure: Option<String>,
    /// What the probes could not tell, the last time.
    unknown: Vec<String>,
    /// What the API server, or the way to it, said at the last look.
    message: String,
    /// What is wrong with a Node that is there all the same, the gravest first.
    standing: Vec<Fault>,
}

impl Progress {
    /// The beginning of the join phase.
    pub fn new(summary: &Summary) -> Self {
        Self {
            identity: summary.identity(),
            registered_deadline: Duration::from_secs(summary.registered_deadline_seconds),
            registered_at: None,
            cause: None,
            told: None,
            last_failure: None,
            unknown: Vec::new(),
            message: String::new(),
            standing: Vec::new(),
        }
    }

    /// Takes in what is wrong with a node that has registered all the same. It is what a joined node's verdict says, and
    /// that of a registered one for which nothing else is found.
    pub fn note_standing(&mut self, mut standing: Vec<Fault>) {
        standing.sort_by_key(|fault| Reverse(fault.finding.severity));
        self.standing = standing;
    }

    /// What is waited for now, for a person.
    pub fn awaited(&self) -> String {
        let name = &self.identity.node_name;
        if self.registered_at.is_some() {
            format!("Node {name} to become Ready")
        } else {
            format!("Node {name} to be registered")
        }
    }

    /// Why it is not over, as far as is known: the code of the cause, else what was said at the last look.
    pub fn hindrance(&self) -> String {
        let code = self.cause.as_ref().map(|(code, _)| code.as_str());
        match (code, self.message.as_str()) {
            (Some(code), "") => code.to_owned(),
            (Some(code), message) => format!("{code}, {message}"),
            (None, message) => message.to_owned(),
        }
    }

    /// Takes in what the probes could not tell: all there is to say of a node for which no cause is found.
    pub fn note_unknown(&mut self, unknown: &[String]) {
        if self.unknown != unknown {
            self.unknown = unknown.to_vec();
        }
    }

    /// Takes in one look at the Node and the findings that are open, `elapsed` after the start of the phase.
    pub fn step(&mut self, elapsed: Duration, node: &NodeSeen, open: &[OpenFinding]) -> Step {
        if node.is_registered() {
            self.registered_at.get_or_insert(elapsed);
        }
        if *node == NodeSeen::Ready {
            let (root_cause, consequences) = self.standing();
            let draft = Draft {
                outcome: Outcome::Joined,
                provisional: false,
                root_cause,
                consequences,
            };
            return Step::End(draft, End::Joined);
        }
        let (cause, consequences) = self.cause(node, open);
        if let NodeSeen::Unknown(message) = node {
            self.last_failure = Some(message.clone());
        }
        node.message().clone_into(&mut self.message);
        self.note_cause(elapsed, cause.as_ref());
        let outcome = if self.registered_at.is_some() {
            Outcome::Registered
        } else {
            Outcome::Running
        };
        let draft = Draft {
            outcome,
            provisional: true,
            root_cause: cause,
            consequences,
        };
        if let Some(end) = self.end(elapsed) {
            return Step::End(self.last_word(draft, end), end);
        }
        if self.is_worth_telling(elapsed, &draft) {
            self.told = Some((draft.outcome, code(&draft)));
            return Step::Tell(draft);
        }
        Step::Wait
    }

    /// The root cause: what the units say when they say something, else what the API server answered.
    fn cause(&self, node: &NodeSeen, open: &[OpenFinding]) -> (Option<RootCause>, Vec<String>) {
        let answer = self.answer(node);
        let root = rank::root(open).and_then(|root| Some((finding::by_code(&root.code)?, root)));
        let Some((finding, root)) = root else {
            return match answer {
                Some((finding, seen)) => (
                    Some(finding.root_cause(&self.identity, &[seen])),
                    Vec::new(),
                ),
                None => self.standing(),
            };
        };
        let mut evidence = root.evidence.clone();
        // Said by both sides: the answer to our own question is the plainest proof, so it stands last.
        evidence.extend(
            answer
                .filter(|(answered, _)| *answered == finding)
                .map(|(_, seen)| seen),
        );
        let consequences = open.iter().filter(|other| other.code != root.code);
        (
            Some(finding.root_cause(&self.identity, &evidence)),
            consequences.map(|other| other.code.clone()).collect(),
        )
    }

    /// The gravest of what is wrong with a Node that is there, and the codes of the rest.
    fn standing(&self) -> (Option<RootCause>, Vec<String>) {
        let Some((gravest, rest)) = self.standing.split_first() else {
            return (None, Vec::new());
        };
        (
            Some(
                gravest
                    .finding
                    .root_cause(&self.identity, &gravest.evidence),
            ),
            rest.iter()
                .map(|fault| fault.finding.code.to_owned())
                .collect(),
        )
    }

    /// What the API server's answer means by itself.
    fn answer(&self, node: &NodeSeen) -> Option<(&'static Finding, String)> {
        let name = &self.identity.node_name;
        match node {
            NodeSeen::Ready | NodeSeen::Missing | NodeSeen::Unknown(_) => None,
            NodeSeen::NotReady(message) => message.contains("NetworkPluginNotReady").then(|| {
                (
                    &finding::CNI_NOT_READY,
                    format!("Node `{name}` is not Ready: {message}"),
                )
            }),
            NodeSeen::Taken(seen) => Some((&finding::JOIN_NODE_NAME_TAKEN, seen.clone())),
            NodeSeen::Unauthorized(message) => Some((
                &finding::JOIN_UNAUTHORIZED,
                format!("GET /api/v1/nodes/{name} with the kubelet's credential: 401 {message}"),
            )),
            NodeSeen::Forbidden(message) => Some((
                &finding::JOIN_NODE_NAME_MISMATCH,
                format!("GET /api/v1/nodes/{name} with the kubelet's credential: 403 {message}"),
            )),
        }
    }

    fn note_cause(&mut self, elapsed: Duration, cause: Option<&RootCause>) {
        let is_same = match (&self.cause, cause) {
            (Some((code, _)), Some(cause)) => *code == cause.code,
            _ => false,
        };
        if !is_same {
            self.cause = cause.map(|cause| (cause.code.clone(), elapsed));
        }
    }

    fn end(&self, elapsed: Duration) -> Option<End> {
        match self.registered_at {
            Some(registered) => (elapsed >= registered + READY_DEADLINE).then_some(End::NotReady),
            None => (elapsed >= self.registered_deadline).then_some(End::Failed),
        }
    }

    fn last_word(&self, draft: Draft, end: End) -> Draft {
        let outcome = if end == End::Failed {
            Outcome::Failed
        } else {
            draft.outcome
        };
        let root_cause = draft.root_cause.or_else(|| {
            let seconds = self.registered_deadline.as_secs();
            let mut evidence = self.unknown.clone();
            evidence.extend(self.last_failure.clone());
            evidence.push(format!(
                "no Node `{}` within {seconds} s",
                self.identity.node_name
            ));
            (end == End::Failed)
                .then(|| finding::JOIN_NOT_REGISTERED.root_cause(&self.identity, &evidence))
        });
        Draft {
            outcome,
            provisional: false,
            root_cause,
            ..draft
        }
    }

    /// After a minute in any case; before, as soon as a cause has settled; later, whenever the cause changes.
    fn is_worth_telling(&self, elapsed: Duration, draft: &Draft) -> bool {
        let has_settled = self
            .cause
            .as_ref()
            .is_some_and(|(_, since)| elapsed >= *since + SETTLED);
        match &self.told {
            None => has_settled || elapsed >= FIRST_WORD,
            Some((outcome, told)) => {
                *outcome != draft.outcome
                    || (*told != code(draft) && (has_settled || draft.root_cause.is_none()))
            }
        }
    }
}

fn code(draft: &Draft) -> Option<String> {
    draft.root_cause.as_ref().map(|cause| cause.code.clone())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn progress() -> Progress {
        Progress::new(&Summary {
            node_name: "ip-10-0-0-1".into(),
            registered_deadline_seconds: 600,
            ..Summary::default()
        })
    }

    fn seconds(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    fn unauthorized() -> NodeSeen {
        NodeSeen::Unauthorized("Unauthorized".into())
    }

    #[test]
    fn a_node_that_becomes_ready_has_joined() {
        let mut progress = progress();
        assert_eq!(
            progress.step(seconds(1), &NodeSeen::Missing, &[]),
            Step::Wait
        );
        let Step::End(draft, end) = progress.step(seconds(2), &NodeSeen::Ready, &[]) else {
            panic!("not the end")
        };
        assert_eq!(
            (draft.outcome, draft.provisional, end),
            (Outcome::Joined, false, End::Joined)
        );
    }

    #[test]
    fn a_cause_is_told_once_it_has_settled_and_only_once() {
        let mut progress = progress();
        assert_eq!(progress.step(seconds(1), &unauthorized(), &[]), Step::Wait);
        assert_eq!(progress.step(seconds(5), &unauthorized(), &[]), Step::Wait);
        let Step::Tell(draft) = progress.step(seconds(6), &unauthorized(), &[]) else {
            panic!("not told")
        };
        assert_eq!(code(&draft).as_deref(), Some("join.unauthorized"));
        assert!(draft.provisional);
        assert_eq!(progress.step(seconds(60), &unauthorized(), &[]), Step::Wait);
    }

    #[test]
    fn what_is_waited_for_changes_with_the_registration() {
        let mut progress = progress();
        progress.step(seconds(1), &unauthorized(), &[]);
        assert_eq!(progress.awaited(), "Node ip-10-0-0-1 to be registered");
        assert_eq!(progress.hindrance(), "join.unauthorized, Unauthorized");
        progress.step(seconds(2), &NodeSeen::NotReady("no CNI".into()), &[]);
        assert_eq!(progress.awaited(), "Node ip-10-0-0-1 to become Ready");
        assert_eq!(progress.hindrance(), "no CNI");
    }

    #[test]
    fn a_node_that_has_joined_says_what_is_wrong_with_it_all_the_same() {
        let fault = |finding| Fault {
            finding,
            evidence: vec!["seen".to_owned()],
        };
        let mut progress = progress();
        progress.note_standing(vec![
            fault(&finding::JOIN_STS_UNREACHABLE),
            fault(&finding::NETWORK_NO_ROUTE),
        ]);
        // What the units say on the way is over once the node is Ready.
        let open = rank::order(vec![]);
        let Step::End(draft, End::Joined) = progress.step(seconds(2), &NodeSeen::Ready, &open)
        else {
            panic!("not the end")
        };
        assert_eq!(
            (code(&draft).as_deref(), draft.consequences),
            (
                Some("network.no_route"),
                vec!["join.sts_unreachable".to_owned()]
            )
        );
    }

    #[test]
    fn a_node_of_another_instance_is_no_registration() {
        let mut progress = progress();
        let taken = || NodeSeen::Taken("Node `a` has the provider id of i-2".into());
        progress.step(seconds(1), &taken(), &[]);
        let Step::Tell(draft) = progress.step(seconds(6), &taken(), &[]) else {
            panic!("not told")
        };
        assert_eq!(
            (draft.outcome, code(&draft).as_deref()),
            (Outcome::Running, Some("join.node_name_taken"))
        );
    }

    #[test]
    fn a_cause_that_goes_away_is_taken_back() {
        let mut progress = progress();
        progress.step(seconds(1), &unauthorized(), &[]);
        assert!(matches!(
            progress.step(seconds(6), &unauthorized(), &[]),
            Step::Tell(_)
        ));
        let Step::Tell(draft) = progress.step(seconds(7), &NodeSeen::Missing, &[]) else {
            panic!("not told")
        };
        assert_eq!(draft.root_cause, None);
    }

    #[test]
    fn the_deadline_ends_with_the_cause_or_with_the_catch_all() {
        let mut denied = progress();
        let Step::End(draft, End::Failed) = denied.step(seconds(600), &unauthorized(), &[]) else {
            panic!("not the end")
        };
        assert_eq!(draft.outcome, Outcome::Failed);
        assert_eq!(code(&draft).as_deref(), Some("join.unauthorized"));
        let mut silent = progress();
        silent.note_unknown(&["kubelet.service is inactive (dead)".to_owned()]);
        let Step::End(draft, End::Failed) = silent.step(seconds(600), &NodeSeen::Missing, &[])
        else {
            panic!("not the end")
        };
        assert_eq!(code(&draft).as_deref(), Some("join.not_registered"));
        assert_eq!(
            draft.root_cause.unwrap().evidence,
            [
                "kubelet.service is inactive (dead)",
                "no Node `ip-10-0-0-1` within 600 s"
            ]
        );
    }

    #[test]
    fn registered_and_not_ready_is_told_and_is_no_failure() {
        let mut progress = progress();
        let not_ready = || {
            NodeSeen::NotReady("container runtime network not ready: NetworkReady=false reason:NetworkPluginNotReady".into())
        };
        assert_eq!(progress.step(seconds(2), &not_ready(), &[]), Step::Wait);
        let Step::Tell(draft) = progress.step(seconds(7), &not_ready(), &[]) else {
            panic!("not told")
        };
        assert_eq!(
            (draft.outcome, code(&draft).as_deref()),
            (Outcome::Registered, Some("cni.not_ready"))
        );
        let Step::End(draft, end) = progress.step(seconds(302), &not_ready(), &[]) else {
            panic!("not the end")
        };
        assert_eq!((draft.outcome, end), (Outcome::Registered, End::NotReady));
    }
}
