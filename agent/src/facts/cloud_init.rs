//! What cloud-init has done in this boot and what it may still do, read from the files that it leaves.
//!
//! Formats, the same in the versions that were looked at (22.2 of Amazon Linux 2023 to 25.1): `/run/cloud-init/result.json`
//! (cloudinit/cmd/main.py), `/run/cloud-init/instance-data-sensitive.json`
//! (<https://docs.cloud-init.io/en/latest/explanation/instance-data.html>), `/var/lib/cloud`
//! (<https://docs.cloud-init.io/en/latest/reference/file_locations.html>).

use node::finding;
use serde::Deserialize;
use serde_json::{Map, Value};

use crate::host::path;
use crate::host::root::{self, Root};
use crate::probe::Fault;

/// Folders of which cloud-init runs each file: those of the image, and that of this instance, in which its network stage
/// puts the scripts of user data.
const SCRIPTS: [&str; 5] = [
    "/var/lib/cloud/scripts/per-boot",
    "/var/lib/cloud/scripts/per-instance",
    "/var/lib/cloud/scripts/per-once",
    "/var/lib/cloud/scripts/vendor",
    INSTANCE_SCRIPTS,
];
const INSTANCE_SCRIPTS: &str = "/var/lib/cloud/instance/scripts";
const VENDOR_DATA: [&str; 2] = [
    "/var/lib/cloud/instance/vendor-data.txt",
    "/var/lib/cloud/instance/vendor-data2.txt",
];
/// Much more than cloud-init writes there.
const MAXIMUM_BYTES: u64 = 4 * 1024 * 1024;
/// Modules that run what a user wrote, with underscores as cloud-init 24 writes them.
const SCRIPT_MODULES: [&str; 6] = [
    "bootcmd",
    "scripts_per_boot",
    "scripts_per_instance",
    "scripts_per_once",
    "scripts_user",
    "scripts_vendor",
];

/// What cloud-init may still do after its network stage.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Pending {
    /// Its configuration as the image has it, of all files and the kernel's command line; none: it has not told.
    pub configuration: Option<Map<String, Value>>,
    /// Files that it will run.
    pub scripts: Vec<String>,
    /// Vendor data that are not empty.
    pub vendor_data: Vec<&'static str>,
    /// Entries of the folder that the run phase reads and scripts may write to.
    pub drop_ins: Vec<String>,
}

impl Pending {
    /// Reads it. The network stage must have ended.
    ///
    /// # Errors
    /// When a file or a folder that is there cannot be read.
    pub fn read(root: &Root) -> Result<Self, root::Error> {
        let mut pending = Self {
            configuration: configuration(root)?,
            drop_ins: entries(root, path::NODEADM_DROP_INS)?,
            ..Self::default()
        };
        for directory in SCRIPTS {
            pending.scripts.extend(entries(root, directory)?);
        }
        for file in VENDOR_DATA {
            let content = root.read_at_most(file, MAXIMUM_BYTES)?;
            if content.is_some_and(|content| !content.is_empty()) {
                pending.vendor_data.push(file);
            }
        }
        Ok(pending)
    }
}

fn entries(root: &Root, directory: &str) -> Result<Vec<String>, root::Error> {
    let names = root.list(directory)?;
    Ok(names
        .into_iter()
        .map(|name| format!("{directory}/{name}"))
        .collect())
}

/// What cloud-init calls its merged configuration: that of the image without user data and vendor data.
fn configuration(root: &Root) -> Result<Option<Map<String, Value>>, root::Error> {
    #[derive(Deserialize)]
    struct InstanceData {
        merged_cfg: Map<String, Value>,
    }
    let content = root.read_at_most(path::CLOUD_INIT_INSTANCE_DATA, MAXIMUM_BYTES)?;
    Ok(content
        .and_then(|content| serde_json::from_slice::<InstanceData>(&content).ok())
        .map(|data| data.merged_cfg))
}

/// Files that cloud-init runs, or has run, for this instance alone. None where they cannot be listed.
pub fn instance_scripts(root: &Root) -> Vec<String> {
    entries(root, INSTANCE_SCRIPTS).unwrap_or_default()
}

/// The user scripts that failed in this boot; none before cloud-init has ended, or without it.
pub fn failed_scripts(root: &Root) -> Option<Fault> {
    #[derive(Deserialize)]
    struct Result {
        v1: Version1,
    }
    #[derive(Deserialize)]
    struct Version1 {
        errors: Vec<String>,
    }
    let content = root
        .read_at_most(path::CLOUD_INIT_RESULT, MAXIMUM_BYTES)
        .ok()??;
    let result: Result = serde_json::from_slice(&content).ok()?;
    let evidence: Vec<String> = result
        .v1
        .errors
        .iter()
        .filter_map(|error| failed_script(error))
        .collect();
    (!evidence.is_empty()).then_some(Fault {
        finding: &finding::BOOTSTRAP_USER_SCRIPT_FAILED,
        evidence,
    })
}

