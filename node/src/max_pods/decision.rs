//! Which number of pods a node gets, how it comes about, and what is doubtful about it.
//!
//! The order: what the instance type's interfaces hold in the mode of the VPC CNI, then the user's expression over it, then
//! the cap.

use super::expression::{Expression, Variables};
use super::{
    Hypervisor, InstanceType, KUBELET_DEFAULT, Limits, max_pods, max_pods_with_prefixes,
    recommended_cap,
};
use crate::config::agent_config::{MaxPodsCap, MaxPodsMode};

/// What is known of the machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Machine<'a> {
    /// Its instance type, for messages.
    pub instance_type: &'a str,
    /// Network limits.
    pub limits: Option<Limits>,
    /// What runs it.
    pub hypervisor: Option<Hypervisor>,
    /// Virtual CPUs.
    pub vcpus: Option<u32>,
    /// Memory in MiB.
    pub memory_mebibytes: Option<u64>,
}

impl<'a> Machine<'a> {
    /// A machine of a type that a table knows.
    pub fn of(instance_type: &'a str, known: InstanceType) -> Self {
        Self {
            instance_type,
            limits: Some(known.limits),
            hypervisor: known.hypervisor,
            vcpus: known.vcpus,
            memory_mebibytes: known.memory_mebibytes,
        }
    }
}

/// What is asked for.
#[derive(Debug, Clone, Copy, Default)]
pub struct Request<'a> {
    /// How the VPC CNI gives addresses to pods.
    pub mode: MaxPodsMode,
    /// Interfaces that pods get no address from.
    pub reserved_enis: u32,
    /// The most interfaces that the VPC CNI attaches (`MAX_ENI`).
    pub maximum_enis: Option<u32>,
    /// The user's expression.
    pub expression: Option<&'a Expression>,
    /// Whether max pods is kept to what Kubernetes recommends.
    pub cap: MaxPodsCap,
}

/// A number of pods and how it came about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Decision {
    /// The number for the kubelet.
    pub max_pods: u32,
    /// The mode that was counted with: prefix delegation needs Nitro.
    pub mode: MaxPodsMode,
    /// Interfaces that pods get addresses from; `None` when the limits are not known.
    pub enis: Option<u32>,
    /// How many pods there is room for in that mode, the two with host networking included; `None` when the limits are
    /// not known.
    pub room: Option<u32>,
    /// The cap that was asked for, whether or not it made a difference.
    pub cap: Option<u32>,
    /// What the reader should know about it.
    pub warnings: Vec<String>,
}

/// Decides how many pods a machine gets.
pub fn decide(machine: &Machine<'_>, request: &Request<'_>) -> Decision {
    let mut warnings = Vec::new();
    let mode = possible_mode(machine, request.mode, &mut warnings);
    let enis = machine
        .limits
        .map(|limits| enis_for_pods(machine.instance_type, limits, request, &mut warnings));
    let room = machine.limits.zip(enis).map(|(limits, enis)| {
        let limits = Limits { enis, ..limits };
        match mode {
            MaxPodsMode::PrefixDelegation => max_pods_with_prefixes(limits),
            MaxPodsMode::SecondaryIp | MaxPodsMode::CustomNetworking => max_pods(limits),
        }
    });
    if room.is_none() {
        warnings.push(format!(
            "max pods is counted from the kubelet's default of {KUBELET_DEFAULT}: the ENI limits of instance type `{}` are not known",
            machine.instance_type
        ));
    }
    let standard = room.unwrap_or(KUBELET_DEFAULT);
    let mut pods = standard;
    if let Some(expression) = request.expression {
        let variables = Variables {
            limits: machine.limits,
            max_pods: standard,
            vcpus: machine.vcpus,
            memory_mebibytes: machine.memory_mebibytes,
        };
        match expression.evaluate(&variables) {
            Ok(value) => pods = value,
            Err(error) => warnings.push(format!(
                "`maxPodsExpression` is not used, max pods is counted from {standard}: {error}"
            )),
        }
    }
    let cap = match request.cap {
        MaxPodsCap::None => None,
        MaxPodsCap::Recommended => {
            if machine.vcpus.is_none() {
                warnings.push(format!(
                    "the vCPUs of instance type `{}` are not known; the cap is that of a small machine",
                    machine.instance_type
                ));
            }
            Some(recommended_cap(machine.vcpus.unwrap_or(0)))
        }
    };
    Decision {
        max_pods: cap.map_or(pods, |cap| pods.min(cap)),
        mode,
        enis,
        room,
        cap,
        warnings,
    }
}

fn possible_mode(
    machine: &Machine<'_>,
    asked: MaxPodsMode,
    warnings: &mut Vec<String>,
) -> MaxPodsMode {
    if asked == MaxPodsMode::PrefixDelegation && machine.hypervisor == Some(Hypervisor::Xen) {
        warnings.push(format!(
            "instance type `{}` is not built on the Nitro system and cannot have prefixes; its pods are counted by secondary addresses",
            machine.instance_type
        ));
        return MaxPodsMode::SecondaryIp;
    }
    asked
}

fn enis_for_pods(
    instance_type: &str,
    limits: Limits,
    request: &Request<'_>,
    warnings: &mut Vec<String>,
) -> u32 {
    let attached = request
        .maximum_enis
        .map_or(limits.enis, |maximum| limits.enis.min(maximum));
    let primary = u32::from(request.mode == MaxPodsMode::CustomNetworking);
    let kept = request.reserved_enis.saturating_add(primary);
    let left = attached.saturating_sub(kept);
    if left > 0 {
        return left;
    }
    warnings.push(format!(
        "of the {attached} network interfaces of instance type `{instance_type}` {kept} are not for pods, which leaves none; max pods is counted with one"
    ));
    1
}

