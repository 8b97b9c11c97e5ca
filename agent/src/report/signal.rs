//! Signals: who in AWS is told how the boot ended, if AgentConfig asks for it.
//!
//! Each is a report and nothing else: one that fails is a warning and changes neither the outcome nor the exit code. A
//! signal is sent once for what it says; `init` run again says it again, and the services bear that: a tag is set to the
//! same value, a hook or a stack that waits no more refuses the call.

use node::chain::Chain;
use node::config::agent_config::Signals;
use node::console;
use node::wire::{Outcome, Verdict};

use crate::host;
use crate::host::aws::signal::{Call, Caller};
use crate::host::environment::Environment;
use crate::host::imds::Imds;
use crate::host::root::Root;

/// Time that IMDS has to give the credentials.
const IMDS_DEADLINE: std::time::Duration = std::time::Duration::from_secs(10);
/// Name of the group of an instance, where the instance shows its tags to itself.
const GROUP: &str = "/latest/meta-data/tags/instance/aws:autoscaling:groupName";

/// Tells everybody who is to be told of this verdict and was not told the same with `before`.
pub async fn send(
    root: &Root,
    environment: &Environment,
    signals: &Signals,
    before: Option<&Verdict>,
    verdict: &Verdict,
) {
    if *signals == Signals::default() {
        return;
    }
    let identity = &verdict.identity;
    if identity.instance_id.is_empty() || identity.region.is_empty() {
        warn(root, "no signal is sent: the instance is not known");
        return;
    }
    let imds = Imds::new(environment.imds_endpoint.as_deref(), IMDS_DEADLINE);
    let environment = environment.clone().with_kept_defaults(root);
    let group = group(&imds, signals).await;
    let caller = Caller {
        root,
        environment: &environment,
        imds: &imds,
        region: &identity.region,
        role: &identity.role_arn,
    };
    let (tag, hook, stack) = calls(signals, group.as_deref(), before, verdict);
    if signals.lifecycle_hook.is_some() && group.is_none() {
        warn(
            root,
            "`spec.signals.lifecycleHook` of AgentConfig: the Auto Scaling group is not known; set `autoScalingGroup`, or allow tags in the instance metadata",
        );
    }
    tokio::join!(
        tell(&caller, tag.as_ref()),
        tell(&caller, hook.as_ref()),
        tell(&caller, stack.as_ref())
    );
}

async fn group(imds: &Imds, signals: &Signals) -> Option<String> {
    let hook = signals.lifecycle_hook.as_ref()?;
    if hook.auto_scaling_group.is_some() {
        return hook.auto_scaling_group.clone();
    }
    imds.text(GROUP).await.ok().flatten()
}

async fn tell(caller: &Caller<'_>, call: Option<&Call>) {
    let Some(call) = call else { return };
    match caller.call(call).await {
        Ok(()) => tracing::info!("signal sent: {}:{}", call.service, call.action),
        Err(error) => warn(caller.root, &format!("signal not sent: {}", Chain(&error))),
    }
}

fn warn(root: &Root, what: &str) {
    tracing::warn!("{}", node::redact::text(what));
    if let Err(error) = host::console::write(root, &[console::line(what)]) {
        tracing::debug!(%error, "the console takes nothing");
    }
}

/// The calls for a tag, a hook and a stack.
fn calls(
    signals: &Signals,
    group: Option<&str>,
    before: Option<&Verdict>,
    verdict: &Verdict,
) -> (Option<Call>, Option<Call>, Option<Call>) {
    let instance = &verdict.identity.instance_id;
    let has_failed = |verdict: &Verdict| verdict.outcome == Outcome::Failed;
    let is_same = before.is_some_and(|before| has_failed(before) == has_failed(verdict));
    let pick = |well: &str, ill: &str| if has_failed(verdict) { ill } else { well }.to_owned();

    // <https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_CreateTags.html>
    let value = value(verdict);
    let is_news = before.is_none_or(|before| self::value(before) != value);
    let tag = signals.ec2_tag.as_ref().filter(|_| is_news);
    let tag = tag.map(|tag| Call {
        service: "ec2",
        action: "CreateTags",
        version: "2016-11-15",
        parameters: vec![
            ("ResourceId.1", instance.clone()),
            ("Tag.1.Key", tag.key.clone()),
            ("Tag.1.Value", value),
        ],
    });
    // <https://docs.aws.amazon.com/autoscaling/ec2/APIReference/API_CompleteLifecycleAction.html>
    let hook = signals.lifecycle_hook.as_ref().filter(|_| !is_same);
    let hook = hook.zip(group).map(|(hook, group)| Call {
        service: "autoscaling",
        action: "CompleteLifecycleAction",
        version: "2011-01-01",
        parameters: vec![
            ("AutoScalingGroupName", group.to_owned()),
            ("InstanceId", instance.clone()),
            ("LifecycleActionResult", pick("CONTINUE", "ABANDON")),
            ("LifecycleHookName", hook.name.clone()),
        ],
    });
    // <https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_SignalResource.html>
    let stack = signals.cloud_formation.as_ref().filter(|_| !is_same);
    let stack = stack.map(|resource| Call {
        service: "cloudformation",
        action: "SignalResource",
        version: "2010-05-15",
        parameters: vec![
            ("LogicalResourceId", resource.logical_resource_id.clone()),
            ("StackName", resource.stack.clone()),
            ("Status", pick("SUCCESS", "FAILURE")),
            ("UniqueId", instance.clone()),
        ],
    });
    (tag, hook, stack)
}

