//! `spec.instance.network`: a drop-in of systemd-resolved.
//!
//! Format: <https://www.freedesktop.org/software/systemd/man/latest/resolved.conf.html>.

use node::config::NodeConfig;

use crate::host::path;

use super::PlannedFile;

/// The drop-in, when there are name servers or domains. A missing one of the two leaves an empty line, as nodeadm writes it.
pub(super) fn file(config: &NodeConfig) -> Option<PlannedFile> {
    let network = &config.spec.instance.network;
    let nameservers = line("DNS", &network.nameservers);
    let domains = line("Domains", &network.domains);
    if nameservers.is_empty() && domains.is_empty() {
        return None;
    }
    Some(PlannedFile {
        path: path::RESOLVED_DROP_IN.into(),
        mode: 0o644,
        content: format!("[Resolve]\n{nameservers}\n{domains}\n"),
    })
}

/// One directive. Values are words: whatever separates them would separate lines as well.
fn line(key: &str, values: &[String]) -> String {
    let words: Vec<&str> = values
        .iter()
        .flat_map(|value| value.split_whitespace())
        .collect();
    if words.is_empty() {
        return String::new();
    }
    format!("{key}={}", words.join(" "))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn content(nameservers: &[&str], domains: &[&str]) -> Option<String> {
        let mut config = NodeConfig::default();
        let owned = |values: &[&str]| values.iter().map(|value| (*value).to_owned()).collect();
        config.spec.instance.network.nameservers = owned(nameservers);
        config.spec.instance.network.domains = owned(domains);
        file(&config).map(|file| file.content)
    }

    #[test]
    fn name_servers_and_domains_are_one_line_each() {
        assert_eq!(
            content(&["10.0.0.2", "10.0.0.3"], &["a.example", "b.example"]).as_deref(),
            Some("[Resolve]\nDNS=10.0.0.2 10.0.0.3\nDomains=a.example b.example\n")
        );
        assert_eq!(
            content(&[], &["a.example"]).as_deref(),
            Some("[Resolve]\n\nDomains=a.example\n")
        );
        assert_eq!(content(&[], &[]), None);
    }

    #[test]
    fn a_value_cannot_add_a_line() {
        assert_eq!(
            content(&["10.0.0.2\nDNSSEC=no"], &[]).as_deref(),
            Some("[Resolve]\nDNS=10.0.0.2 DNSSEC=no\n\n")
        );
    }
}
