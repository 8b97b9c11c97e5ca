//! What the two `max-pods` commands answer: the questions of `max-pods-calculator.sh`, which EKS AMIs no longer have, for any
//! number of instance types.

use std::str::FromStr;

use serde::Serialize;

use super::expression::Expression;
use super::{InstanceType, Machine, Request, Reserved, Table, decide};
use crate::config::agent_config::{MaxPodsCap, MaxPodsMode};
use crate::nearest::nearest;
use crate::wire::API_VERSION;

/// The question, as the flags of the commands put it.
#[derive(Debug, Default)]
pub struct Calculator {
    /// `--cni-version`.
    pub cni_version: Option<CniVersion>,
    /// `--cni-custom-networking-enabled`.
    pub custom_networking: bool,
    /// `--cni-prefix-delegation-enabled`.
    pub prefix_delegation: bool,
    /// `--cni-max-eni`.
    pub maximum_enis: Option<u32>,
    /// `--reserved-enis`.
    pub reserved_enis: u32,
    /// `--cap`.
    pub cap: MaxPodsCap,
    /// `--max-pods-expression`.
    pub expression: Option<Expression>,
}

impl Calculator {
    /// What is wrong with the question itself, whatever the instance type.
    pub fn warning(&self) -> Option<String> {
        let version = self.cni_version.filter(|_| self.prefix_delegation)?;
        (version < CniVersion::WITH_PREFIXES).then(|| {
            format!(
                "VPC CNI {version} has no prefix delegation, which came with {}; pods are counted by secondary addresses",
                CniVersion::WITH_PREFIXES
            )
        })
    }

    /// How many pods an instance type can hold.
    pub fn capacity(&self, name: &str, instance_type: InstanceType) -> Capacity {
        let has_prefixes = self.prefix_delegation && self.warning().is_none();
        let (mode, primary) = match (has_prefixes, self.custom_networking) {
            (false, false) => (MaxPodsMode::SecondaryIp, 0),
            (false, true) => (MaxPodsMode::CustomNetworking, 0),
            // Both at once are prefixes on all interfaces but the primary one.
            (true, custom) => (MaxPodsMode::PrefixDelegation, u32::from(custom)),
        };
        let request = Request {
            mode,
            reserved_enis: self.reserved_enis.saturating_add(primary),
            maximum_enis: self.maximum_enis,
            expression: self.expression.as_ref(),
            cap: self.cap,
        };
        let decision = decide(&Machine::of(name, instance_type), &request);
        let reserved = Reserved::for_node(instance_type.vcpus.unwrap_or(0), decision.max_pods);
        let mut warnings = decision.warnings;
        warnings.extend(reserved.memory_warning(
            decision.max_pods,
            instance_type.memory_mebibytes.unwrap_or(0),
        ));
        Capacity {
            instance_type: name.to_owned(),
            max_pods: decision.max_pods,
            mode: match decision.mode {
                MaxPodsMode::SecondaryIp => "secondaryIP",
                MaxPodsMode::PrefixDelegation => "prefixDelegation",
                MaxPodsMode::CustomNetworking => "customNetworking",
            },
            network_interfaces: instance_type.limits.enis,
            network_interfaces_for_pods: decision.enis.unwrap_or(instance_type.limits.enis),
            ipv4_per_interface: instance_type.limits.ipv4_per_eni,
            pods_with_addresses: decision.room.unwrap_or(decision.max_pods),
            cap: decision.cap,
            vcpus: instance_type.vcpus,
            memory_mebibytes: instance_type.memory_mebibytes,
            kube_reserved_cpu_millicores: instance_type.vcpus.map(|_| reserved.cpu_millicores),
            kube_reserved_memory_mebibytes: reserved.memory_mebibytes,
            warnings,
        }
    }
}

/// How many pods an instance type can hold, and how the number comes about. What is `None` is not known.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Capacity {
    /// The instance type.
    pub instance_type: String,
    /// The number for the kubelet.
    pub max_pods: u32,
    /// How the VPC CNI gives addresses to pods, as `spec.maxPods.mode` of an AgentConfig calls it.
    pub mode: &'static str,
    /// Interfaces of the default network card.
    pub network_interfaces: u32,
    /// Those that pods get addresses from.
    pub network_interfaces_for_pods: u32,
    /// IPv4 addresses that one interface can hold.
    pub ipv4_per_interface: u32,
    /// How many pods there is room for before the expression and the cap, the two with host networking included.
    pub pods_with_addresses: u32,
    /// The cap, if one was asked for.
    pub cap: Option<u32>,
    /// Virtual CPUs.
    pub vcpus: Option<u32>,
    /// Memory in MiB.
    pub memory_mebibytes: Option<u64>,
    /// CPU that the kubelet keeps back, in thousandths of a core.
    pub kube_reserved_cpu_millicores: Option<u32>,
    /// Memory that the kubelet keeps back, in MiB.
    pub kube_reserved_memory_mebibytes: u32,
    /// What the reader should know about it.
    pub warnings: Vec<String>,
}

impl Capacity {
    /// Headers of [`Capacity::columns`].
    pub const COLUMNS: [&str; 11] = [
        "INSTANCE-TYPE",
        "MAX-PODS",
        "ENIS",
        "IPV4-PER-ENI",
        "RESERVED-MEMORY",
        "RESERVED-CPU",
        "MODE",
        "ROOM",
        "CAP",
        "VCPUS",
        "MEMORY",
    ];

