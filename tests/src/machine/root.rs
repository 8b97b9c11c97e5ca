//! The files in which one machine differs from another: its name, its address, whom it trusts. They are written into the
//! machine's own layer before its first boot, as EC2's DHCP, DNS and the AMI's trust store would have it.

use std::path::PathBuf;

use serde_json::json;

use super::Wanted;
use crate::{
    cloud::record::MachineRecord,
    file::{self, FileError},
    lifecycle::Lab,
    network,
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

/// Writes the files.
pub(super) fn write(
    lab: &Lab,
    record: &MachineRecord,
    number: u8,
    wanted: &Wanted,
) -> Result<(), FileError> {
    let directory = lab.layout.machine(&record.name);
    file::remove(&directory)?;
    for name in ["layer", "work", "root", "containerd"] {
        file::create_directory(&directory.join(name))?;
    }
    file::write(
        &directory.join("uuid"),
        "ec2e1916-9099-7caf-fd21-012345abcdef\n",
    )?;

    for (path, content) in &wanted.files {
        file::write(&layer(lab, record).join(path), content)?;
    }
    let etc = layer(lab, record).join("etc");
    file::write(
        &etc.join("hostname"),
        format!("{}\n", record.local_hostname),
    )?;
    // Stands for DNS and holds every name of the VPC.
    file::write(
        &etc.join("hosts"),
        network::hosts(&lab.cluster.endpoint_host),
    )?;
    file::write(
        &etc.join("systemd/network/10-host0.network"),
        interface(record),
    )?;
    file::write(
        &etc.join("cni/net.d/10-lab-bridge.conflist"),
        pod_network(number).to_string(),
    )?;

    let bundle = "etc/ssl/certs/ca-certificates.crt";
    let mut trusted = file::read(&setup::root_path(lab.layout.cache(), Root::Plain).join(bundle))?;
    trusted.push_str(&file::read(&lab.layout.pki("aws-ca.crt"))?);
    file::write(&etc.join("ssl/certs/ca-certificates.crt"), trusted)
}

fn interface(record: &MachineRecord) -> String {
    format!(
        "[Match]\nName=host0\n\n[Link]\nMACAddress={}\n\n[Network]\nAddress={}/{}\nGateway={}\n\
         LinkLocalAddressing=no\nIPv6AcceptRA=no\n",
        record.mac,
        record.private_ip,
        network::PREFIX,
        network::GATEWAY,
    )
}

/// Pods get addresses behind a bridge of the machine's. It stands for the VPC's CNI plug-in.
fn pod_network(number: u8) -> serde_json::Value {
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
                "ranges": [[{"subnet": format!("10.244.{number}.0/24")}]],
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
        let text = interface(&record);
        assert!(
            text.contains("Address=10.88.0.11/16\nGateway=10.88.0.1\n"),
            "{text}"
        );
    }
}
