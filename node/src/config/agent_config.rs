//! `AgentConfig`: settings of the agent itself, which never enter NodeConfig.
//!
//! Read from `/etc/nodeagent/config.d/*.yaml` and from user-data parts of type `application/nodectl.dev`, later wins.
//! Unknown keys are refused.

mod after_boot;
mod report;
mod serve;
mod watch;

use std::collections::BTreeMap;
use std::time::Duration;

use serde::{Deserialize, Deserializer};

pub use after_boot::{AfterBoot, CloudFormation, Ec2Tag, LifecycleHook, OnFailure, Signals};
pub use report::{Conditions, Report, ReportSpec};
pub use serve::{Serve, ServeSpec};
pub use watch::Watch;

/// `kind` of an AgentConfig.
pub const KIND: &str = "AgentConfig";
/// Media type of an AgentConfig in MIME user data.
pub const MEDIA_TYPE: &str = "application/nodectl.dev";

/// The merged settings of the agent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AgentConfig {
    /// How long a node may take from the start of the join phase until its Node object exists. Default 10 minutes:
    /// Karpenter gives a node up after 15.
    pub registered_deadline: Duration,
    /// How the kubelet gets its token.
    pub credential: CredentialSource,
    /// How max pods and the kubelet's reserve are computed.
    pub max_pods: MaxPods,
    /// Labels of the Node by name, each with the path below `/latest/meta-data/` whose text is its value, such as
    /// `instance-life-cycle` or `tags/instance/team`.
    pub labels: BTreeMap<String, String>,
    /// What becomes of the node when a script of cloud-init failed before it. Default: it joins and says so.
    pub script_gate: ScriptGate,
    /// Whether the daemons may be started before cloud-init's final stage when that has nothing to do. Default yes.
    pub fast_path: bool,
    /// Whether the SSM agent is looked after: enabled and started before all else, and checked. Default yes.
    pub ssm_enabled: bool,
    /// What follows the last word on a boot.
    pub after_boot: AfterBoot,
    /// What is written to the Node for the life of it.
    pub report: Report,
    /// What the daemon watches.
    pub watch: Watch,
    /// Where the daemon answers beside its unix socket.
    pub serve: Serve,
}

/// How max pods and the kubelet's reserve are computed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct MaxPods {
    /// How the VPC CNI gives addresses to pods.
    pub mode: MaxPodsMode,
    /// Network interfaces that pods get no address from, such as those of another program.
    pub reserved_enis: u32,
    /// Whether max pods is kept to what Kubernetes recommends.
    pub cap: MaxPodsCap,
    /// Which number of pods the kubelet reserves memory for.
    pub kube_reserved: KubeReserved,
}

/// How the VPC CNI gives addresses to pods.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum MaxPodsMode {
    /// One secondary address for each pod.
    #[default]
    #[serde(rename = "secondaryIP")]
    SecondaryIp,
    /// A /28 prefix, sixteen addresses, in the place of each secondary address (`ENABLE_PREFIX_DELEGATION`).
    PrefixDelegation,
    /// Pods are in a subnet of their own, so the primary interface holds none (`AWS_VPC_K8S_CNI_CUSTOM_NETWORK_CFG`).
    CustomNetworking,
}

/// Whether max pods is kept to what Kubernetes recommends.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum MaxPodsCap {
    /// As many pods as there are addresses.
    #[default]
    None,
    /// At most 110, and 250 on machines with more than 30 vCPUs.
    Recommended,
}

/// Which number of pods the kubelet reserves memory for.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum KubeReserved {
    /// The computed one, as nodeadm does.
    #[default]
    Standard,
    /// The one that the kubelet will use: `maxPods` of `spec.kubelet.config` or of the flags, if it is there.
    Effective,
}

impl Default for AgentConfig {
    fn default() -> Self {
        Self {
            registered_deadline: Duration::from_mins(10),
            credential: CredentialSource::default(),
            max_pods: MaxPods::default(),
            labels: BTreeMap::new(),
            script_gate: ScriptGate::default(),
            fast_path: true,
            ssm_enabled: true,
            after_boot: AfterBoot::default(),
            report: Report::default(),
            watch: Watch::default(),
            serve: Serve::default(),
        }
    }
}

/// What becomes of a node when a script of cloud-init failed before it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum ScriptGate {
    /// It joins, and its verdict says so.
    #[default]
    Warn,
    /// It does not join.
    Block,
}

/// How the kubelet gets its token.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum CredentialSource {
    /// `nodeagent token`: signed in process.
    #[default]
    Native,
    /// `aws eks get-token`, as nodeadm sets it up.
    AwsCli,
}