/// What an error of cloud-init says of a user script: module and names, never the words of the script, which can hold
/// anything. An error is a pair in Python's notation: `('scripts-user', RuntimeError('Runparts: 1 failures (part-001) in 1
/// attempted commands'))`.
fn failed_script(error: &str) -> Option<String> {
    let (module, exception) = error.strip_prefix("('")?.split_once('\'')?;
    if !SCRIPT_MODULES.contains(&module.replace('-', "_").as_str()) {
        return None;
    }
    let names = exception
        .split_once("Runparts: ")
        .and_then(|(_, runparts)| runparts.split_once('('))
        .and_then(|(_, names)| names.split_once(") in "))
        .map(|(names, _)| names);
    Some(match names {
        Some(names) => format!("cloud-init's `{module}`: `{names}` failed"),
        None => format!("cloud-init's `{module}` failed"),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn machine(files: &[(&str, &str)]) -> (tempfile::TempDir, Root) {
        let directory = tempfile::tempdir().unwrap();
        for (path, content) in files {
            let path = directory.path().join(path.trim_start_matches('/'));
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, content).unwrap();
        }
        let root = Root::new(directory.path());
        (directory, root)
    }

    fn evidence(errors: &str) -> Vec<String> {
        let result =
            format!(r#"{{"v1": {{"datasource": "DataSourceEc2Local", "errors": {errors}}}}}"#);
        let (_directory, root) = machine(&[(path::CLOUD_INIT_RESULT, &result)]);
        failed_scripts(&root).map_or_else(Vec::new, |fault| fault.evidence)
    }

    #[test]
    fn a_script_that_failed_is_named_whatever_the_version() {
        for module in ["scripts-user", "scripts_user"] {
            assert_eq!(
                evidence(&format!(
                    r#"["('{module}', RuntimeError('Runparts: 2 failures (part-001,runcmd) in 3 attempted commands'))"]"#
                )),
                [format!("cloud-init's `{module}`: `part-001,runcmd` failed")]
            );
        }
    }

    #[test]
    fn what_a_script_said_is_not_told() {
        let errors = r#"["('bootcmd', ProcessExecutionError(\"Unexpected error\\nCommand: ['/bin/sh']\\nStderr: secret\"))"]"#;
        assert_eq!(evidence(errors), ["cloud-init's `bootcmd` failed"]);
    }

    #[test]
    fn errors_of_other_modules_and_strange_ones_are_not_about_scripts() {
        assert_eq!(
            evidence(
                r#"["('locale', ProcessExecutionError('no'))", "failed stage", "('scripts-user"]"#
            ),
            Vec::<String>::new()
        );
        let (_directory, root) = machine(&[]);
        assert_eq!(failed_scripts(&root), None);
    }

    #[test]
    fn everything_that_cloud_init_may_still_run_is_seen() {
        let (_directory, root) = machine(&[
            (
                path::CLOUD_INIT_INSTANCE_DATA,
                r#"{"merged_cfg": {"a": 1}, "v1": {}}"#,
            ),
            ("/var/lib/cloud/scripts/per-boot/10-x", ""),
            ("/var/lib/cloud/instance/scripts/part-001", ""),
            ("/var/lib/cloud/instance/vendor-data.txt", ""),
            ("/var/lib/cloud/instance/vendor-data2.txt", "#!/bin/sh"),
            ("/etc/eks/nodeadm.d/10.yaml", ""),
        ]);
        let pending = Pending::read(&root).unwrap();
        assert!(pending.configuration.unwrap().contains_key("a"));
        assert_eq!(
            pending.scripts,
            [
                "/var/lib/cloud/scripts/per-boot/10-x",
                "/var/lib/cloud/instance/scripts/part-001"
            ]
        );
        assert_eq!(
            pending.vendor_data,
            ["/var/lib/cloud/instance/vendor-data2.txt"]
        );
        assert_eq!(pending.drop_ins, ["/etc/eks/nodeadm.d/10.yaml"]);
    }

    #[test]
    fn a_machine_without_cloud_init_has_told_nothing() {
        let (_directory, root) = machine(&[]);
        assert_eq!(Pending::read(&root).unwrap(), Pending::default());
    }
}
