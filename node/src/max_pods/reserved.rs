//! What the kubelet keeps back of a machine for running its pods.

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

    /// Reserved memory grows with max pods, whatever the machine has: said when it is more than a quarter of it. A machine
    /// of 0 MiB is one whose memory is not known.
    pub fn memory_warning(&self, max_pods: u32, machine_mebibytes: u64) -> Option<String> {
        let reserved = u64::from(self.memory_mebibytes);
        (machine_mebibytes > 0 && reserved * 4 > machine_mebibytes).then(|| {
            format!(
                "the {reserved} MiB that the kubelet reserves for {max_pods} pods are more than a quarter of the machine's {machine_mebibytes} MiB"
            )
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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

    #[test]
    fn more_than_a_quarter_of_the_memory_is_said() {
        let warning = |pods, memory| Reserved::for_node(2, pods).memory_warning(pods, memory);
        assert_eq!(
            warning(110, 5859).unwrap(),
            "the 1465 MiB that the kubelet reserves for 110 pods are more than a quarter of the machine's 5859 MiB"
        );
        assert_eq!(warning(110, 5860), None);
        assert_eq!(warning(110, 0), None);
    }
}
