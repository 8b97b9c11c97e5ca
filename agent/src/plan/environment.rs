//! `spec.instance.environment`: variables of all services, or of one, as drop-ins of systemd.
//!
//! Formats: `DefaultEnvironment=` of <https://www.freedesktop.org/software/systemd/man/latest/systemd-system.conf.html>
//! and `Environment=` of <https://www.freedesktop.org/software/systemd/man/latest/systemd.exec.html>.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use node::config::NodeConfig;
use node::config::check::is_unit_name;

use crate::host::path;

use super::PlannedFile;

/// The key that stands for all services.
const EVERY_SERVICE: &str = "default";

/// One drop-in for each service that has variables. Values can be secrets, so only root reads them.
pub(super) fn files(config: &NodeConfig) -> Vec<PlannedFile> {
    // `kubelet` and `kubelet.service` are the same service.
    let mut drop_ins: BTreeMap<String, (&str, BTreeMap<&str, &str>)> = BTreeMap::new();
    for (service, variables) in &config.spec.instance.environment {
        let Some(place) = place(service) else {
            continue;
        };
        let (_, all) = drop_ins
            .entry(place)
            .or_insert_with(|| (head(service), BTreeMap::new()));
        all.extend(
            variables
                .iter()
                .map(|(name, value)| (name.as_str(), value.as_str())),
        );
    }
    drop_ins
        .into_iter()
        .filter(|(_, (_, variables))| !variables.is_empty())
        .map(|(path, (head, variables))| {
            let mut content = head.to_owned();
            let directive = if path == path::SYSTEM_ENVIRONMENT {
                "DefaultEnvironment"
            } else {
                "Environment"
            };
            for (name, value) in variables {
                let assignment = quoted(&format!("{name}={value}"));
                writeln!(content, "{directive}={assignment}").unwrap_or_default();
            }
            PlannedFile {
                path: path.into(),
                mode: 0o600,
                content,
            }
        })
        .collect()
}

fn head(service: &str) -> &'static str {
    if service == EVERY_SERVICE {
        "[Manager]\n"
    } else {
        "[Service]\n"
    }
}

/// Path of a service's drop-in. The name becomes a directory: one that no unit can have, which could lead out of its place,
/// has none, and the check of the configuration tells it.
fn place(service: &str) -> Option<String> {
    if service == EVERY_SERVICE {
        return Some(path::SYSTEM_ENVIRONMENT.to_owned());
    }
    let name = service.strip_suffix(".service").unwrap_or(service);
    is_unit_name(name).then(|| format!("{}/{name}.service.d/environment.conf", path::SYSTEMD_UNITS))
}

/// An assignment as systemd reads it back: quoted, with C escapes, and without specifiers.
fn quoted(assignment: &str) -> String {
    let mut text = String::with_capacity(assignment.len() + 2);
    text.push('"');
    for letter in assignment.chars() {
        match letter {
            '\\' => text.push_str("\\\\"),
            '"' => text.push_str("\\\""),
            '%' => text.push_str("%%"),
            '\n' => text.push_str("\\n"),
            '\r' => text.push_str("\\r"),
            '\t' => text.push_str("\\t"),
            control if u32::from(control) < 0x20 || control == '\u{7f}' => {
                write!(text, "\\x{:02x}", u32::from(control)).unwrap_or_default();
            }
            other => text.push(other),
        }
    }
    text.push('"');
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config(environment: &[(&str, &[(&str, &str)])]) -> NodeConfig {
        let mut config = NodeConfig::default();
        config.spec.instance.environment = environment
            .iter()
            .map(|(service, variables)| {
                let variables = variables
                    .iter()
                    .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
                ((*service).to_owned(), variables.collect())
            })
            .collect();
        config
    }

    #[test]
    fn every_service_and_one_service_have_a_drop_in_each() {
        let files = files(&config(&[
            ("default", &[("B", "2"), ("A", "1 x")]),
            ("kubelet", &[("C", "3")]),
            ("kubelet.service", &[("D", "4")]),
            ("empty", &[]),
        ]));
        let shown: Vec<_> = files
            .iter()
            .map(|file| (&*file.path, file.mode, &*file.content))
            .collect();
        assert_eq!(
            shown,
            [
                (
                    "/etc/systemd/system.conf.d/environment.conf",
                    0o600,
                    "[Manager]\nDefaultEnvironment=\"A=1 x\"\nDefaultEnvironment=\"B=2\"\n"
                ),
                (
                    "/etc/systemd/system/kubelet.service.d/environment.conf",
                    0o600,
                    "[Service]\nEnvironment=\"C=3\"\nEnvironment=\"D=4\"\n"
                ),
            ]
        );
    }

    #[test]
    fn what_systemd_would_interpret_is_escaped() {
        assert_eq!(
            quoted("A=a\\b\"c\" 50% $X\nnext\t\u{1}\u{7f}é"),
            "\"A=a\\\\b\\\"c\\\" 50%% $X\\nnext\\t\\x01\\x7fé\""
        );
    }

    #[test]
    fn what_cannot_be_a_service_has_no_drop_in() {
        for service in ["../cron", "a/b", "", ".service", "a\nb", "my unit"] {
            let files = files(&config(&[(service, &[("A", "1")])]));
            assert!(files.is_empty(), "{service}: {files:?}");
        }
    }
}
