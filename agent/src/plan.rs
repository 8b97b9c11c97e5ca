//! `(configuration, facts) -> Plan`: everything that the config phase will do, decided before anything is done.
//!
//! Pure: no clock, no file, no process. One file per thing planned; [`crate::apply`] carries a plan out.

mod action;
mod base_runtime_spec;
mod containerd;
mod environment;
mod fast_image_pull;
pub mod fast_path;
mod hosts;
mod image_credential_provider;
mod kubeconfig;
mod kubelet_config;
mod kubelet_environment;
mod labels;
mod local_disks;
mod max_pods;
mod name_resolution;
#[cfg(test)]
mod tests;

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::net::IpAddr;

use node::config::{AfterBoot, AgentConfig, NodeConfig, Report, ScriptGate, Serve, Watch, check};
use node::max_pods::Reserved;
use node::wire::Identity;
use serde::{Deserialize, Serialize};

use crate::facts::{Facts, Version};
use crate::host::path;
use crate::host::root::{self, Root};

pub use action::{Action, actions};

/// The pause image is part of the AMI, so that no registry is needed to start a pod.
const SANDBOX_IMAGE: &str = "localhost/kubernetes/pause:latest";
/// The oldest kubelet that this was made for.
const OLDEST_KUBELET: (u32, u32) = (1, 28);

/// Everything that the config phase will do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Plan {
    /// Files to write, in this order.
    pub files: Vec<PlannedFile>,
    /// Parts of files that are others'.
    pub blocks: Vec<PlannedBlock>,
    /// What later phases and the daemon need to know.
    pub summary: Summary,
    /// What was asked for and will have no effect.
    pub warnings: Vec<String>,
}

/// One file to write.
#[derive(Clone, PartialEq, Eq)]
pub struct PlannedFile {
    /// Absolute path on the node.
    pub path: Cow<'static, str>,
    /// Permission bits: 0600 where a secret can be.
    pub mode: u32,
    /// Whole content.
    pub content: String,
}

impl std::fmt::Debug for PlannedFile {
    /// The content can hold what a user gave us, so it is not shown.
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            formatter,
            "{} ({:04o}, {} bytes)",
            self.path,
            self.mode,
            self.content.len()
        )
    }
}

/// Some lines of a file, of which the rest is not ours and stays as it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PlannedBlock {
    /// Absolute path on the node.
    pub path: &'static str,
    /// The lines, each with its end.
    pub content: String,
}

/// What the config phase decided, kept in `/run/nodeagent/plan.json`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Summary {
    /// Name of the Node object.
    pub node_name: String,
    /// Max pods that the kubelet will use: a number of the user's own wins over the computed one.
    pub max_pods: u32,
    /// Name of the EKS cluster.
    pub cluster: String,
    /// Region.
    pub region: String,
    /// Instance id.
    pub instance_id: String,
    /// Instance type.
    pub instance_type: String,
    /// Name of the instance's role.
    pub role: String,
    /// ARN of that role, without its path.
    pub role_arn: String,
    /// Seconds that the node may take to register, from the start of the join phase.
    pub registered_deadline_seconds: u64,
    /// Arguments of `setup-local-disks`; empty when the disks are left alone.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub local_disks: Vec<String>,
    /// Whether containerd pulls through the SOCI snapshotter.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub fast_image_pull: bool,
    /// State of the instance in the warm pool of its Auto Scaling group; none when it is to serve.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub warmed: Option<String>,
    /// What follows the last word on the boot.
    #[serde(default, skip_serializing_if = "is_default")]
    pub after_boot: AfterBoot,
    /// Whether a failed script of cloud-init keeps the node from joining.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub script_gate_blocks: bool,
    /// Whether the run phase may go before cloud-init's final stage.
    #[serde(default)]
    pub fast_path: bool,
    /// Whether the SSM agent is left as the image has it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub ssm_left_alone: bool,
    /// What the daemon writes to the Node.
    #[serde(default, skip_serializing_if = "is_default")]
    pub report: Report,
    /// What the daemon watches, as other sources than the agent's own directory say it.
    #[serde(default, skip_serializing_if = "is_default")]
    pub watch: Watch,
    /// Where the daemon answers beside its socket.
    #[serde(default, skip_serializing_if = "is_default")]
    pub serve: Serve,
}

impl Summary {
    /// The summary of this boot; `None` before the config phase has ended.
    pub fn read(root: &Root) -> Result<Option<Self>, root::Error> {
        let Some(content) = root.read(path::PLAN)? else {
            return Ok(None);
        };
        serde_json::from_slice(&content)
            .map(Some)
            .map_err(|error| root::Error {
                operation: "reading",
                path: path::PLAN.into(),
                source: error.into(),
            })
    }

    /// What the boot says of the watch; nothing before its config phase has ended.
    pub fn watch_of_boot(root: &Root) -> Watch {
        let summary = Self::read(root).ok().flatten();
        summary.map(|summary| summary.watch).unwrap_or_default()
    }

    /// Who is speaking in a verdict.
    pub fn identity(&self) -> Identity {
        Identity {
            instance_id: self.instance_id.clone(),
            instance_type: self.instance_type.clone(),
            region: self.region.clone(),
            node_name: self.node_name.clone(),
            cluster: self.cluster.clone(),
            role: self.role.clone(),
            role_arn: self.role_arn.clone(),
        }
    }
}

