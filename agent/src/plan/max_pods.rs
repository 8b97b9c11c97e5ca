//! How many pods the kubelet takes and what it keeps back for them, decided from what was asked for and what the machine is.
//!
//! The number in the generated configuration is ours: the mode of the network plugin, the user's expression, the cap. A
//! `maxPods` of the user's own goes over it in the drop-in or in the flags, as the kubelet reads them; it is looked at here
//! to say what will not work, and to reserve for it when that is asked for.

use node::config::agent_config::{KubeReserved, MaxPodsMode};
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
    if let Some(room) = decision.room.filter(|room| effective > *room && !is_ipv6) {
        let place = own
            .as_ref()
            .map_or("spec.kubelet.maxPodsExpression", |own| own.place);
        warnings.push(format!(
            "max pods is {effective} by `{place}` and the network interfaces of instance type `{}` have addresses for {room} pods {}: those beyond stay in ContainerCreating, unless the network plugin finds addresses in another way; `spec.maxPods.mode` of AgentConfig says in which",
            facts.instance.instance_type,
            how(decision.mode),
        ));
    }
    let pods = match settings.kube_reserved {
        KubeReserved::Standard => decision.max_pods,
        KubeReserved::Effective => effective,
    };
    let reserved = Reserved::for_node(facts.cores, pods);
    warnings.extend(reserved.memory_warning(pods, facts.memory_mebibytes));
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
        MaxPodsMode::PrefixDelegation => "with prefixes",
        MaxPodsMode::CustomNetworking => "with custom networking",
    }
}

/// The user's own number: the kubelet's flags win over its configuration, and the last flag over those before it.
fn overridden(config: &NodeConfig) -> Option<Override> {
    const FLAG: &str = "--max-pods";
    let kubelet = &config.spec.kubelet;
    // systemd splits the flags at white space, whatever the items of the list were.
    let words: Vec<&str> = kubelet
        .flags
        .iter()
        .flat_map(|flag| flag.split_whitespace())
        .collect();
    let by_flag = words
        .iter()
        .enumerate()
        .filter_map(|(index, word)| match word.strip_prefix(FLAG)? {
            "" => words.get(index + 1).copied(),
            rest => rest.strip_prefix('='),
        })
        .next_back()
        .and_then(|value| value.parse().ok());
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

#[cfg(test)]
mod tests;
