//! What is collected: the registry of steps, as data. A new one goes into [`configuration`] or [`machine`]
//! or, where the node decides how many there are, into [`all`]; `docs/reference/bundle.md` follows.

#[cfg(test)]
mod page;

use std::fmt;
use std::time::Duration;

use crate::host::path;
use crate::host::root::Root;
use crate::watch::logs;
use crate::watch::rules::Rules;

const KIBIBYTE: usize = 1024;
const MEBIBYTE: usize = 1024 * KIBIBYTE;
/// Of a step that reads a file.
const FILE_DEADLINE: Duration = Duration::from_secs(5);
/// Of a step that reads the journal.
const JOURNAL_DEADLINE: Duration = Duration::from_secs(15);
/// Lines of one unit.
const JOURNAL_LINES: u32 = 5000;
const JOURNAL_BYTES: usize = 2 * MEBIBYTE;

/// One thing to collect.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Step {
    /// Its file in the archive.
    pub name: String,
    /// Where its content is from.
    pub how: How,
    /// How long it may take.
    pub deadline: Duration,
    /// The most bytes of its file.
    pub bytes: usize,
}

/// Where the content of a step is from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum How {
    /// An answer of the daemon.
    Daemon(&'static str),
    /// A document of configuration: its beginning, with the values of names masked that are those of secrets.
    Configuration(String),
    /// A file of variables: names, and the values of those that are ours.
    Variables(&'static str),
    /// The end of a log that anybody may have written to: masked like a configuration, line by line.
    Log(&'static str),
    /// Files of the kernel, one below the other.
    Kernel(&'static [&'static str]),
    /// Interfaces of the network, from `/sys/class/net`.
    Interfaces,
    /// How full the file systems below these paths are.
    Volumes(&'static [&'static str]),
    /// What the machine is.
    Facts,
    /// The last lines of a unit.
    Journal {
        /// The unit, or `kernel`.
        unit: String,
        /// How many.
        lines: u32,
    },
}

impl fmt::Display for How {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Daemon(target) => write!(formatter, "GET {target} of the daemon"),
            Self::Configuration(path) => formatter.write_str(path),
            Self::Variables(path) => write!(formatter, "names of the variables in {path}"),
            Self::Log(path) => write!(formatter, "the end of {path}"),
            Self::Kernel(paths) => formatter.write_str(&paths.join(", ")),
            Self::Interfaces => formatter.write_str("/sys/class/net"),
            Self::Volumes(paths) => write!(formatter, "file systems of {}", paths.join(", ")),
            Self::Facts => formatter.write_str("files that say what the machine is"),
            Self::Journal { unit, lines } => write!(formatter, "last {lines} lines of {unit}"),
        }
    }
}

fn step(name: &str, how: How) -> Step {
    let (deadline, bytes) = match how {
        How::Journal { .. } => (JOURNAL_DEADLINE, JOURNAL_BYTES),
        How::Log(_) => (FILE_DEADLINE, MEBIBYTE),
        _ => (FILE_DEADLINE, 512 * KIBIBYTE),
    };
    Step {
        name: name.to_owned(),
        how,
        deadline,
        bytes,
    }
}

/// What is collected of the agent and of what it has set up, first what says most.
fn configuration() -> Vec<Step> {
    let file = |path: &str| How::Configuration(path.to_owned());
    vec![
        step("agent/status.json", How::Daemon("/v1/status")),
        step("agent/findings.json", How::Daemon("/v1/findings")),
        step("agent/metrics.txt", How::Daemon("/metrics")),
        step("agent/healthz.txt", How::Daemon("/healthz?verbose")),
        step("agent/facts.json", How::Facts),
        step("boot/verdict.json", file(path::VERDICT)),
        step("boot/timeline.json", How::Daemon("/v1/boot")),
        step("boot/plan.json", file(path::PLAN)),
        step("cloud-init/result.json", file(path::CLOUD_INIT_RESULT)),
        step(
            "cloud-init/cloud-init.log",
            How::Log("/var/log/cloud-init.log"),
        ),
        step(
            "cloud-init/output.log",
            How::Log("/var/log/cloud-init-output.log"),
        ),
        step("config/kubelet.json", file(path::KUBELET_CONFIG)),
        step(
            "config/kubelet.environment",
            How::Variables(path::KUBELET_ENVIRONMENT),
        ),
        step("config/kubeconfig.yaml", file(path::KUBECONFIG)),
        step("config/containerd.toml", file(path::CONTAINERD_CONFIG)),
        step(
            "config/image-credential-provider.json",
            file(path::IMAGE_CREDENTIAL_PROVIDER_CONFIG),
        ),
    ]
}

