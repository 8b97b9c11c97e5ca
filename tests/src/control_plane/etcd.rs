//! How etcd is called. Its data is thrown away with the lab, so it need not reach the disk.

use std::net::{Ipv4Addr, SocketAddr, SocketAddrV4};

use super::{ControlPlaneError, Site};
use crate::process::Running;

/// Where it listens, on the loopback of the lab's network.
pub(super) const ADDRESS: SocketAddr = SocketAddr::V4(SocketAddrV4::new(Ipv4Addr::LOCALHOST, 2379));

pub(super) fn start(site: Site<'_>) -> Result<Running, ControlPlaneError> {
    let data = site.layout.run().join("etcd");
    Ok(site
        .service("etcd")
        .arg("--data-dir")
        .arg(data)
        .args([
            "--listen-client-urls=http://127.0.0.1:2379",
            "--advertise-client-urls=http://127.0.0.1:2379",
            "--listen-peer-urls=http://127.0.0.1:2380",
            "--initial-advertise-peer-urls=http://127.0.0.1:2380",
            "--initial-cluster=default=http://127.0.0.1:2380",
            "--unsafe-no-fsync",
            "--log-level=warn",
        ])
        .start(&site.layout.log("etcd"))?)
}