/// Why no plan can be made.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The NodeConfig lacks something without which the kubelet cannot start.
    #[error("the NodeConfig cannot be used: {}", problems.join("; "))]
    Config {
        /// Everything that is wrong with it.
        problems: Vec<String>,
    },
    /// The user's TOML cannot be merged.
    #[error("planning containerd's configuration")]
    Containerd {
        /// What is wrong with it.
        #[source]
        source: node::config::merge::Error,
    },
    /// The user's TOML is for a newer containerd.
    #[error(
        "`spec.containerd.config` names plugins of containerd 2.x and containerd {version} is installed; write it for `{}`",
        node::containerd::CRI
    )]
    ContainerdVersion {
        /// What is installed.
        version: Version,
    },
    /// A program that every image pull from ECR needs is not there.
    #[error("the image credential provider `{path}` is not installed")]
    NoImageCredentialProvider {
        /// Where it was looked for.
        path: String,
    },
}

/// What the parts of a plan are made of.
struct Inputs<'a> {
    config: &'a NodeConfig,
    agent: &'a AgentConfig,
    facts: &'a Facts,
    /// Service network of the cluster.
    service_network: (IpAddr, u8),
    node_name: &'a str,
    /// The number in the generated configuration.
    max_pods: u32,
    /// What the kubelet keeps back.
    reserved: Reserved,
    /// The number that the kubelet will use.
    effective_max_pods: u32,
    /// Labels of the Node, by name.
    labels: BTreeMap<String, String>,
    /// Whether images are pulled through the SOCI snapshotter.
    fast_image_pull: bool,
}

/// Plans a node.
pub fn plan(config: &NodeConfig, agent: &AgentConfig, facts: &Facts) -> Result<Plan, Error> {
    let problems = check::check(config);
    let fatal: Vec<String> = problems
        .iter()
        .filter(|problem| problem.prevents_start)
        .map(ToString::to_string)
        .collect();
    let ca = check::certificate_authority(config);
    let service_network = check::cidr_address(&config.spec.cluster.cidr);
    let (true, Ok(ca), Some(service_network)) = (fatal.is_empty(), ca, service_network) else {
        return Err(Error::Config { problems: fatal });
    };
    if !facts.image_credential_provider.is_installed {
        return Err(Error::NoImageCredentialProvider {
            path: facts.image_credential_provider.path.clone(),
        });
    }
    let mut warnings: Vec<String> = problems
        .iter()
        .filter(|problem| !problem.prevents_start)
        .map(ToString::to_string)
        .collect();
    warnings.extend(old_kubelet_warning(facts.kubelet_version));
    if service_network.0.is_ipv6() && facts.instance.ipv6.is_none() {
        warnings.push(
            "the cluster's network is IPv6 and the primary interface of the instance has no IPv6 address; the kubelet gets no `--node-ip`"
                .to_owned(),
        );
    }
    let mut fast_image_pull = config.spec.pulls_images_in_parallel();
    if fast_image_pull && let Err(reason) = fast_image_pull::fits(facts) {
        warnings.push(reason);
        fast_image_pull = false;
    }
    let pods = max_pods::max_pods(config, agent, facts, service_network.0.is_ipv6());
    warnings.extend(pods.warnings);
    let by_instance_id = config.spec.names_nodes_by_instance_id();
    let node_name = if by_instance_id {
        &facts.instance.id
    } else {
        &facts.instance.private_dns_name
    };
    let inputs = Inputs {
        config,
        agent,
        facts,
        service_network,
        node_name,
        max_pods: pods.computed,
        reserved: pods.reserved,
        effective_max_pods: pods.effective,
        labels: labels::labels(facts, facts.labels.clone()),
        fast_image_pull,
    };

    let mut files = environment::files(config);
    files.extend(name_resolution::file(config));
    files.push(PlannedFile {
        path: path::CA.into(),
        mode: 0o644,
        content: ca,
    });
    files.push(base_runtime_spec::file(&inputs));
    files.push(containerd::file(&inputs)?);
    if fast_image_pull {
        files.extend(fast_image_pull::files());
    }
    files.push(image_credential_provider::file(&inputs));
    files.push(kubeconfig::file(&inputs));
    files.push(kubelet_config::file(&inputs));
    files.extend(kubelet_config::drop_in(&inputs));
    files.push(kubelet_environment::file(&inputs));
    Ok(Plan {
        files,
        blocks: hosts::block(config, facts).into_iter().collect(),
        summary: summary(&inputs),
        warnings,
    })
}

fn summary(inputs: &Inputs<'_>) -> Summary {
    let instance = &inputs.facts.instance;
    Summary {
        node_name: inputs.node_name.to_owned(),
        max_pods: inputs.effective_max_pods,
        cluster: inputs.config.spec.cluster.name.clone(),
        region: instance.region.clone(),
        instance_id: instance.id.clone(),
        instance_type: instance.instance_type.clone(),
        role: instance.role.clone(),
        role_arn: instance.role_arn(),
        registered_deadline_seconds: inputs.agent.registered_deadline.as_secs(),
        local_disks: local_disks::arguments(inputs.config),
        fast_image_pull: inputs.fast_image_pull,
        warmed: instance.warmed.clone(),
        after_boot: inputs.agent.after_boot.clone(),
        script_gate_blocks: inputs.agent.script_gate == ScriptGate::Block,
        fast_path: inputs.agent.fast_path,
        ssm_left_alone: !inputs.agent.ssm_enabled,
        report: inputs.agent.report,
        watch: inputs.agent.watch.clone(),
        serve: inputs.agent.serve,
    }
}

fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}

fn old_kubelet_warning(version: Version) -> Option<String> {
    let oldest = Version::new(OLDEST_KUBELET.0, OLDEST_KUBELET.1);
    (version < oldest).then(|| {
        format!(
            "kubelet {version} is older than {oldest}, the oldest that is supported; its configuration may not fit"
        )
    })
}
