//! What a machine is, from what EC2 knows of its instance: who launched it, and how, makes no difference.

use super::{MachineError, machine_name};
use crate::{
    aws,
    cloud::{
        moto::{Instance, MotoError},
        record::MachineRecord,
    },
    cluster::{ACCOUNT_ID, REGION},
    lifecycle::Lab,
    network::{self, Subnet},
};

impl Lab {
    /// The record of the machine that stands for this instance, and the lab as the router of its subnet.
    pub(super) fn describe(
        &self,
        instance: &Instance,
        number: u16,
    ) -> Result<MachineRecord, MachineError> {
        let record = self.inside(|| async { self.record(instance, number).await })??;
        network::add_subnet(&self.layout.network_namespace(), subnet(&record)?)?;
        Ok(record)
    }

    async fn record(&self, instance: &Instance, number: u16) -> Result<MachineRecord, MotoError> {
        let moto = aws::moto();
        let subnet = moto.subnet(&instance.subnet_id).await?;
        let role = match &instance.instance_profile {
            Some(profile) => moto.instance_profile_role(profile).await?,
            None => None,
        };
        let name = machine_name(number);
        Ok(MachineRecord {
            console: self.layout.machine(&name).join("console.log"),
            name,
            instance_id: instance.instance_id.clone(),
            image_id: instance.image_id.clone(),
            instance_type: instance.instance_type.clone(),
            region: REGION.to_owned(),
            availability_zone: instance.availability_zone.clone(),
            availability_zone_id: subnet.availability_zone_id,
            account_id: ACCOUNT_ID.to_owned(),
            private_ip: instance.private_ip,
            mac: network::machine_mac(instance.private_ip),
            local_hostname: instance.private_dns_name.clone(),
            subnet_cidr: subnet.cidr,
            vpc_cidr: subnet.vpc_cidr,
            subnet_id: instance.subnet_id.clone(),
            vpc_id: instance.vpc_id.clone(),
            interface_id: instance.interface_id.clone(),
            role,
            instance_profile: instance.instance_profile.clone(),
            user_data: moto.user_data(&instance.instance_id).await?,
            tags: instance.tags.clone(),
            metadata_tags: instance.metadata_tags,
            metadata: std::collections::BTreeMap::new(),
            launch_time: instance.launch_time,
        })
    }
}

/// The subnet of the machine.
pub(super) fn subnet(record: &MachineRecord) -> Result<Subnet, MachineError> {
    Subnet::parse(&record.subnet_cidr).ok_or_else(|| MachineError::NoSubnet {
        instance_id: record.instance_id.clone(),
        subnet_id: record.subnet_id.clone(),
        cidr: record.subnet_cidr.clone(),
    })
}
