//! The lab's own network: one namespace with one bridge. The control plane and the gateway listen on the bridge's
//! addresses; machines are plugged into it. Nothing appears among the host's interfaces; the only trace outside is the
//! file that holds the namespace.

mod subnet;

use std::{fs::File, net::Ipv4Addr, os::fd::AsFd, path::Path, process::Command, thread};

use rustix::thread::{LinkNameSpaceType, move_into_link_name_space};
use thiserror::Error;

pub use self::subnet::Subnet;
use crate::{
    cluster::REGION,
    file::{self, FileError},
    process::{self, ProcessError},
};

/// The bridge that machines are plugged into.
pub const BRIDGE: &str = "nodelab0";
/// The router, the DNS-less resolver's stand-in and the AWS side: TLS on 443, plain HTTP on 4566.
pub const GATEWAY: Ipv4Addr = Ipv4Addr::new(10, 88, 0, 1);
/// The Kubernetes API server, on 443 as on EKS.
pub const API_SERVER: Ipv4Addr = Ipv4Addr::new(10, 88, 0, 2);
/// The instance metadata service.
pub const METADATA: Ipv4Addr = Ipv4Addr::new(169, 254, 169, 254);
/// The VPC, as AWS shows it and as the bridge has it.
pub const VPC_CIDR: &str = "10.88.0.0/16";
/// The subnet of all machines.
pub const SUBNET_CIDR: &str = "10.88.0.0/16";
/// The length of the prefix of both.
pub const PREFIX: u8 = 16;
/// Where services' addresses come from.
pub const SERVICE_CIDR: &str = "10.100.0.0/16";

/// The highest number of a machine that the lab gives an address.
pub const LAST_MACHINE: u8 = 250;
/// The highest number of any machine: after it there is no network for its pods.
pub const LAST_NUMBER: u16 = 12 * 256 - 1;

/// The address of the machine with this number, from 1 on.
pub const fn machine_address(number: u8) -> Ipv4Addr {
    Ipv4Addr::new(10, 88, 1, number)
}

/// The address of the interface of the machine with this address.
pub fn machine_mac(address: Ipv4Addr) -> String {
    let [a, b, c, d] = address.octets();
    format!("02:58:{a:02x}:{b:02x}:{c:02x}:{d:02x}")
}

/// Where the pods of the machine with this number get their addresses from.
pub fn pod_network(number: u16) -> String {
    format!("10.{}.{}.0/24", 244 + number / 256, number % 256)
}