#[cfg(test)]
mod tests {
    use super::super::{Table, expression};
    use super::*;

    fn decision(name: &str, request: &Request<'_>) -> Decision {
        decide(
            &Machine::of(name, Table::embedded().find(name).unwrap()),
            request,
        )
    }

    fn with_mode(mode: MaxPodsMode) -> Request<'static> {
        Request {
            mode,
            ..Request::default()
        }
    }

    #[test]
    fn by_default_every_secondary_address_is_a_pod_and_nothing_is_capped() {
        let decided = decision("m5.24xlarge", &Request::default());
        assert_eq!(
            decided,
            Decision {
                max_pods: 737,
                mode: MaxPodsMode::SecondaryIp,
                enis: Some(15),
                room: Some(737),
                cap: None,
                warnings: Vec::new(),
            }
        );
    }

    #[test]
    fn modes_count_as_the_network_plugin_does() {
        let pods = |name, mode| decision(name, &with_mode(mode)).max_pods;
        assert_eq!(pods("m5.large", MaxPodsMode::PrefixDelegation), 434);
        assert_eq!(pods("c5.metal", MaxPodsMode::PrefixDelegation), 11762);
        assert_eq!(pods("m5.large", MaxPodsMode::CustomNetworking), 20);
    }

    #[test]
    fn prefixes_need_nitro() {
        let decided = decision("m4.large", &with_mode(MaxPodsMode::PrefixDelegation));
        assert_eq!(
            (decided.max_pods, decided.mode),
            (20, MaxPodsMode::SecondaryIp)
        );
        assert_eq!(
            decided.warnings,
            [
                "instance type `m4.large` is not built on the Nitro system and cannot have prefixes; its pods are counted by secondary addresses"
            ]
        );
    }

    #[test]
    fn interfaces_that_are_not_for_pods_do_not_count() {
        let reserved = |mode, reserved_enis, maximum_enis| {
            let request = Request {
                reserved_enis,
                maximum_enis,
                ..with_mode(mode)
            };
            let decided = decision("m5.large", &request);
            (decided.max_pods, decided.warnings.len())
        };
        assert_eq!(reserved(MaxPodsMode::SecondaryIp, 1, None), (20, 0));
        assert_eq!(reserved(MaxPodsMode::CustomNetworking, 1, None), (11, 0));
        assert_eq!(reserved(MaxPodsMode::CustomNetworking, 0, Some(2)), (11, 0));
        assert_eq!(reserved(MaxPodsMode::SecondaryIp, 0, Some(99)), (29, 0));
        assert_eq!(reserved(MaxPodsMode::CustomNetworking, 2, None), (11, 1));
        assert_eq!(reserved(MaxPodsMode::SecondaryIp, u32::MAX, None), (11, 1));
    }

    #[test]
    fn the_expression_sees_the_number_of_the_mode_and_comes_before_the_cap() {
        let halved = expression::compile("max_pods / 2").unwrap();
        let request = Request {
            expression: Some(&halved),
            ..with_mode(MaxPodsMode::PrefixDelegation)
        };
        let decided = decision("m5.large", &request);
        assert_eq!((decided.max_pods, decided.room), (217, Some(434)));
        let capped = Request {
            cap: MaxPodsCap::Recommended,
            ..request
        };
        assert_eq!(decision("m5.large", &capped).max_pods, 110);
    }

    #[test]
    fn the_cap_depends_on_the_size() {
        let capped = |name| {
            let request = Request {
                cap: MaxPodsCap::Recommended,
                ..Request::default()
            };
            decision(name, &request).max_pods
        };
        assert_eq!(
            [
                capped("m5.large"),
                capped("m5.4xlarge"),
                capped("m5.24xlarge")
            ],
            [29, 110, 250]
        );
        // Its vCPUs are not known.
        assert_eq!(capped("u-24tb1.metal"), 110);
    }

    #[test]
    fn an_expression_without_a_value_leaves_the_standard_number() {
        let wrong = expression::compile("max_pods - 1000").unwrap();
        let request = Request {
            expression: Some(&wrong),
            ..Request::default()
        };
        let decided = decision("m5.large", &request);
        assert_eq!(decided.max_pods, 29);
        assert_eq!(
            decided.warnings,
            [
                "`maxPodsExpression` is not used, max pods is counted from 29: its value is -971, and max pods is from 1 to 2147483647"
            ]
        );
    }

    #[test]
    fn an_unknown_type_has_the_default_of_the_kubelet_and_its_expression() {
        let unknown = Machine {
            instance_type: "z9.large",
            limits: None,
            hypervisor: None,
            vcpus: Some(2),
            memory_mebibytes: None,
        };
        let decided = decide(&unknown, &Request::default());
        assert_eq!(
            (decided.max_pods, decided.room, decided.warnings.len()),
            (110, None, 1)
        );

        let possible = expression::compile("max_pods / vcpus").unwrap();
        let request = Request {
            expression: Some(&possible),
            ..Request::default()
        };
        assert_eq!(decide(&unknown, &request).max_pods, 55);

        let impossible = expression::compile("default_enis * 10").unwrap();
        let request = Request {
            expression: Some(&impossible),
            ..Request::default()
        };
        let decided = decide(&unknown, &request);
        assert_eq!(decided.max_pods, 110);
        assert!(
            decided
                .warnings
                .iter()
                .any(|warning| warning.contains("`default_enis`"))
        );
    }
}