/// What is collected of the network and the machine.
fn machine() -> Vec<Step> {
    vec![
        step(
            "cni/ipamd.log",
            How::Log("/var/log/aws-routed-eni/ipamd.log"),
        ),
        step(
            "cni/plugin.log",
            How::Log("/var/log/aws-routed-eni/plugin.log"),
        ),
        step(
            "cni/network-policy-agent.log",
            How::Log("/var/log/aws-routed-eni/network-policy-agent.log"),
        ),
        step("machine/mounts.txt", How::Kernel(&["/proc/1/mountinfo"])),
        step(
            "machine/space.txt",
            How::Volumes(&[
                "/",
                "/var",
                "/var/lib/containerd",
                "/var/lib/kubelet",
                "/tmp",
                "/run",
            ]),
        ),
        step("machine/load.txt", How::Kernel(LOAD)),
        step("network/tables.txt", How::Kernel(NETWORK)),
        step("network/interfaces.txt", How::Interfaces),
        step(
            "network/resolv.conf",
            How::Configuration("/etc/resolv.conf".to_owned()),
        ),
    ]
}

const LOAD: &[&str] = &[
    "/proc/uptime",
    "/proc/loadavg",
    "/proc/meminfo",
    "/proc/pressure/cpu",
    "/proc/pressure/io",
    "/proc/pressure/memory",
    "/proc/sys/fs/file-nr",
    "/proc/sys/kernel/pid_max",
    "/proc/sys/kernel/threads-max",
    "/proc/diskstats",
];

const NETWORK: &[&str] = &[
    "/proc/net/route",
    "/proc/net/ipv6_route",
    "/proc/net/fib_trie",
    "/proc/net/if_inet6",
    "/proc/net/arp",
    "/proc/net/dev",
    "/proc/net/sockstat",
    "/proc/net/snmp",
    "/proc/net/netstat",
    "/proc/sys/net/ipv4/ip_forward",
    "/proc/sys/net/netfilter/nf_conntrack_count",
    "/proc/sys/net/netfilter/nf_conntrack_max",
];

/// Folders of documents.
const DIRECTORIES: [(&str, &str); 4] = [
    ("config/agent", path::AGENT_CONFIG),
    ("config/kubelet.d", path::KUBELET_CONFIG_DIRECTORY),
    ("config/nodeadm.d", path::NODEADM_DROP_INS),
    ("cni/net.d", "/etc/cni/net.d"),
];
/// The most documents of one folder.
const DOCUMENTS: usize = 20;

/// Everything that is collected of this node.
pub fn all(root: &Root) -> Vec<Step> {
    let mut steps = configuration();
    steps.extend(machine());
    for (below, directory) in DIRECTORIES {
        let names = root.list(directory).unwrap_or_default();
        steps.extend(names.iter().take(DOCUMENTS).map(|name| {
            // What is not plain in a name could lead out of the place where the archive is unpacked.
            let plain: String = name
                .chars()
                .filter(|character| character.is_ascii_alphanumeric() || "._-".contains(*character))
                .take(60)
                .collect();
            let place = format!("{directory}/{name}");
            step(&format!("{below}/{plain}"), How::Configuration(place))
        }));
    }
    steps.extend(logs::units(&Rules::of_node(root)).into_iter().map(|unit| {
        let name = unit.strip_suffix(".service").unwrap_or(&unit);
        let lines = JOURNAL_LINES;
        let file = format!("journal/{name}.log");
        step(&file, How::Journal { unit, lines })
    }));
    steps
}
