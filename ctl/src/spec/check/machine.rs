//! How many instances a node group has, of which types, with which disk and metadata service.

use node::max_pods::Table;

use super::{Path, Report, did_you_mean, identity};
use crate::spec::{Capacity, Cluster, Disk, GroupKind, NodeGroup};

/// GiB of the snapshot that the EKS-optimised AMIs of Amazon Linux 2023 have.
const SNAPSHOT: u32 = 20;

pub(super) fn check(group: &NodeGroup, path: &Path, cluster: &Cluster, report: &mut Report<'_>) {
    instance_types(group, path, report);
    scaling(group, path, report);
    disk(group, path, cluster.metadata.region.as_deref(), report);
    let hops = group.imds.hop_limit;
    let path = path.key("imds").key("hopLimit");
    if !(1..=64).contains(&hops) {
        report.error(&path, "is not from 1 to 64", "");
    } else if hops > 1 {
        report.warning(
            &path,
            "lets every pod take the role of its node",
            "give service accounts roles of their own, by IRSA or pod identity",
        );
    }
}

fn instance_types(group: &NodeGroup, path: &Path, report: &mut Report<'_>) {
    let path = path.key("instanceTypes");
    if group.instance_types.is_empty() {
        report.error(&path, "is empty", "");
    }
    let table = Table::embedded();
    for (index, name) in group.instance_types.iter().enumerate() {
        let path_of_type = path.item(index);
        if group
            .instance_types
            .iter()
            .take(index)
            .any(|other| other == name)
        {
            report.error(&path_of_type, format!("names `{name}` again"), "");
        } else if !name.contains('.') || name.contains(char::is_whitespace) {
            report.error(
                &path_of_type,
                format!("`{name}` is not an instance type such as `m5.large`"),
                "",
            );
        } else if table.find(name).is_none() {
            let known: Vec<&str> = table.instance_types().map(|(known, _)| known).collect();
            report.warning(
                &path_of_type,
                format!("`{name}` is not an instance type that is known here"),
                did_you_mean(name, &known),
            );
        }
    }
    if group.capacity == Capacity::Spot && group.instance_types.len() == 1 {
        report.warning(
            &path,
            "names one type for spot instances: when it is taken back, there is no other to turn to",
            "name several of the same size",
        );
    }
}

fn scaling(group: &NodeGroup, path: &Path, report: &mut Report<'_>) {
    let scaling = &group.scaling;
    let path = path.key("scaling");
    let (min, max) = (scaling.min, scaling.max());
    if min > max {
        report.error(
            &path.key("max"),
            format!("is {max}, less than `min`, which is {min}"),
            "",
        );
    }
    if max == 0 && group.kind == GroupKind::Managed {
        report.error(
            &path.key("max"),
            "is 0, and a managed group needs room for one node",
            "write `min: 0` and `desired: 0` for a group without nodes",
        );
    }
    if let Some(desired) = scaling.desired
        && (desired < min || desired > max)
    {
        report.error(
            &path.key("desired"),
            format!("is {desired}, not between `min` and `max`, which are {min} and {max}"),
            "",
        );
    }
}

/// Bounds: <https://docs.aws.amazon.com/ebs/latest/userguide/ebs-volume-types.html>.
fn disk(group: &NodeGroup, path: &Path, region: Option<&str>, report: &mut Report<'_>) {
    const TYPES: [&str; 4] = ["gp3", "gp2", "io2", "io1"];
    let disk = &group.disk;
    let path = path.key("disk");
    let volume_type = disk.volume_type.as_str();
    if !TYPES.contains(&volume_type) {
        let help = match volume_type {
            "st1" | "sc1" => "it cannot be booted from; take `gp3`".to_owned(),
            _ => did_you_mean(volume_type, &TYPES),
        };
        report.error(
            &path.key("type"),
            format!("`{volume_type}` is not the type of a root volume"),
            help,
        );
        return;
    }
    let largest = if volume_type == "gp3" || volume_type == "io2" {
        65_536
    } else {
        16_384
    };
    let smallest = if volume_type.starts_with("io") { 4 } else { 1 };
    if !(smallest..=largest).contains(&disk.size) {
        report.error(
            &path.key("sizeGiB"),
            format!(
                "is {}, and a `{volume_type}` volume has from {smallest} to {largest} GiB",
                disk.size
            ),
            "",
        );
    } else if disk.size < SNAPSHOT && !group.ami.is_custom() {
        report.error(
            &path.key("sizeGiB"),
            format!(
                "is {}, and the snapshot of the EKS-optimised AMI has {SNAPSHOT} GiB",
                disk.size
            ),
            "",
        );
    }
    performance(disk, &path, report);
    if let Some(key) = &disk.key_arn {
        let path = path.key("keyArn");
        identity::key(key, region, &path, report);
        if !disk.encrypted {
            report.error(&path, "is a key for a volume that is not encrypted", "");
        }
    } else if !disk.encrypted {
        report.warning(
            &path.key("encrypted"),
            "is off: what pods write to disk can be read in the volume's snapshots",
            "",
        );
    }
}

fn performance(disk: &Disk, path: &Path, report: &mut Report<'_>) {
    let volume_type = disk.volume_type.as_str();
    let bounds = match volume_type {
        "gp3" => Some((3_000, 80_000)),
        "io2" => Some((100, 256_000)),
        "io1" => Some((100, 64_000)),
        _ => None,
    };
    match (disk.iops, bounds) {
        (Some(_), None) => report.error(
            &path.key("iops"),
            format!("cannot be chosen for a `{volume_type}` volume"),
            "take `gp3`",
        ),
        (Some(iops), Some((least, most))) if !(least..=most).contains(&iops) => report.error(
            &path.key("iops"),
            format!("is {iops}, and a `{volume_type}` volume has from {least} to {most}"),
            "",
        ),
        (None, Some(_)) if volume_type != "gp3" => report.error(
            &path.key("iops"),
            format!("is missing, and a `{volume_type}` volume needs it"),
            "",
        ),
        _ => {}
    }
    if let Some(throughput) = disk.throughput {
        if volume_type != "gp3" {
            report.error(
                &path.key("throughput"),
                format!("cannot be chosen for a `{volume_type}` volume"),
                "take `gp3`",
            );
        } else if !(125..=2_000).contains(&throughput) {
            report.error(
                &path.key("throughput"),
                format!("is {throughput}, and a `gp3` volume has from 125 to 2000 MiB a second"),
                "",
            );
        }
    }
}
