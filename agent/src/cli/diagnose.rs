//! `nodeagent diagnose`: everything that can be seen of this node, looked at once, now. The daemon is not needed.
//!
//! ```text
//! daemon (or the journal of this boot, through the rules) ─┐
//! probes (the ladder of the join)                          ├─> conclusion ─> page
//! our own Node, the verdict of the boot                    ┘
//! ```

mod conclusion;
mod pending;

use std::time::Duration;

use clap::{Args, ValueEnum};
use jiff::Timestamp;
use node::chain::Chain;
use node::finding;
use node::rule::Engine;
use node::wire::{Health, Identity, NodeNow, OpenFinding, Status, Verdict};
use tokio::time::{Instant, timeout, timeout_at};

use crate::host::journal::{Excerpt, Part};
use crate::host::own_node::OwnNode;
use crate::host::path;
use crate::join::inquiry::Inquiry;
use crate::join::ladder::{self, Report};
use crate::join::verdict;
use crate::plan::Summary;
use crate::serve::client;
use crate::watch::rules::Rules;

use super::status::page;
use super::{Context, Exit, output};
use conclusion::Looks;
use pending::Pending;

/// The journal of a boot is read no longer than this …
const JOURNAL: Duration = Duration::from_secs(18);
/// … and the probes, of which each has its own deadline, go on no longer. Before them the daemon is asked, which has ten
/// seconds at most: all of it ends within half a minute.
const PROBES: Duration = Duration::from_secs(18);

/// Options of `diagnose`.
#[derive(Debug, Args)]
pub(super) struct Options {
    /// Output format
    #[arg(short, long, value_enum, default_value_t = Format::Text)]
    output: Format,
    /// Read what the journal has of an earlier boot, and nothing else: -1 is the one before this
    #[arg(
        short,
        long,
        value_name = "OFFSET",
        default_value_t = 0,
        hide_default_value = true,
        allow_negative_numbers = true,
        value_parser = clap::value_parser!(i32).range(..=0)
    )]
    boot: i32,
}

/// Output formats.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    /// A page for people.
    Text,
    /// A document.
    Json,
}

pub(super) async fn run(context: &Context, options: &Options) -> Exit {
    let pending = Pending::default();
    let looks = match options.boot {
        0 => pending.announce(Box::pin(look(context, &pending))).await,
        boot => {
            let looks = look_back(context, &pending, boot);
            pending.announce(Box::pin(looks)).await
        }
    };
    let diagnosis = conclusion::conclude(looks);
    output::data(&match options.output {
        Format::Text => page::of_diagnosis(&diagnosis),
        Format::Json => serde_json::to_string_pretty(&diagnosis).unwrap_or_default(),
    });
    match diagnosis.health {
        Health::Healthy => Exit::Ok,
        Health::Unhealthy => Exit::Unhealthy,
        Health::Unknown => Exit::Unchecked,
    }
}

async fn look(context: &Context, pending: &Pending) -> Looks {
    let root = &context.root;
    let mut not_checked = Vec::new();
    let summary = match Summary::read(root) {
        Ok(summary) => summary,
        Err(error) => {
            not_checked.push(Chain(&error).to_string());
            None
        }
    };
    let daemon = pending.during("the daemon", daemon(context)).await;
    let verdict = daemon
        .as_ref()
        .and_then(|(status, _)| status.verdict.clone())
        .or_else(|| verdict::read(root));
    let identity = summary.as_ref().map_or_else(
        || {
            let verdict = verdict.as_ref();
            verdict.map_or_else(Identity::default, |verdict| verdict.identity.clone())
        },
        Summary::identity,
    );
    let (said, is_journal_read) = match daemon {
        Some((status, is_up_to_date)) => (status.findings, is_up_to_date),
        None => (Vec::new(), false),
    };
    let journal = async {
        // What the daemon has read need not be read again on a node that is in trouble.
        if is_journal_read {
            return (Vec::new(), None);
        }
        pending
            .during("the journal of this boot", journal(context, &identity, 0))
            .await
    };
    let probes = async {
        if let Some(gap) = hindrance(context, verdict.as_ref()) {
            return Probed {
                not_checked: vec![gap],
                ..Probed::default()
            };
        }
        let is_refused = is_registration_refused(verdict.as_ref(), &said);
        probes(context, pending, summary.as_ref(), &identity, is_refused).await
    };
    let ((read, gap), probed) = tokio::join!(journal, probes);
    not_checked.extend(gap);
    not_checked.extend(probed.not_checked);
    Looks {
        at: Timestamp::now(),
        identity,
        daemon: said,
        journal: read,
        climb: probed.climb,
        node: probed.node,
        verdict,
        not_checked,
    }
}

