//! How many pods a node can hold, and what the kubelet keeps back for running them.
//!
//! The ENI limits of each instance type are embedded (`max_pods/table.tsv`, written by `max_pods/generate.py`), so that a
//! boot needs no EC2 call.

/// The embedded table: three comment lines, then one row per instance type, sorted by name.
const TABLE: &str = include_str!("max_pods/table.tsv");

/// What the kubelet takes when nothing is known: `maxPods` of `KubeletConfiguration`.
pub const KUBELET_DEFAULT: u32 = 110;

/// Network limits of an instance type.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Elastic network interfaces of the default network card.
    pub enis: u32,
    /// IPv4 addresses that one interface can hold.
    pub ipv4_per_eni: u32,
}

/// The limits of an instance type, if the table knows it.
pub fn limits(instance_type: &str) -> Option<Limits> {
    rows().find(|row| row.0 == instance_type).map(|row| row.1)
}

/// Every instance type of the table, sorted by name.
pub fn instance_types() -> impl Iterator<Item = &'static str> {
    rows().map(|row| row.0)
}

fn rows() -> impl Iterator<Item = (&'static str, Limits)> {
    TABLE
        .lines()
        .filter(|line| !line.starts_with('#'))
        .filter_map(|line| {
            let mut columns = line.split('\t');
            let name = columns.next()?;
            let enis = columns.next()?.parse().ok()?;
            let ipv4_per_eni = columns.next()?.parse().ok()?;
            Some((name, Limits { enis, ipv4_per_eni }))
        })
}

/// Max pods of the VPC CNI in secondary-IP mode: each interface's first address is its own, and the two pods with host
/// networking that every node runs (`aws-node`, `kube-proxy`) need none.
///
/// Formula: <https://docs.aws.amazon.com/eks/latest/userguide/choosing-instance-type.html>, `enis * (addresses - 1) + 2`.
///
/// ```
/// let limits = node::max_pods::limits("m5.large").unwrap();
/// assert_eq!(node::max_pods::max_pods(limits), 29);
/// ```
pub fn max_pods(limits: Limits) -> u32 {
    limits
        .enis
        .saturating_mul(limits.ipv4_per_eni.saturating_sub(1))
        .saturating_add(2)
}

/// `kubeReserved` of the kubelet's configuration.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Reserved {
    /// CPU in thousandths of a core.
    pub cpu_millicores: u32,
    /// Memory in MiB.
    pub memory_mebibytes: u32,
}

impl Reserved {
    /// What the EKS-optimised AMI reserves: 6 % of the first core, 1 % of the second, 0.5 % of the next two and 0.25 % of
    /// the others; 255 MiB and 11 MiB for each pod.
    ///
    /// Source: `nodeadm`, <https://awslabs.github.io/amazon-eks-ami/nodeadm/>; the memory part was measured by EKS for
    /// <https://github.com/awslabs/amazon-eks-ami/pull/419>.
    pub fn for_node(cores: u32, max_pods: u32) -> Self {
        // (cores in the band, hundredths of a percent of a core)
        const BANDS: [(u32, u32); 3] = [(1, 600), (1, 100), (2, 50)];
        const REST: u32 = 25;
        let mut left = cores;
        let mut cpu_millicores = 0;
        for (width, share) in BANDS {
            let taken = left.min(width);
            cpu_millicores += taken * share / 10;
            left -= taken;
        }
        cpu_millicores += left.saturating_mul(REST) / 10;
        Self {
            cpu_millicores,
            memory_mebibytes: max_pods.saturating_mul(11).saturating_add(255),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_what_the_generator_wrote() {
        let (_, rest) = TABLE.split_once("# crc32 of the rows: ").unwrap();
        let (recorded, rows) = rest.split_once('\n').unwrap();
        assert_eq!(
            format!("{:08x}", crc32fast::hash(rows.as_bytes())),
            recorded,
            "run generate.py, do not edit the table"
        );
        assert_eq!(
            super::rows().count(),
            rows.lines().count(),
            "a row does not parse"
        );
        assert!(instance_types().is_sorted());
    }

    #[test]
    fn max_pods_of_known_types() {
        let known = |name| max_pods(limits(name).unwrap());
        assert_eq!(known("t1.micro"), 4);
        assert_eq!(known("t3.small"), 11);
        assert_eq!(known("m5.large"), 29);
        assert_eq!(known("m5.24xlarge"), 737);
        assert_eq!(limits("m5.enormous"), None);
    }

    #[test]
    fn reserved_cpu_follows_the_bands() {
        let cpu = |cores| Reserved::for_node(cores, 0).cpu_millicores;
        let expected = [
            (0, 0),
            (1, 60),
            (2, 70),
            (4, 80),
            (8, 90),
            (16, 110),
            (32, 150),
            (48, 190),
            (96, 310),
            (192, 550),
        ];
        for (cores, millicores) in expected {
            assert_eq!(cpu(cores), millicores, "{cores} cores");
        }
    }

    #[test]
    fn reserved_memory_grows_by_eleven_mebibytes_a_pod() {
        let memory = |pods| Reserved::for_node(1, pods).memory_mebibytes;
        assert_eq!(
            [memory(17), memory(29), memory(110), memory(737)],
            [442, 574, 1465, 8362]
        );
    }
}
