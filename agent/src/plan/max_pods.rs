//! How many pods the kubelet takes and what it keeps back for them, decided from what was asked for and what the machine is.
//!
//! The number in the generated configuration is ours: the mode of the network plugin, the user's expression, the cap. A
//! `maxPods` of the user's own goes over it in the drop-in or in the flags, as the kubelet reads them; it is looked at here
//! to say what will not work, and to reserve for it when that is asked for.

use node::config::agent_config::{KubeReserved, MaxPodsMode};
use node::config::check::words;
use node::config::{AgentConfig, NodeConfig};
use node::max_pods::{Machine, Request, Reserved, decide, expression};

use crate::facts::Facts;

/// What was decided.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct MaxPods {
    /// The number for the generated configuration.
    pub computed: u32,
    /// The number that the kubelet will use.
    pub effective: u32,
    /// What the kubelet keeps back.
    pub reserved: Reserved,
    /// What will not work, and what is doubtful.
    pub warnings: Vec<String>,
}

/// Where the user sets max pods, and to what.
struct Override {
    pods: u32,
    place: &'static str,
}

/// Decides. On a node of an IPv6 cluster every pod has an address: each interface has a prefix of its own.
pub(super) fn max_pods(
    config: &NodeConfig,
    agent: &AgentConfig,
    facts: &Facts,
    is_ipv6: bool,
) -> MaxPods {
    let mut warnings = Vec::new();
    let settings = &agent.max_pods;
    let text = &config.spec.kubelet.max_pods_expression;
    // The compiler's tables are as much work as the rest of a config phase.
    let compiled = (!text.trim().is_empty()).then(|| expression::compile(text));
    let expression = compiled.and_then(|compiled| {
        compiled
            .map_err(|error| {
                warnings.push(format!(
                    "`spec.kubelet.maxPodsExpression` is not used: {error}"
                ));
            })
            .ok()
    });
    let machine = machine(facts);
    let request = Request {
        mode: settings.mode,
        reserved_enis: settings.reserved_enis,
        maximum_enis: None,
        expression: expression.as_ref(),
        cap: settings.cap,
    };
    let decision = decide(&machine, &request);
    warnings.extend(decision.warnings);

    let own = overridden(config);
    let effective = own.as_ref().map_or(decision.max_pods, |own| own.pods);
    // Without a mode of the user's own nobody here knows whether the network plugin gives prefixes, so only what no plugin
    // of ours can give is told.
    let widest = decide(
        &machine,
        &Request {
            mode: match settings.mode {
                MaxPodsMode::SecondaryIp => MaxPodsMode::PrefixDelegation,
                mode => mode,
            },
            expression: None,
            ..request
        },
    );
    if let Some(room) = widest.room.filter(|room| effective > *room && !is_ipv6) {
        let place = own
            .as_ref()
            .map_or("spec.kubelet.maxPodsExpression", |own| own.place);
        warnings.push(format!(
            "max pods is {effective} by `{place}` and the network interfaces of instance type `{}` have addresses for {room} pods {}: those beyond stay in ContainerCreating, unless the network plugin finds addresses in another way",
            facts.instance.instance_type,
            how(widest.mode),
        ));
    }
    let pods = match settings.kube_reserved {
        KubeReserved::Standard => decision.max_pods,
        KubeReserved::Effective => effective,
    };
    let reserved = Reserved::for_node(facts.cores, pods);
    if !reserves_memory(config) {
        warnings.extend(reserved.memory_warning(pods, facts.memory_mebibytes));
    }
    MaxPods {
        computed: decision.max_pods,
        effective,
        reserved,
        warnings,
    }
}

/// A table knows the type, else EC2 was asked. A type that no table knows is a new one, and all new ones are Nitro.
fn machine(facts: &Facts) -> Machine<'_> {
    let known = facts.known_type;
    Machine {
        instance_type: &facts.instance.instance_type,
        limits: known.map(|known| known.limits).or(facts.instance_limits),
        hypervisor: known.and_then(|known| known.hypervisor),
        vcpus: known.and_then(|known| known.vcpus).or(Some(facts.cores)),
        memory_mebibytes: known
            .and_then(|known| known.memory_mebibytes)
            .or_else(|| (facts.memory_mebibytes > 0).then_some(facts.memory_mebibytes)),
    }
}

fn how(mode: MaxPodsMode) -> &'static str {
    match mode {
        MaxPodsMode::SecondaryIp => "with one secondary address for each",
        MaxPodsMode::PrefixDelegation => "even with prefixes",
        MaxPodsMode::CustomNetworking => "with custom networking",
    }
}

/// The user's own number: the kubelet's flags win over its configuration, and the last flag over those before it.
fn overridden(config: &NodeConfig) -> Option<Override> {
    const FLAG: &str = "--max-pods";
    let kubelet = &config.spec.kubelet;
    let by_flag = value_of(&kubelet.flags, FLAG).and_then(|value| value.parse().ok());
    if let Some(pods) = by_flag {
        return Some(Override {
            pods,
            place: "spec.kubelet.flags",
        });
    }
    let value = kubelet.config.get("maxPods")?.as_u64()?;
    Some(Override {
        pods: u32::try_from(value).ok()?,
        place: "spec.kubelet.config",
    })
}

/// Whether the user says how much memory is reserved.
fn reserves_memory(config: &NodeConfig) -> bool {
    let kubelet = &config.spec.kubelet;
    let by_flag = value_of(&kubelet.flags, "--kube-reserved");
    let in_config = kubelet.config.get("kubeReserved");
    by_flag.is_some_and(|value| value.contains("memory="))
        || in_config.is_some_and(|reserved| reserved.get("memory").is_some())
}

/// The value of a flag as the kubelet sees it: the last one.
fn value_of(flags: &[String], name: &str) -> Option<String> {
    let words: Vec<String> = flags.iter().flat_map(|flag| words(flag)).collect();
    let value = |(index, word): (usize, &String)| match word.strip_prefix(name)? {
        "" => words.get(index + 1).cloned(),
        rest => rest.strip_prefix('=').map(str::to_owned),
    };
    words.iter().enumerate().filter_map(value).next_back()
}

#[cfg(test)]
mod tests;
