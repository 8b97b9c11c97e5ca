//! `(configuration, facts) -> Plan`: everything that the config phase will do, decided before anything is done.
//!
//! Pure: no clock, no file, no process. One file per thing planned; [`crate::apply`] carries a plan out.

mod base_runtime_spec;
mod containerd;
mod image_credential_provider;
mod kubeconfig;
mod kubelet_config;
mod kubelet_environment;
#[cfg(test)]
mod tests;

use std::net::IpAddr;

use node::config::{AgentConfig, NodeConfig, check};
use node::max_pods;
use node::wire::Identity;
use serde::{Deserialize, Serialize};

use crate::facts::Facts;
use crate::host::path;
use crate::host::root::{self, Root};

/// Everything that the config phase will do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Plan {
    /// Files to write, in this order.
    pub files: Vec<PlannedFile>,
    /// What later phases and the daemon need to know.
    pub summary: Summary,
    /// What was asked for and will have no effect.
    pub warnings: Vec<String>,
}

/// One file to write.
#[derive(Clone, PartialEq, Eq)]
pub struct PlannedFile {
    /// Absolute path on the node.
    pub path: &'static str,
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

/// What the config phase decided, kept in `/run/nodeagent/plan.json`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Summary {
    /// Name of the Node object.
    pub node_name: String,
    /// Max pods given to the kubelet.
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
    max_pods: u32,
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
    warnings.extend(without_effect(config));
    let limits = max_pods::limits(&facts.instance.instance_type);
    if limits.is_none() {
        warnings.push(format!(
            "instance type `{}` is not in the table of ENI limits; max pods is the kubelet's default of {}",
            facts.instance.instance_type,
            max_pods::KUBELET_DEFAULT
        ));
    }
    let by_instance_id = config.spec.feature_gates.get("InstanceIdNodeName") == Some(&true);
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
        max_pods: limits.map_or(max_pods::KUBELET_DEFAULT, max_pods::max_pods),
    };
    warnings.extend(reserved_memory_warning(&inputs));

    let mut files = vec![PlannedFile {
        path: path::CA,
        mode: 0o644,
        content: ca,
    }];
    files.push(base_runtime_spec::file(&inputs));
    files.push(containerd::file(&inputs).map_err(|source| Error::Containerd { source })?);
    files.push(image_credential_provider::file(&inputs));
    files.push(kubeconfig::file(&inputs));
    files.push(kubelet_config::file(&inputs));
    files.extend(kubelet_config::drop_in(&inputs));
    files.push(kubelet_environment::file(&inputs));
    Ok(Plan {
        files,
        summary: summary(&inputs),
        warnings,
    })
}

fn summary(inputs: &Inputs<'_>) -> Summary {
    let instance = &inputs.facts.instance;
    Summary {
        node_name: inputs.node_name.to_owned(),
        max_pods: inputs.max_pods,
        cluster: inputs.config.spec.cluster.name.clone(),
        region: instance.region.clone(),
        instance_id: instance.id.clone(),
        instance_type: instance.instance_type.clone(),
        role: instance.role.clone(),
        role_arn: instance.role_arn(),
        registered_deadline_seconds: inputs.agent.registered_deadline.as_secs(),
    }
}

/// Fields that nodeadm acts on and this version does not yet: said, never dropped in silence.
fn without_effect(config: &NodeConfig) -> Vec<String> {
    let spec = &config.spec;
    let fields = [
        (
            "spec.kubelet.maxPodsExpression",
            !spec.kubelet.max_pods_expression.is_empty(),
        ),
        (
            "spec.instance.localStorage.strategy",
            !spec.instance.local_storage.strategy.is_empty(),
        ),
        (
            "spec.instance.environment",
            !spec.instance.environment.is_empty(),
        ),
        (
            "spec.instance.network",
            spec.instance.network != node::config::node_config::Network::default(),
        ),
        (
            "spec.cluster.enableOutpost",
            spec.cluster.enable_outpost == Some(true),
        ),
        (
            "spec.featureGates.FastImagePull",
            spec.feature_gates.get("FastImagePull") == Some(&true),
        ),
    ];
    fields
        .iter()
        .filter(|(_, is_set)| *is_set)
        .map(|(field, _)| {
            format!("`{field}` is not supported by this version of nodeagent and has no effect")
        })
        .collect()
}

/// Reserved memory grows with max pods, whatever the machine has.
fn reserved_memory_warning(inputs: &Inputs<'_>) -> Option<String> {
    let reserved = u64::from(
        max_pods::Reserved::for_node(inputs.facts.cores, inputs.max_pods).memory_mebibytes,
    );
    let memory = inputs.facts.memory_mebibytes;
    (memory > 0 && reserved * 4 > memory).then(|| {
        format!(
            "the {reserved} MiB that the kubelet reserves for {} pods are more than a quarter of the machine's {memory} MiB",
            inputs.max_pods
        )
    })
}