/// What the journal has of an earlier boot. Whatever else can be looked at is of this one.
async fn look_back(context: &Context, pending: &Pending, boot: i32) -> Looks {
    let summary = Summary::read(&context.root).ok().flatten();
    let identity = summary
        .as_ref()
        .map_or_else(Identity::default, Summary::identity);
    let (read, gap) = pending
        .during(
            "the journal of that boot",
            journal(context, &identity, boot),
        )
        .await;
    let mut not_checked = vec![format!(
        "the daemon, the probes and our Node: they know this boot and not that of --boot {boot}"
    )];
    not_checked.extend(gap);
    Looks {
        at: Timestamp::now(),
        identity,
        daemon: Vec::new(),
        journal: read,
        climb: Report::default(),
        node: None,
        verdict: None,
        not_checked,
    }
}

/// What the daemon says, and whether it has read the whole journal; none without a daemon, which is no fault here.
async fn daemon(context: &Context) -> Option<(Status, bool)> {
    let root = &context.root;
    let status = client::status(root)
        .await
        .inspect_err(|error| tracing::debug!(error = %Chain(error), "no daemon"))
        .ok()?;
    let is_up_to_date = client::is_up_to_date(root).await.unwrap_or(false);
    Some((status, is_up_to_date))
}

/// What the rules say of the journal of a boot, and what of it was not read.
async fn journal(
    context: &Context,
    identity: &Identity,
    boot: i32,
) -> (Vec<OpenFinding>, Option<String>) {
    if !context.root.is_machine() {
        let gap = "the journal: it is this machine's, not that of the directory".to_owned();
        return (Vec::new(), Some(gap));
    }
    let rules = Rules::of_node(&context.root);
    let part = Part {
        units: rules.journal_sources().into_iter().collect(),
        boot,
        ..Part::default()
    };
    match Excerpt::open(&part) {
        Ok(excerpt) => read(excerpt, Engine::with(rules.set), identity, boot == 0).await,
        Err(error) => (Vec::new(), Some(format!("the journal: {}", Chain(&error)))),
    }
}

/// `goes_on`: the boot is not over, so that silence since its last line counts.
async fn read(
    mut excerpt: Excerpt,
    mut engine: Engine,
    identity: &Identity,
    goes_on: bool,
) -> (Vec<OpenFinding>, Option<String>) {
    engine.set_identity(identity.clone());
    let deadline = Instant::now() + JOURNAL;
    let mut last = None;
    let gap = loop {
        // An entry that is there is handed out whatever the time is.
        let next = if Instant::now() < deadline {
            timeout_at(deadline, excerpt.next()).await.ok()
        } else {
            None
        };
        match next {
            Some(Ok(Some(entry))) => {
                engine.record(&entry.record());
                last = Some(entry.at);
            }
            Some(Ok(None)) => {
                if goes_on {
                    engine.tick(Timestamp::now());
                } else if let Some(last) = last {
                    engine.tick(last);
                }
                break last.is_none().then(|| {
                    "the journal: the boot has no entry of a watched unit, or we may not read it; run this as root".to_owned()
                });
            }
            Some(Err(error)) => break Some(format!("the journal: {}", Chain(&error))),
            None => {
                let seconds = JOURNAL.as_secs();
                let until = last.map_or_else(
                    || "nothing of it was read".to_owned(),
                    |at| format!("it was read up to {at:.0}"),
                );
                break Some(format!(
                    "the journal: {until}, all of it takes longer than {seconds} s; `nodeagent logs --since 10m` shows its end"
                ));
            }
        }
    };
    (engine.open(), gap)
}

