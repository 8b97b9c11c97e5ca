//! Instance types that a document names.

use std::collections::{BTreeMap, BTreeSet};

use aws_sdk_ec2::types::{self, ArchitectureType, InstanceTypeInfo};

use super::InstanceType;
use crate::observe::aws;
use crate::observe::clients::Clients;
use crate::spec::Spec;

const ACTION: &str = "ec2:DescribeInstanceTypes";
/// EC2 takes this many names in one call.
const NAMES: usize = 100;

/// Asks for every instance type that the document names.
pub(super) async fn instance_types(
    clients: &Clients,
    spec: &Spec,
) -> Result<BTreeMap<String, InstanceType>, aws::Error> {
    let groups = spec.node_groups.iter();
    let names: BTreeSet<&str> = groups
        .flat_map(|group| group.instance_types.iter().map(String::as_str))
        .collect();
    let names: Vec<&str> = names.into_iter().collect();
    let mut found = BTreeMap::new();
    for names in names.chunks(NAMES) {
        let kinds = names.iter().map(|name| types::InstanceType::from(*name));
        let request = clients
            .ec2
            .describe_instance_types()
            .set_instance_types(Some(kinds.collect()));
        let pages = request.into_paginator().items().send();
        let page = pages.try_collect().await.map_err(|error| {
            aws::Error::of_call(ACTION, format!("`{}`", names.join("`, `")), error)
        })?;
        found.extend(page.iter().filter_map(read));
    }
    Ok(found)
}

fn read(info: &InstanceTypeInfo) -> Option<(String, InstanceType)> {
    let name = info.instance_type()?.as_str().to_owned();
    let architectures = info
        .processor_info()
        .map(types::ProcessorInfo::supported_architectures)
        .unwrap_or_default();
    // Old types also list `i386`.
    let architecture = [ArchitectureType::X8664, ArchitectureType::Arm64]
        .into_iter()
        .find(|architecture| architectures.contains(architecture))
        .map_or_else(String::new, |architecture| architecture.as_str().to_owned());
    let gpus = info
        .gpu_info()
        .map(types::GpuInfo::gpus)
        .unwrap_or_default();
    let nvidia_gpus = gpus
        .iter()
        .filter(|gpu| gpu.manufacturer() == Some("NVIDIA"))
        .filter_map(|gpu| u32::try_from(gpu.count()?).ok())
        .sum();
    let read = InstanceType {
        architecture,
        vcpus: info
            .v_cpu_info()
            .and_then(|info| u32::try_from(info.default_v_cpus()?).ok())
            .unwrap_or_default(),
        memory_mib: info
            .memory_info()
            .and_then(|info| u64::try_from(info.size_in_mib()?).ok())
            .unwrap_or_default(),
        nvidia_gpus,
    };
    Some((name, read))
}

#[cfg(test)]
mod tests {
    use aws_sdk_ec2::types::{GpuDeviceInfo, GpuInfo, MemoryInfo, ProcessorInfo, VCpuInfo};

    use super::*;

    #[test]
    fn an_instance_type_is_put_into_our_words() {
        let gpu = |manufacturer: &str| {
            GpuDeviceInfo::builder()
                .manufacturer(manufacturer)
                .count(4)
                .build()
        };
        let info = InstanceTypeInfo::builder()
            .instance_type(types::InstanceType::from("g5.12xlarge"))
            .processor_info(
                ProcessorInfo::builder()
                    .supported_architectures(ArchitectureType::I386)
                    .supported_architectures(ArchitectureType::X8664)
                    .build(),
            )
            .v_cpu_info(VCpuInfo::builder().default_v_cpus(48).build())
            .memory_info(MemoryInfo::builder().size_in_mib(196_608).build())
            .gpu_info(
                GpuInfo::builder()
                    .gpus(gpu("NVIDIA"))
                    .gpus(gpu("AMD"))
                    .build(),
            )
            .build();
        let expected = InstanceType {
            architecture: "x86_64".to_owned(),
            vcpus: 48,
            memory_mib: 196_608,
            nvidia_gpus: 4,
        };
        assert_eq!(read(&info), Some(("g5.12xlarge".to_owned(), expected)));
    }
}