impl AgentConfig {
    /// These settings with those of `document` over them.
    #[must_use]
    pub fn with(self, document: &AgentConfigDocument) -> Self {
        self.with_spec(&document.spec)
    }

    /// These settings with those of a document's `spec` over them.
    #[must_use]
    pub fn with_spec(self, spec: &AgentConfigSpec) -> Self {
        let max_pods = &spec.max_pods;
        let mut labels = self.labels;
        labels.extend(spec.labels.clone());
        Self {
            registered_deadline: spec
                .deadlines
                .registered
                .unwrap_or(self.registered_deadline),
            credential: spec.credential.unwrap_or(self.credential),
            max_pods: MaxPods {
                mode: max_pods.mode.unwrap_or(self.max_pods.mode),
                reserved_enis: max_pods
                    .reserved_enis
                    .unwrap_or(self.max_pods.reserved_enis),
                cap: max_pods.cap.unwrap_or(self.max_pods.cap),
                kube_reserved: max_pods
                    .kube_reserved
                    .unwrap_or(self.max_pods.kube_reserved),
            },
            labels,
            script_gate: spec.script_gate.unwrap_or(self.script_gate),
            fast_path: spec.fast_path.unwrap_or(self.fast_path),
            ssm_enabled: spec.ssm.enabled.unwrap_or(self.ssm_enabled),
            after_boot: AfterBoot {
                signals: self.after_boot.signals.with(&spec.signals),
                on_failure: spec.on_failure.unwrap_or(self.after_boot.on_failure),
            },
            report: self.report.with(&spec.report),
            watch: self.watch.with(&spec.watch),
            serve: self.serve.with(&spec.serve),
        }
    }
}

/// One AgentConfig document, in which everything is optional.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct AgentConfigDocument {
    #[serde(rename = "apiVersion")]
    _api_version: String,
    #[serde(rename = "kind")]
    _kind: String,
    /// The settings.
    #[serde(default)]
    pub spec: AgentConfigSpec,
}

/// `spec` of an AgentConfig document.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct AgentConfigSpec {
    /// Deadlines of the boot.
    pub deadlines: Deadlines,
    /// How the kubelet gets its token: `native` or `awsCli`.
    pub credential: Option<CredentialSource>,
    /// How max pods and the kubelet's reserve are computed.
    pub max_pods: MaxPodsSpec,
    /// See [`AgentConfig::labels`].
    pub labels: BTreeMap<String, String>,
    /// `warn` or `block`; see [`AgentConfig::script_gate`].
    pub script_gate: Option<ScriptGate>,
    /// See [`AgentConfig::fast_path`].
    pub fast_path: Option<bool>,
    /// The SSM agent.
    pub ssm: SsmSpec,
    /// Who in AWS is told how the boot ended.
    pub signals: Signals,
    /// What becomes of a machine that did not register.
    pub on_failure: Option<OnFailure>,
    /// What is written to the Node.
    pub report: ReportSpec,
    /// What the daemon watches.
    pub watch: Watch,
    /// Where the daemon answers beside its unix socket.
    pub serve: ServeSpec,
}

/// `spec.ssm` of an AgentConfig document.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct SsmSpec {
    /// See [`AgentConfig::ssm_enabled`].
    pub enabled: Option<bool>,
}

/// `spec.maxPods` of an AgentConfig document; see [`MaxPods`] for each field.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct MaxPodsSpec {
    /// `secondaryIP`, `prefixDelegation` or `customNetworking`.
    pub mode: Option<MaxPodsMode>,
    /// How many interfaces are not for pods.
    #[serde(rename = "reservedENIs")]
    pub reserved_enis: Option<u32>,
    /// `none` or `recommended`.
    pub cap: Option<MaxPodsCap>,
    /// `standard` or `effective`.
    pub kube_reserved: Option<KubeReserved>,
}

/// Deadlines of the boot, as durations such as `90s` or `10m`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Deadlines {
    /// See [`AgentConfig::registered_deadline`].
    #[serde(deserialize_with = "duration")]
    pub registered: Option<Duration>,
}

fn duration<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Duration>, D::Error> {
    let text = String::deserialize(deserializer)?;
    parse_duration(&text).map(Some).ok_or_else(|| {
        serde::de::Error::custom(format!("`{text}` is not a duration such as `90s` or `10m`"))
    })
}

/// A duration longer than nothing; `None` for any other text.
pub(super) fn parse_duration(text: &str) -> Option<Duration> {
    text.parse::<jiff::SignedDuration>()
        .ok()
        .and_then(|duration| Duration::try_from(duration).ok())
        .filter(|duration| !duration.is_zero())
}
