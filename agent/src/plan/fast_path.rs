//! Whether the daemons may be started before cloud-init has ended: only if nothing that it still runs can matter to a
//! join. Any doubt is a reason to wait. Pure.

use serde_json::{Map, Value};

use crate::facts::cloud_init::Pending;

/// Modules of cloud-init's config and final stages that do nothing to a node which joins: they run files of folders that
/// are looked at, act on settings that [`ACTING`] lists, or touch what no kubelet needs (keys of SSH, messages, locale).
/// They are those of cloud-init's own template for Amazon Linux and Debian, with underscores for hyphens.
const KNOWN: &[&str] = &[
    "ansible",
    "apt_configure",
    "apt_pipelining",
    "byobu",
    "chef",
    "disable_ec2_metadata",
    "fan",
    "final_message",
    "grub_dpkg",
    "install_hotplug",
    "keyboard",
    "keys_to_console",
    "landscape",
    "locale",
    "lxd",
    "mcollective",
    "ntp",
    "package_update_upgrade_install",
    "phone_home",
    "power_state_change",
    "puppet",
    "refresh_rmc_and_interface",
    "reset_rmc",
    "rightscale_userdata",
    "runcmd",
    "salt_minion",
    "scripts_per_boot",
    "scripts_per_instance",
    "scripts_per_once",
    "scripts_user",
    "scripts_vendor",
    "set_passwords",
    "snap",
    "ssh_authkey_fingerprints",
    "ssh_import_id",
    "timezone",
    "write_files_deferred",
    "yum_add_repo",
];

/// Settings of the image with which one of the known modules does something after all.
const ACTING: &[&str] = &[
    "ansible",
    "apt_reboot_if_required",
    "apt_update",
    "apt_upgrade",
    "chef",
    "disable_ec2_metadata",
    "fan",
    "landscape",
    "lxd",
    "mcollective",
    "package_reboot_if_required",
    "package_update",
    "package_upgrade",
    "packages",
    "phone_home",
    "power_state",
    "puppet",
    // Amazon's own: updates by severity.
    "repo_upgrade",
    "runcmd",
    "salt_minion",
    "snap",
    "write_files",
];

/// Why the run phase waits for cloud-init; none: it need not.
pub fn reason_to_wait(
    is_wanted: bool,
    user_data_is_ours_alone: bool,
    pending: &Pending,
) -> Option<String> {
    if !is_wanted {
        return Some("`fastPath` is `false`".to_owned());
    }
    if !user_data_is_ours_alone {
        return Some("user data have parts for cloud-init".to_owned());
    }
    if let Some(file) = pending.vendor_data.first() {
        return Some(format!("vendor data are in `{file}`"));
    }
    if let Some(script) = pending.scripts.first() {
        return Some(format!("cloud-init runs `{script}`"));
    }
    if let Some(file) = pending.drop_ins.first() {
        return Some(format!("the run phase reads `{file}`"));
    }
    let Some(configuration) = &pending.configuration else {
        return Some("cloud-init does not tell its configuration".to_owned());
    };
    ["cloud_config_modules", "cloud_final_modules"]
        .into_iter()
        .find_map(|stage| unknown_module(configuration, stage))
        .or_else(|| {
            ACTING
                .iter()
                .find(|setting| configuration.get(**setting).is_some_and(is_set))
                .map(|setting| format!("cloud-init's configuration has `{setting}`"))
        })
}

/// A stage is a list of names, or of lists that begin with one.
fn unknown_module(configuration: &Map<String, Value>, stage: &str) -> Option<String> {
    let Some(modules) = configuration.get(stage).and_then(Value::as_array) else {
        return Some(format!("cloud-init's configuration has no `{stage}`"));
    };
    modules.iter().find_map(|module| {
        let name = module.as_str().or_else(|| module.get(0)?.as_str());
        let is_known = name.is_some_and(|name| KNOWN.contains(&name.replace('-', "_").as_str()));
        (!is_known).then(|| format!("`{stage}` has {module}, which may do anything"))
    })
}

fn is_set(value: &Value) -> bool {
    match value {
        Value::Null => false,
        Value::Bool(value) => *value,
        Value::String(text) => !["", "none", "no", "off", "false"].contains(&text.as_str()),
        Value::Array(values) => !values.is_empty(),
        Value::Object(values) => !values.is_empty(),
        Value::Number(_) => true,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn pending(configuration: Value) -> Pending {
        let Value::Object(mut configuration) = configuration else {
            panic!("not an object")
        };
        for stage in ["cloud_config_modules", "cloud_final_modules"] {
            configuration
                .entry(stage)
                .or_insert_with(|| json!(["runcmd", "scripts-user", ["final_message", "always"]]));
        }
        Pending {
            configuration: Some(configuration),
            ..Pending::default()
        }
    }

    fn reason(pending: &Pending) -> String {
        reason_to_wait(true, true, pending).unwrap_or_default()
    }

    #[test]
    fn a_plain_image_with_user_data_of_ours_does_not_wait() {
        assert_eq!(reason(&pending(json!({}))), "");
        let quiet = json!({"packages": [], "package_upgrade": false, "repo_upgrade": "none", "users": ["default"]});
        assert_eq!(reason(&pending(quiet)), "");
    }

    #[test]
    fn each_doubt_is_a_reason_to_wait_and_is_named() {
        let plain = || pending(json!({}));
        assert!(reason_to_wait(false, true, &plain()).is_some_and(|why| why.contains("fastPath")));
        assert!(reason_to_wait(true, false, &plain()).is_some_and(|why| why.contains("user data")));
        let cases = [
            (Pending::default(), "does not tell"),
            (
                pending(json!({"cloud_final_modules": null})),
                "no `cloud_final_modules`",
            ),
            (
                pending(json!({"cloud_final_modules": ["hardening"]})),
                "\"hardening\"",
            ),
            (
                pending(json!({"cloud_config_modules": [{"x": 1}]})),
                "{\"x\":1}",
            ),
            (pending(json!({"packages": ["jq"]})), "`packages`"),
            (pending(json!({"runcmd": [["true"]]})), "`runcmd`"),
            (
                pending(json!({"repo_upgrade": "security"})),
                "`repo_upgrade`",
            ),
            (
                Pending {
                    scripts: vec!["/a".into()],
                    ..plain()
                },
                "`/a`",
            ),
            (
                Pending {
                    vendor_data: vec!["/b"],
                    ..plain()
                },
                "`/b`",
            ),
            (
                Pending {
                    drop_ins: vec!["/c".into()],
                    ..plain()
                },
                "`/c`",
            ),
        ];
        for (pending, named) in cases {
            let reason = reason(&pending);
            assert!(reason.contains(named), "{named}: `{reason}`");
        }
    }
}
