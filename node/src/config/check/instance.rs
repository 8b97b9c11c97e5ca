//! `spec.instance`.

use std::net::IpAddr;

use super::Problem;
use crate::config::node_config::Instance;

/// The key of `environment` that stands for every unit.
const EVERY_UNIT: &str = "default";

pub(super) fn check(instance: &Instance) -> Vec<Problem> {
    let mut problems = Vec::new();
    let mount_path = &instance.local_storage.mount_path;
    if !mount_path.is_empty() && !mount_path.starts_with('/') {
        problems.push(Problem::warning(
            &["spec", "instance", "localStorage", "mountPath"],
            "is not an absolute path",
        ));
    }
    for (unit, variables) in &instance.environment {
        let path = ["spec", "instance", "environment", unit.as_str()];
        if unit != EVERY_UNIT && !is_unit_name(unit) {
            problems.push(Problem::warning(
                &path,
                "cannot be the name of a systemd unit and has no effect",
            ));
        }
        for name in variables.keys().filter(|name| !is_variable_name(name)) {
            let path = [path.as_slice(), &[name.as_str()]].concat();
            problems.push(Problem::warning(
                &path,
                "cannot be the name of a variable; systemd ignores it",
            ));
        }
    }
    for (index, address) in instance.network.nameservers.iter().enumerate() {
        if !is_name_server(address) {
            let index = format!("[{index}]");
            problems.push(Problem::warning(
                &["spec", "instance", "network", "nameservers", &index],
                format!("`{}` is not an IP address", crate::redact::text(address)),
            ));
        }
    }
    problems
}

/// Whether a unit can have this name. systemd.unit(5): letters, digits and `:-_.\@`.
pub fn is_unit_name(name: &str) -> bool {
    !name.is_empty()
        && name
            .chars()
            .all(|letter| letter.is_ascii_alphanumeric() || ":-_.\\@".contains(letter))
}

/// environ(7): letters, digits and `_`, no digit first.
fn is_variable_name(name: &str) -> bool {
    !name.is_empty()
        && !name.starts_with(|first: char| first.is_ascii_digit())
        && name
            .chars()
            .all(|letter| letter.is_ascii_alphanumeric() || letter == '_')
}

/// resolved.conf(5): an address, with a port, an interface and a server name if wanted.
fn is_name_server(text: &str) -> bool {
    let address = text.split('#').next().unwrap_or_default();
    let address = address.split('%').next().unwrap_or_default();
    address.parse::<IpAddr>().is_ok() || address.parse::<std::net::SocketAddr>().is_ok()
}
