//! Network interfaces that stand in the way of a deletion: those that the VPC CNI plugin left behind go, others are named.

use aws_sdk_ec2::types::{NetworkInterface, NetworkInterfaceStatus};

use super::at::{At, unless_gone};
use super::tags;
use crate::apply::hands::Error;

/// As the VPC CNI plugin describes the interfaces that it makes.
const CNI: &str = "aws-K8S-";

/// Where network interfaces are looked for.
#[derive(Debug, Clone, Copy)]
pub(super) enum Place<'a> {
    /// In a subnet.
    Subnet(&'a str),
    /// In a security group.
    SecurityGroup(&'a str),
}

/// Deletes the interfaces that the VPC CNI plugin left behind when its node went, and says what else is in the way.
pub(super) async fn clear(at: At<'_>, place: Place<'_>) -> Result<(), Error> {
    let filter = match place {
        Place::Subnet(id) => tags::filter("subnet-id", [id]),
        Place::SecurityGroup(id) => tags::filter("group-id", [id]),
    };
    let call = at.clients.ec2.describe_network_interfaces().filters(filter);
    let answer = call.send().await;
    let answer = answer.map_err(at.failed("ec2:DescribeNetworkInterfaces"))?;
    let (left, held) = sort(answer.network_interfaces());
    for interface in left {
        let call = at.clients.ec2.delete_network_interface();
        let deleted = call.network_interface_id(interface).send().await;
        unless_gone(deleted.map_err(at.failed("ec2:DeleteNetworkInterface")))?;
    }
    if held.is_empty() {
        return Ok(());
    }
    Err(at.busy(format!("network interfaces are in it: {}", held.join(", "))))
}

/// Ids of those that were left behind, and descriptions of the others.
fn sort(interfaces: &[NetworkInterface]) -> (Vec<&str>, Vec<String>) {
    let (mut left, mut held) = (Vec::new(), Vec::new());
    for interface in interfaces {
        let id = interface.network_interface_id().unwrap_or_default();
        let description = interface.description().unwrap_or_default();
        let is_free = interface.status() == Some(&NetworkInterfaceStatus::Available);
        if is_free && description.starts_with(CNI) {
            left.push(id);
        } else {
            let instance = interface
                .attachment()
                .and_then(|attachment| attachment.instance_id())
                .map_or_else(String::new, |instance| format!(" of {instance}"));
            held.push(format!("{id}{instance} ({description})"));
        }
    }
    (left, held)
}

#[cfg(test)]
mod tests {
    use aws_sdk_ec2::types::NetworkInterfaceAttachment;

    use super::*;

    #[test]
    fn only_what_the_cni_plugin_left_behind_goes() {
        let interface = |id: &str, status, description: &str| {
            NetworkInterface::builder()
                .network_interface_id(id)
                .status(status)
                .description(description)
        };
        let attachment = NetworkInterfaceAttachment::builder().instance_id("i-1");
        let interfaces = [
            interface("eni-1", NetworkInterfaceStatus::Available, "aws-K8S-i-1").build(),
            interface("eni-2", NetworkInterfaceStatus::InUse, "aws-K8S-i-1")
                .attachment(attachment.build())
                .build(),
            interface("eni-3", NetworkInterfaceStatus::Available, "a person's").build(),
        ];
        let (left, held) = sort(&interfaces);
        assert_eq!(left, ["eni-1"]);
        assert_eq!(held, ["eni-2 of i-1 (aws-K8S-i-1)", "eni-3 (a person's)"]);
    }
}