/// Why there is no network.
#[derive(Debug, Error)]
pub enum NetworkError {
    /// The file that holds the namespace could not be made, opened or removed.
    #[error(transparent)]
    File(#[from] FileError),
    /// `unshare`, `ip` or `umount` refused.
    #[error("setting up the lab's network namespace")]
    Command(#[source] ProcessError),
    /// The kernel did not let this thread in.
    #[error("entering the network namespace `{}`", path.display())]
    Enter {
        /// The file that holds the namespace.
        path: std::path::PathBuf,
        /// What the kernel said.
        #[source]
        source: std::io::Error,
    },
}

/// Creates the namespace with its bridge and all addresses.
pub fn create(namespace: &Path) -> Result<(), NetworkError> {
    if let Some(parent) = namespace.parent() {
        file::create_directory(parent)?;
    }
    file::write(namespace, "")?;
    let mut holder = std::ffi::OsString::from("--net=");
    holder.push(namespace);
    command("unshare", [holder, "true".into()])?;

    let gateway = format!("{GATEWAY}/{PREFIX}");
    let api_server = format!("{API_SERVER}/{PREFIX}");
    let metadata = format!("{METADATA}/32");
    // The address is fixed because a bridge otherwise takes that of whichever machine joins, and the machines' neighbour
    // tables go stale.
    let lines = [
        "link set lo up".to_owned(),
        format!("link add {BRIDGE} address 0a:58:0a:58:00:01 type bridge"),
        format!("address add {gateway} dev {BRIDGE}"),
        format!("address add {api_server} dev {BRIDGE}"),
        format!("address add {metadata} dev {BRIDGE}"),
        format!("link set {BRIDGE} up"),
        // The kernel looks for local addresses first of all; that must come after the rules of `block`.
        "rule add priority 100 lookup local".to_owned(),
        "rule delete priority 0 lookup local".to_owned(),
    ];
    for line in lines {
        ip(namespace, &line)?;
    }
    // It is the router between the subnets of a VPC. Each namespace has a setting of its own.
    let forward = "echo 1 > /proc/sys/net/ipv4/ip_forward";
    inside(namespace, "sh", &["-c", forward]).map(drop)
}

/// Makes the bridge the router of the subnet. It may be so already.
pub fn add_subnet(namespace: &Path, subnet: Subnet) -> Result<(), NetworkError> {
    let router = subnet.router();
    let prefix = subnet.prefix();
    ip(
        namespace,
        &format!("address replace {router}/{prefix} dev {BRIDGE}"),
    )
}

fn ip(namespace: &Path, line: &str) -> Result<(), NetworkError> {
    let words: Vec<&str> = line.split(' ').collect();
    inside(namespace, "ip", &words).map(drop)
}

/// AWS services that the gateway answers for under their own names.
const SERVICES: [&str; 10] = [
    "autoscaling",
    "cloudformation",
    "ec2",
    "ec2messages",
    "eks",
    "iam",
    "logs",
    "ssm",
    "ssmmessages",
    "sts",
];

/// The lab's names, in the form of a hosts file: AWS, the cluster's endpoint, and every name that the VPC's DNS server
/// would know. It stands for DNS, in machines and for programs that are put into the network.
pub fn hosts(endpoint_host: &str) -> String {
    let mut lines = vec![
        "127.0.0.1 localhost".to_owned(),
        format!("{API_SERVER} {endpoint_host}"),
        format!("{GATEWAY} iam.amazonaws.com sts.amazonaws.com"),
    ];
    lines.extend(
        SERVICES
            .iter()
            .map(|service| format!("{GATEWAY} {service}.{REGION}.amazonaws.com")),
    );
    lines.extend((1..=LAST_MACHINE).map(|number| host_line(machine_address(number))));
    lines.join("\n") + "\n"
}

/// A machine's line of a hosts file.
pub fn host_line(address: Ipv4Addr) -> String {
    format!("{address} {0}.ec2.internal {0}", host_name(address))
}

/// The first label of a machine's private DNS name.
pub fn host_name(address: Ipv4Addr) -> String {
    format!("ip-{}", address.to_string().replace('.', "-"))
}

/// Runs a program in the namespace.
fn inside(namespace: &Path, program: &str, arguments: &[&str]) -> Result<String, NetworkError> {
    let mut net = std::ffi::OsString::from("--net=");
    net.push(namespace);
    let mut command = Command::new("nsenter");
    command.arg(net).arg("--").arg(program).args(arguments);
    process::run(&mut command).map_err(NetworkError::Command)
}

fn command<A>(program: &str, arguments: A) -> Result<String, NetworkError>
where
    A: IntoIterator<Item = std::ffi::OsString>,
{
    process::run(Command::new(program).args(arguments)).map_err(NetworkError::Command)
}

/// What becomes of packets that are not let through.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Block {
    /// Their sender is told so.
    Refused,
    /// They disappear.
    BlackHole,
}

/// From now on TCP connections from this address to this port of the lab do not come about. A rule of routing does it: no
/// packet filter is needed.
pub fn block(
    namespace: &Path,
    from: Ipv4Addr,
    port: u16,
    block: Block,
) -> Result<(), NetworkError> {
    rule("add", namespace, &from.to_string(), port, block)
}

/// The same for connections to this address of the lab only.
pub fn block_to(
    namespace: &Path,
    from: Ipv4Addr,
    to: Ipv4Addr,
    port: u16,
    block: Block,
) -> Result<(), NetworkError> {
    rule("add", namespace, &format!("{from} to {to}"), port, block)
}

/// What [`block`] has done is done no more.
pub fn unblock(
    namespace: &Path,
    from: Ipv4Addr,
    port: u16,
    block: Block,
) -> Result<(), NetworkError> {
    rule("delete", namespace, &from.to_string(), port, block)
}

/// From now on packets of more than so many bytes from this port of the lab to this address disappear, as on a way of which
/// somebody drops both what is too long and the word that it was. Programs of the machines' root do it.
pub fn drop_large(
    namespace: &Path,
    root: &Path,
    to: Ipv4Addr,
    port: u16,
    bytes: u16,
) -> Result<(), NetworkError> {
    large("--append", namespace, root, to, port, bytes)
}

/// What [`drop_large`] has done is done no more.
pub fn pass_large(
    namespace: &Path,
    root: &Path,
    to: Ipv4Addr,
    port: u16,
    bytes: u16,
) -> Result<(), NetworkError> {
    large("--delete", namespace, root, to, port, bytes)
}

fn large(
    verb: &str,
    namespace: &Path,
    root: &Path,
    to: Ipv4Addr,
    port: u16,
    bytes: u16,
) -> Result<(), NetworkError> {
    let root = root.to_string_lossy();
    let (to, port) = (to.to_string(), port.to_string());
    let length = format!("{}:65535", bytes.saturating_add(1));
    // The sender's packets are as long as its interface takes them, before they are cut to size.
    let arguments = [
        &root,
        "/usr/sbin/iptables",
        "--wait",
        verb,
        "OUTPUT",
        "--destination",
        &to,
        "--protocol",
        "tcp",
        "--source-port",
        &port,
        "--match",
        "length",
        "--length",
        &length,
        "--jump",
        "DROP",
    ];
    inside(namespace, "chroot", &arguments).map(drop)
}

fn rule(
    verb: &str,
    namespace: &Path,
    from: &str,
    port: u16,
    block: Block,
) -> Result<(), NetworkError> {
    let action = match block {
        Block::Refused => "prohibit",
        Block::BlackHole => "blackhole",
    };
    ip(
        namespace,
        &format!("rule {verb} priority 10 from {from} ipproto tcp dport {port} {action}"),
    )
}

/// Removes the namespace; its interfaces go with it once its last process has gone. None there is as good.
pub fn remove(namespace: &Path) -> Result<(), NetworkError> {
    if is_mounted(namespace) {
        let arguments = ["--lazy".into(), namespace.as_os_str().to_owned()];
        command("umount", arguments)?;
    }
    file::remove(namespace)?;
    if let Some(parent) = namespace.parent() {
        // Other tools keep theirs in the same directory.
        drop(std::fs::remove_dir(parent));
    }
    Ok(())
}

/// Whether the file holds a namespace.
pub fn is_mounted(namespace: &Path) -> bool {
    crate::mount::below(namespace).contains(&namespace.to_owned())
}

/// Runs `work` on a thread that has entered the namespace, with an asynchronous runtime whose sockets are all inside.
pub fn run_inside<T, W, F>(namespace: &Path, work: W) -> Result<T, NetworkError>
where
    T: Send,
    W: FnOnce() -> F + Send,
    F: Future<Output = T>,
{
    let entering = |source| NetworkError::Enter {
        path: namespace.to_owned(),
        source,
    };
    let work = || {
        let file = File::open(namespace).map_err(entering)?;
        move_into_link_name_space(file.as_fd(), Some(LinkNameSpaceType::Network))
            .map_err(|errno| entering(errno.into()))?;
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .map_err(entering)?;
        // Its future may be one that only a runtime can make, such as a timer.
        Ok(runtime.block_on(async { work().await }))
    };
    thread::scope(|scope| match scope.spawn(work).join() {
        Ok(result) => result,
        Err(panic) => std::panic::resume_unwind(panic),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn machines_are_numbered_within_the_subnet() {
        let address = machine_address(7);
        assert_eq!(address.to_string(), "10.88.1.7");
        assert_eq!(host_name(address), "ip-10-88-1-7");
        assert_eq!(machine_mac(address), "02:58:0a:58:01:07");
    }

    #[test]
    fn every_number_has_a_network_for_pods() {
        assert_eq!(pod_network(1), "10.244.1.0/24");
        assert_eq!(pod_network(LAST_NUMBER), "10.255.255.0/24");
    }
}