/// What the probes came to.
#[derive(Debug, Default)]
struct Probed {
    climb: Report,
    node: Option<NodeNow>,
    not_checked: Vec<String>,
}

async fn probes(
    context: &Context,
    pending: &Pending,
    summary: Option<&Summary>,
    identity: &Identity,
    is_registration_refused: bool,
) -> Probed {
    let (climbed, node) = tokio::join!(
        pending.during(
            "containerd, the kubelet and the way to the API server",
            climb(context, summary, is_registration_refused),
        ),
        pending.during("our Node", own_node(context, &identity.node_name)),
    );
    let mut probed = Probed::default();
    match climbed {
        Some(climb) => probed.climb = climb,
        None => probed.not_checked.push(format!(
            "the probes: they did not end within {} s",
            PROBES.as_secs()
        )),
    }
    match node {
        Ok(node) => probed.node = Some(node),
        Err(why) => probed.not_checked.push(why),
    }
    probed
}

/// Why there is no use in probes.
fn hindrance(context: &Context, verdict: Option<&Verdict>) -> Option<String> {
    if context.root.is_machine() && !rustix::process::geteuid().is_root() {
        return Some("the probes: they take root".to_owned());
    }
    let waiting_for = verdict.and_then(|verdict| verdict.waiting_for.as_ref())?;
    Some(format!(
        "the probes: the boot waits for {waiting_for}, before which nothing runs"
    ))
}

/// Whether the kubelet says, in lines that leave out why, that it may not register.
fn is_registration_refused(verdict: Option<&Verdict>, said: &[OpenFinding]) -> bool {
    let code = finding::JOIN_REGISTRATION_FORBIDDEN.code;
    let cause = verdict.and_then(|verdict| verdict.root_cause.as_ref());
    said.iter().any(|finding| finding.code == code) || cause.is_some_and(|cause| cause.code == code)
}

/// One climb of the ladder; none when it takes too long.
async fn climb(
    context: &Context,
    summary: Option<&Summary>,
    is_registration_refused: bool,
) -> Option<Report> {
    let unknown = Summary::default();
    let mut inquiry = Inquiry::default();
    let climbing = ladder::climb(
        &context.root,
        &context.environment,
        summary.unwrap_or(&unknown),
        &mut inquiry,
        is_registration_refused,
    );
    let mut report = timeout(PROBES, Box::pin(climbing)).await.ok()?;
    if summary.is_none() {
        // Without a plan nobody knows by what name the API server should know us.
        let name = finding::JOIN_NODE_NAME_MISMATCH.code;
        report.faults.retain(|fault| fault.finding.code != name);
        report.unknown.push(format!(
            "the node's name: there is no plan of this boot, `{}`",
            path::PLAN
        ));
    }
    Some(report)
}

/// Our Node as the API server has it; or why it was not read.
async fn own_node(context: &Context, name: &str) -> Result<NodeNow, String> {
    if name.is_empty() {
        return Err("our Node: its name is not known".to_owned());
    }
    let node = OwnNode::new(&context.root, &context.environment, name);
    match timeout(PROBES, node.read()).await {
        Ok(Ok(facts)) => Ok(facts.map_or_else(
            || NodeNow {
                is_ready: false,
                message: format!("there is no Node `{name}`"),
            },
            |facts| NodeNow {
                is_ready: facts.is_ready,
                message: if facts.is_ready {
                    String::new()
                } else {
                    node::redact::text(&facts.ready_message)
                },
            },
        )),
        Ok(Err(error)) => Err(format!(
            "our Node: {}",
            node::redact::text(&Chain(&error).to_string())
        )),
        Err(_) => Err(format!(
            "our Node: `{name}` was not read within {} s",
            PROBES.as_secs()
        )),
    }
}

#[cfg(test)]
mod tests;
