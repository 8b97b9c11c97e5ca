//! `spec.instance.localStorage`: the arguments of `setup-local-disks`, which the run phase starts.

use node::config::NodeConfig;

/// Names of `disabledMounts` and what keeps `setup-local-disks` from binding them.
const MOUNTS: [(&str, &str); 3] = [
    ("Containerd", "--no-bind-containerd"),
    ("PodLogs", "--no-bind-pods-logs"),
    ("SOCI", "--no-bind-soci"),
];

/// The arguments; none when the disks are left alone.
pub(super) fn arguments(config: &NodeConfig) -> Vec<String> {
    let storage = &config.spec.instance.local_storage;
    if storage.strategy.is_empty() {
        return Vec::new();
    }
    let mut arguments = vec![storage.strategy.to_lowercase()];
    if !storage.mount_path.is_empty() {
        arguments.extend(["-d".to_owned(), storage.mount_path.clone()]);
    }
    arguments.extend(
        storage
            .disabled_mounts
            .iter()
            .filter_map(|mount| MOUNTS.iter().find(|(name, _)| name == mount))
            .map(|(_, flag)| (*flag).to_owned()),
    );
    arguments
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_strategy_and_what_is_not_bound_are_arguments() {
        let mut config = NodeConfig::default();
        assert_eq!(arguments(&config), Vec::<String>::new());
        let storage = &mut config.spec.instance.local_storage;
        storage.strategy = "RAID0".into();
        storage.mount_path = "/mnt/x".into();
        storage.disabled_mounts = ["SOCI", "Containerd", "PodLogs", "Other"]
            .map(str::to_owned)
            .into();
        assert_eq!(
            arguments(&config),
            [
                "raid0",
                "-d",
                "/mnt/x",
                "--no-bind-soci",
                "--no-bind-containerd",
                "--no-bind-pods-logs"
            ]
        );
    }
}