/// `joined`, or `failed join.unauthorized`: what a value of a tag may hold.
fn value(verdict: &Verdict) -> String {
    let outcome = verdict.outcome.as_str();
    match &verdict.root_cause {
        Some(cause) => format!("{outcome} {}", cause.code),
        None => outcome.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;
    use node::config::agent_config::{CloudFormation, Ec2Tag, LifecycleHook};
    use node::wire::{API_VERSION, Identity, Phase, RootCause};

    use super::*;

    fn signals() -> Signals {
        Signals {
            ec2_tag: Some(Ec2Tag {
                key: "boot".to_owned(),
            }),
            lifecycle_hook: Some(LifecycleHook {
                name: "ready".to_owned(),
                auto_scaling_group: None,
            }),
            cloud_formation: Some(CloudFormation {
                stack: "workers".to_owned(),
                logical_resource_id: "Group".to_owned(),
            }),
        }
    }

    fn verdict(outcome: Outcome) -> Verdict {
        Verdict {
            api_version: API_VERSION.into(),
            kind: "Verdict".into(),
            agent_version: "0.1.0".into(),
            at: Timestamp::UNIX_EPOCH,
            provisional: false,
            outcome,
            phase: Phase::Join,
            identity: Identity {
                instance_id: "i-1".into(),
                ..Identity::default()
            },
            root_cause: (outcome != Outcome::Joined).then(|| RootCause {
                code: "cni.not_ready".into(),
                cause: String::new(),
                evidence: Vec::new(),
                fix: String::new(),
            }),
            consequences: Vec::new(),
            warnings: Vec::new(),
            waiting_for: None,
            timings: Vec::new(),
        }
    }

    /// The values that say how it ended, of those that are told.
    fn told(before: Option<Outcome>, outcome: Outcome, group: Option<&str>) -> Vec<String> {
        let before = before.map(verdict);
        let (tag, hook, stack) = calls(&signals(), group, before.as_ref(), &verdict(outcome));
        [tag, hook, stack]
            .iter()
            .flatten()
            .map(|call| {
                let is_said =
                    |name: &str| ["Tag.1.Value", "LifecycleActionResult", "Status"].contains(&name);
                let said = call.parameters.iter().find(|(name, _)| is_said(name));
                said.map(|(_, value)| value.clone()).unwrap()
            })
            .collect()
    }

    #[test]
    fn each_outcome_is_told_in_the_words_of_the_service() {
        let group = Some("workers");
        assert_eq!(
            told(None, Outcome::Joined, group),
            ["joined", "CONTINUE", "SUCCESS"]
        );
        assert_eq!(
            told(None, Outcome::Registered, group),
            ["registered cni.not_ready", "CONTINUE", "SUCCESS"]
        );
        assert_eq!(
            told(None, Outcome::Failed, group),
            ["failed cni.not_ready", "ABANDON", "FAILURE"]
        );
    }

    #[test]
    fn what_was_told_is_not_told_again() {
        let group = Some("workers");
        let registered = Some(Outcome::Registered);
        assert_eq!(told(registered, Outcome::Joined, group), ["joined"]);
        assert_eq!(
            told(Some(Outcome::Failed), Outcome::Joined, group),
            ["joined", "CONTINUE", "SUCCESS"]
        );
        let same = told(registered, Outcome::Registered, group);
        assert!(same.is_empty(), "{same:?}");
    }

    #[test]
    fn a_group_that_is_not_known_leaves_its_hook_alone() {
        assert_eq!(told(None, Outcome::Joined, None), ["joined", "SUCCESS"]);
    }
}
