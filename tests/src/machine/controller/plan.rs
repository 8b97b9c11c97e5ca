//! What is to be done so that the lab's machines are EC2's instances.

use std::collections::{BTreeMap, btree_map::Entry};

use crate::cloud::{moto::Instance, record::MachineRecord};

/// What is to be done, in this order.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Plan<'a> {
    /// Machines whose instances are terminated.
    pub(super) end: Vec<&'a MachineRecord>,
    /// Instances that have no machine yet.
    pub(super) launch: Vec<&'a Instance>,
    /// Instances whose address another one has, of a VPC with the same network; that one's id.
    pub(super) taken: Vec<(&'a Instance, &'a str)>,
}

impl Plan<'_> {
    /// Whether the machines are as they should be, as far as they can be.
    pub(super) fn is_done(&self) -> bool {
        self.end.is_empty() && self.launch.is_empty()
    }
}

/// Compares all instances that are not terminated with all machines. Whether a machine runs is nobody's business here: one
/// that has crashed stays down, as does one that has not been started yet.
pub(super) fn plan<'a>(instances: &'a [Instance], machines: &'a [MachineRecord]) -> Plan<'a> {
    let mut plan = Plan::default();
    let mut by_address = BTreeMap::new();
    for machine in machines {
        let is_of_it = |instance: &Instance| instance.instance_id == machine.instance_id;
        if instances.iter().any(is_of_it) {
            by_address.insert(machine.private_ip, machine.instance_id.as_str());
        } else {
            plan.end.push(machine);
        }
    }
    for instance in instances {
        let is_its = |machine: &MachineRecord| machine.instance_id == instance.instance_id;
        let is_up = ["pending", "running"].contains(&instance.state.as_str());
        if machines.iter().any(is_its) || !is_up {
            continue;
        }
        match by_address.entry(instance.private_ip) {
            Entry::Occupied(other) => plan.taken.push((instance, other.get())),
            Entry::Vacant(free) => {
                free.insert(&instance.instance_id);
                plan.launch.push(instance);
            }
        }
    }
    plan
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use jiff::Timestamp;

    use super::*;

    fn instance(id: &str, last: u8) -> Instance {
        Instance {
            instance_id: id.to_owned(),
            state: "running".to_owned(),
            image_id: "ami-1".to_owned(),
            instance_type: "m5.large".to_owned(),
            private_ip: Ipv4Addr::new(10, 0, 0, last),
            private_dns_name: format!("ip-10-0-0-{last}.ec2.internal"),
            interface_id: "eni-1".to_owned(),
            subnet_id: "subnet-1".to_owned(),
            vpc_id: "vpc-1".to_owned(),
            availability_zone: "us-east-1a".to_owned(),
            instance_profile: None,
            tags: BTreeMap::new(),
            metadata_tags: false,
            launch_time: Timestamp::UNIX_EPOCH,
        }
    }

    fn machine(id: &str, last: u8) -> MachineRecord {
        MachineRecord {
            instance_id: id.to_owned(),
            private_ip: Ipv4Addr::new(10, 0, 0, last),
            ..MachineRecord::typical()
        }
    }

    #[test]
    fn an_instance_without_a_machine_is_launched_and_a_machine_without_an_instance_ends() {
        let instances = [instance("i-1", 4), instance("i-2", 5)];
        let machines = [machine("i-2", 5), machine("i-3", 6)];
        let plan = plan(&instances, &machines);
        assert_eq!(plan.launch, [&instances[0]]);
        assert_eq!(plan.end, [&machines[1]]);
        assert!(plan.taken.is_empty() && !plan.is_done());
    }

    #[test]
    fn nothing_is_done_when_all_is_as_it_should_be() {
        let instances = [instance("i-1", 4)];
        let machines = [machine("i-1", 4)];
        assert_eq!(plan(&instances, &machines), Plan::default());
        assert!(plan(&[], &[]).is_done());
    }

    #[test]
    fn the_address_of_a_machine_that_ends_is_free_and_that_of_another_is_not() {
        let instances = [("i-1", 4), ("i-2", 5), ("i-3", 4), ("i-4", 5)];
        let instances = instances.map(|(id, last)| instance(id, last));
        let machines = [machine("i-1", 4), machine("i-0", 5)];
        let plan = plan(&instances, &machines);
        assert_eq!(plan.end, [&machines[1]]);
        assert_eq!(plan.launch, [&instances[1]]);
        assert_eq!(plan.taken, [(&instances[2], "i-1"), (&instances[3], "i-2")]);
    }

    #[test]
    fn a_stopped_instance_is_not_launched_and_its_machine_does_not_end() {
        let stopped = |id, last| Instance {
            state: "stopped".to_owned(),
            ..instance(id, last)
        };
        let instances = [stopped("i-1", 4), stopped("i-2", 5)];
        assert!(plan(&instances, &[machine("i-1", 4)]).is_done());
    }
}
