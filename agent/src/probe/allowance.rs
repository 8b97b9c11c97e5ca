//! Does EC2 hold back packets of this instance? The ENA driver counts them:
//! <https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/monitoring-network-performance-ena.html>.
//!
//! The counters only rise, and none is in a file: `ethtool` asks the driver.

use std::collections::BTreeMap;

use node::finding;

use super::reading::Reading;
use crate::host::root::Root;

const INTERFACES: &str = "/sys/class/net";
/// As many as are looked at: what the instance may do is shared by all.
const LOOKED_AT: usize = 4;
const COUNTERS: [&str; 5] = [
    "bw_in_allowance_exceeded",
    "bw_out_allowance_exceeded",
    "pps_allowance_exceeded",
    "conntrack_allowance_exceeded",
    "linklocal_allowance_exceeded",
];
/// Packets between two looks that are more than one burst: a few are held back on every busy node.
const PACKETS: u64 = 100;

/// The interfaces of the ENA driver.
pub fn interfaces(root: &Root) -> Vec<String> {
    let mut names = root.list(INTERFACES).unwrap_or_default();
    names.retain(|name| {
        let device = root.read_text(format!("{INTERFACES}/{name}/device/uevent"));
        let device = device.ok().flatten().unwrap_or_default();
        device.lines().any(|line| line == "DRIVER=ena")
    });
    names.truncate(LOOKED_AT);
    names
}

/// What the counters of each interface were at the last look.
#[derive(Debug, Default)]
pub struct Allowance(BTreeMap<String, BTreeMap<&'static str, u64>>);

impl Allowance {
    /// What these statistics of an interface mean; nothing at the first look, and where the driver has no such counters.
    pub fn judge(&mut self, interface: &str, statistics: &str) -> Option<Reading> {
        let finding = &finding::NETWORK_ALLOWANCE_EXCEEDED;
        let counters = counters(statistics);
        if counters.is_empty() {
            return None;
        }
        let before = self.0.insert(interface.to_owned(), counters.clone())?;
        // One that fell was set back with the driver.
        let risen = counters.iter().filter_map(|(name, now)| {
            let by = now.checked_sub(*before.get(name)?)?;
            (by >= PACKETS).then(|| format!("{name} rose by {by}"))
        });
        let risen: Vec<String> = risen.collect();
        Some(if risen.is_empty() {
            Reading::passed(finding, interface)
        } else {
            Reading::failed(
                finding,
                interface,
                format!("{interface}: {}", risen.join(", ")),
            )
        })
    }
}

/// `     bw_in_allowance_exceeded: 0`, one a line.
fn counters(statistics: &str) -> BTreeMap<&'static str, u64> {
    let lines = statistics.lines().filter_map(|line| {
        let (name, value) = line.trim().split_once(": ")?;
        let name = COUNTERS.iter().find(|known| **known == name)?;
        Some((*name, value.trim().parse().ok()?))
    });
    lines.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn statistics(bandwidth: u64, connections: u64) -> String {
        format!(
            "NIC statistics:\n     tx_timeout: 7000\n     bw_in_allowance_exceeded: {bandwidth}\n     bw_out_allowance_exceeded: 0\n     conntrack_allowance_exceeded: {connections}\n     queue_0_tx_cnt: 3\n"
        )
    }

    #[test]
    fn what_has_risen_since_the_last_look_is_told() {
        let mut allowance = Allowance::default();
        let mut told = |bandwidth, connections| {
            let reading = allowance.judge("ens5", &statistics(bandwidth, connections))?;
            Some(reading.failure)
        };
        // An instance that was busy yesterday.
        assert_eq!(told(90_000, 5), None);
        assert_eq!(told(90_099, 5), Some(None));
        assert_eq!(
            told(90_200, 1_005),
            Some(Some(
                "ens5: bw_in_allowance_exceeded rose by 101, conntrack_allowance_exceeded rose by 1000".into()
            ))
        );
        // The driver was loaded again.
        assert_eq!(told(0, 0), Some(None));
        assert_eq!(allowance.judge("ens6", "no stats available\n"), None);
    }

    #[test]
    fn interfaces_of_other_drivers_are_left_alone() {
        let directory = tempfile::tempdir().unwrap();
        let root = Root::new(directory.path());
        assert_eq!(interfaces(&root), [""; 0]);
        for (name, device) in [("ens5", "DRIVER=ena\n"), ("eth0", "DRIVER=virtio_net\n")] {
            let path = format!("{INTERFACES}/{name}/device/uevent");
            root.write(path, device.as_bytes(), 0o644).unwrap();
        }
        root.write(format!("{INTERFACES}/lo/flags"), b"0x9\n", 0o644)
            .unwrap();
        assert_eq!(interfaces(&root), ["ens5"]);
    }
}
