//! The files in which one machine differs from another: its name, its address, whom it trusts. They are written into the
//! machine's own layer before its first boot, as EC2's DHCP, DNS and the AMI's trust store would have it.

use std::path::PathBuf;

use serde_json::json;

use super::MachineError;
use crate::{
    cloud::record::MachineRecord,
    file,
    lifecycle::Lab,
    network::{self, Subnet},
    setup::{self, Root},
};

/// The layer of the machine, which holds all that it writes.
pub(super) fn layer(lab: &Lab, record: &MachineRecord) -> PathBuf {
    lab.layout.machine(&record.name).join("layer")
}

/// The file that names the layers below the machine's own.
pub(super) fn image(lab: &Lab, record: &MachineRecord) -> PathBuf {
    lab.layout.machine(&record.name).join("image")
}

/// Writes the files that every machine has, and those given: path from the root on, content.
pub(super) fn write(
    lab: &Lab,
    record: &MachineRecord,
    number: u16,
    files: &[(&'static str, String)],
) -> Result<(), MachineError> {
    let subnet = super::instance::subnet(record)?;
    let directory = lab.layout.machine(&record.name);
    file::remove(&directory)?;
    for name in ["layer", "work", "root", "containerd"] {
        file::create_directory(&directory.join(name))?;
    }
    file::write(
        &directory.join("uuid"),
        "ec2e1916-9099-7caf-fd21-012345abcdef\n",
    )?;

    for (path, content) in files {
        file::write(&layer(lab, record).join(path), content)?;
    }
    let etc = layer(lab, record).join("etc");
    file::write(
        &etc.join("hostname"),
        format!("{}\n", record.local_hostname),
    )?;
    // Stands for DNS and holds every name of the lab's VPC, in other VPCs only the machine's own.
    let hosts = network::hosts(&lab.cluster.endpoint_host);
    let own = network::host_line(record.private_ip);
    file::write(&etc.join("hosts"), format!("{hosts}{own}\n"))?;
    file::write(
        &etc.join("systemd/network/10-host0.network"),
        interface(record, subnet),
    )?;
    file::write(
        &etc.join("cni/net.d/10-lab-bridge.conflist"),
        pod_network(number).to_string(),
    )?;

    let bundle = "etc/ssl/certs/ca-certificates.crt";
    let mut trusted = file::read(&setup::root_path(lab.layout.cache(), Root::Plain).join(bundle))?;
    trusted.push_str(&file::read(&lab.layout.pki("aws-ca.crt"))?);
    file::write(&etc.join("ssl/certs/ca-certificates.crt"), trusted)?;
    Ok(())
}

fn interface(record: &MachineRecord, subnet: Subnet) -> String {
    format!(
        "[Match]\nName=host0\n\n[Link]\nMACAddress={}\n\n[Network]\nAddress={}/{}\nGateway={}\n\
         LinkLocalAddressing=no\nIPv6AcceptRA=no\n",
        record.mac,
        record.private_ip,
        subnet.prefix(),
        subnet.router(),
    )
}

/// Pods get addresses behind a bridge of the machine's. It stands for the VPC's CNI plug-in.
fn pod_network(number: u16) -> serde_json::Value {
    json!({
        "cniVersion": "1.0.0",
        "name": "lab",
        "plugins": [{
            "type": "bridge",
            "bridge": "cni0",
            "isGateway": true,
            "ipMasq": true,
            "ipam": {
                "type": "host-local",
                "ranges": [[{"subnet": network::pod_network(number)}]],
                "routes": [{"dst": "0.0.0.0/0"}],
            },
        }],
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_machine_finds_its_address_and_its_router_in_one_file() {
        let record = MachineRecord::typical();
        let text = interface(&record, Subnet::parse(&record.subnet_cidr).unwrap());
        assert!(
            text.contains("Address=10.88.0.11/24\nGateway=10.88.0.1\n"),
            "{text}"
        );
    }
}