    /// The fields as text, in the order in which people read them; `-` is what is not known or not asked for.
    pub fn columns(&self) -> [String; Self::COLUMNS.len()] {
        fn text(value: Option<impl std::fmt::Display>, unit: &str) -> String {
            value.map_or_else(|| "-".to_owned(), |value| format!("{value}{unit}"))
        }
        let enis = if self.network_interfaces_for_pods == self.network_interfaces {
            self.network_interfaces.to_string()
        } else {
            format!(
                "{}/{}",
                self.network_interfaces_for_pods, self.network_interfaces
            )
        };
        [
            self.instance_type.clone(),
            self.max_pods.to_string(),
            enis,
            self.ipv4_per_interface.to_string(),
            format!("{}Mi", self.kube_reserved_memory_mebibytes),
            text(self.kube_reserved_cpu_millicores, "m"),
            self.mode.to_owned(),
            self.pods_with_addresses.to_string(),
            text(self.cap, ""),
            text(self.vcpus, ""),
            text(self.memory_mebibytes, "Mi"),
        ]
    }
}

/// The document of both commands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct MaxPodsList {
    api_version: &'static str,
    kind: &'static str,
    items: Vec<Capacity>,
}

impl From<Vec<Capacity>> for MaxPodsList {
    fn from(items: Vec<Capacity>) -> Self {
        Self {
            api_version: API_VERSION,
            kind: "MaxPodsList",
            items,
        }
    }
}

impl Table {
    /// Types that somebody may have meant by a name that is not in the table: the nearest one, else those of the same family.
    pub fn similar(&self, name: &str) -> Vec<&str> {
        let all: Vec<&str> = self.instance_types().map(|(name, _)| name).collect();
        if let Some(nearest) = nearest(name, &all) {
            return all.into_iter().filter(|known| *known == nearest).collect();
        }
        let family = name.split('.').next().unwrap_or(name).to_ascii_lowercase();
        all.into_iter()
            .filter(|known| known.split('.').next() == Some(&family))
            .collect()
    }
}

/// Version of the VPC CNI: `1.9.0`, `v1.19.2-eksbuild.1`. Only major and minor number matter.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct CniVersion {
    major: u32,
    minor: u32,
}

impl CniVersion {
    /// The first with prefix delegation: <https://github.com/aws/amazon-vpc-cni-k8s/releases/tag/v1.9.0>.
    const WITH_PREFIXES: Self = Self { major: 1, minor: 9 };
}

impl std::fmt::Display for CniVersion {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "{}.{}", self.major, self.minor)
    }
}

impl FromStr for CniVersion {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let mut numbers = text.strip_prefix('v').unwrap_or(text).splitn(3, '.');
        let mut number = || numbers.next()?.parse().ok();
        match (number(), number()) {
            (Some(major), Some(minor)) => Ok(Self { major, minor }),
            _ => Err("a version of the VPC CNI is like 1.19.2".to_owned()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn capacity(calculator: &Calculator, name: &str) -> Capacity {
        calculator.capacity(name, Table::embedded().find(name).unwrap())
    }

    fn prefixes(cni_version: &str) -> Calculator {
        Calculator {
            cni_version: Some(cni_version.parse().unwrap()),
            prefix_delegation: true,
            ..Calculator::default()
        }
    }

    #[test]
    fn the_answer_is_what_the_agent_gives_a_node_by_default() {
        assert_eq!(
            capacity(&Calculator::default(), "m5.24xlarge"),
            Capacity {
                instance_type: "m5.24xlarge".to_owned(),
                max_pods: 737,
                mode: "secondaryIP",
                network_interfaces: 15,
                network_interfaces_for_pods: 15,
                ipv4_per_interface: 50,
                pods_with_addresses: 737,
                cap: None,
                vcpus: Some(96),
                memory_mebibytes: Some(393_216),
                kube_reserved_cpu_millicores: Some(310),
                kube_reserved_memory_mebibytes: 8362,
                warnings: Vec::new(),
            }
        );
    }

    #[test]
    fn prefixes_came_with_version_1_9() {
        assert_eq!(capacity(&prefixes("1.9.0"), "m5.large").max_pods, 434);
        assert_eq!(
            capacity(&prefixes("v1.19.2-eksbuild.1"), "m5.large").max_pods,
            434
        );
        let old = prefixes("1.8.0");
        assert_eq!(capacity(&old, "m5.large").max_pods, 29);
        assert!(
            old.warning()
                .unwrap()
                .starts_with("VPC CNI 1.8 has no prefix delegation")
        );
        assert!("one".parse::<CniVersion>().is_err() && "1".parse::<CniVersion>().is_err());
    }

    #[test]
    fn custom_networking_with_prefixes_is_both() {
        let both = Calculator {
            custom_networking: true,
            ..prefixes("1.9.0")
        };
        let answer = capacity(&both, "m5.large");
        assert_eq!(
            (answer.max_pods, answer.network_interfaces_for_pods),
            (290, 2)
        );
        assert!(
            answer
                .warnings
                .iter()
                .any(|warning| warning.contains("quarter"))
        );
    }

    #[test]
    fn what_is_not_known_is_left_open() {
        let answer = capacity(&Calculator::default(), "hs1.8xlarge");
        assert_eq!(
            (answer.vcpus, answer.kube_reserved_cpu_millicores),
            (None, None)
        );
    }

    #[test]
    fn a_wrong_name_has_its_neighbours() {
        let table = Table::embedded();
        assert_eq!(table.similar("m5.lrage"), ["m5.large"]);
        assert_eq!(table.similar("M5.large"), ["m5.large"]);
        assert!(table.similar("m5.enormous").contains(&"m5.large"));
        assert!(table.similar("quantum.huge").is_empty());
    }
}
