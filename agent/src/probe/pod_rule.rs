//! Has each address that the VPC CNI has handed out the routing rules that lead to its pod and back?
//!
//! ipamd tells on the loopback what it has handed out (`pkg/ipamd/introspect.go`); its plug-in makes a rule to the address,
//! and on a secondary interface one from it, to a table with a way out of its own (`cmd/routed-eni-cni-plugin/driver`).
//! Where ipamd does not tell, or there is no `ip`, nothing is known.

use std::collections::{BTreeMap, BTreeSet};

use node::finding;
use serde::Deserialize;

use super::DEADLINE;
use super::reading::Reading;
use crate::host::exec;
use crate::host::loopback;

/// Where ipamd tells what it has; it can be switched off.
const PORT: u16 = 61679;
const ENIS: &str = "/v1/enis";
/// A node has at most some hundred pods.
const ANSWER: u64 = 1024 * 1024;
/// As many as evidence has room for.
const NAMED: usize = 3;

#[derive(Debug, Deserialize)]
struct Pool {
    #[serde(rename = "ENIs")]
    interfaces: BTreeMap<String, Interface>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Interface {
    device_number: u32,
    #[serde(rename = "AvailableIPv4Cidrs", default)]
    blocks: Option<BTreeMap<String, Block>>,
}

#[derive(Debug, Deserialize)]
struct Block {
    #[serde(rename = "IPAddresses", alias = "IPv4Addresses", default)]
    addresses: Option<BTreeMap<String, Address>>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Address {
    address: String,
    #[serde(rename = "IPAMKey")]
    key: Key,
}

/// Whose address it is; nobody's where all of it is empty.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Key {
    network_name: String,
    #[serde(rename = "containerID")]
    container: String,
}

/// A rule, as `ip -j rule` prints it; a host's address has no length.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Rule {
    src: String,
    dst: String,
    table: String,
}

/// A route, as `ip -j route show table all` prints it; those of the main table have none.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Route {
    dst: String,
    table: String,
}

/// Looks; nothing where nobody tells.
pub async fn look() -> Option<BTreeSet<String>> {
    let answer = loopback::get(PORT, ENIS, DEADLINE, ANSWER).await.ok()?;
    let handed_out = (answer.status == 200).then(|| handed_out(&answer.body))??;
    if handed_out.is_empty() {
        return Some(BTreeSet::new());
    }
    let (rules, routes) = tokio::join!(
        exec::output("ip", &["-j", "-4", "rule", "show"], DEADLINE),
        exec::output(
            "ip",
            &["-j", "-4", "route", "show", "table", "all"],
            DEADLINE
        ),
    );
    missing(&handed_out, &rules.ok()?, &routes.ok()?)
}

/// The addresses that pods have, each with whether it is one of a secondary interface. Newer versions have a pool for each
/// network card.
fn handed_out(document: &str) -> Option<BTreeMap<String, bool>> {
    let pools = match serde_json::from_str::<Pool>(document) {
        Ok(pool) => vec![pool],
        Err(_) => serde_json::from_str::<BTreeMap<String, Pool>>(document)
            .ok()?
            .into_values()
            .collect(),
    };
    let interfaces = pools
        .into_iter()
        .flat_map(|pool| pool.interfaces.into_values());
    let addresses = interfaces.flat_map(|interface| {
        let is_secondary = interface.device_number > 0;
        let blocks = interface.blocks.unwrap_or_default().into_values();
        blocks
            .flat_map(|block| block.addresses.unwrap_or_default().into_values())
            .filter(|address| {
                !address.key.network_name.is_empty() || !address.key.container.is_empty()
            })
            .map(move |address| (address.address, is_secondary))
    });
    Some(addresses.collect())
}

/// What is not there that should be, in words; nothing where the lists cannot be read.
fn missing(
    handed_out: &BTreeMap<String, bool>,
    rules: &str,
    routes: &str,
) -> Option<BTreeSet<String>> {
    let rules: Vec<Rule> = serde_json::from_str(rules).ok()?;
    let routes: Vec<Route> = serde_json::from_str(routes).ok()?;
    // There is always a rule to the main table.
    if rules.is_empty() {
        return None;
    }
    let leads_out = |table: &str| {
        let in_table = routes.iter().filter(|route| route.table == table);
        table == "main" || in_table.map(|route| &route.dst).any(|to| to == "default")
    };
    let mut missing = BTreeSet::new();
    for (address, is_secondary) in handed_out {
        if !rules.iter().any(|rule| rule.dst == *address) {
            missing.insert(format!("no rule to {address}"));
        }
        let mut from = rules.iter().filter(|rule| rule.src == *address).peekable();
        if *is_secondary && from.peek().is_none() {
            missing.insert(format!("no rule from {address}"));
        }
        let dead_end = from.find(|rule| !leads_out(&rule.table));
        missing.extend(
            dead_end.map(|rule| format!("table {} of {address} has no default route", rule.table)),
        );
    }
    Some(missing)
}

/// What was missing at the last look: a pod that comes or goes in this moment has half of its rules.
#[derive(Debug, Default)]
pub struct PodRules(BTreeSet<String>);

impl PodRules {
    /// What it means that this is missing now.
    pub fn judge(&mut self, missing: BTreeSet<String>) -> Option<Reading> {
        let finding = &finding::NETWORK_MISSING_IP_RULES;
        let before = std::mem::replace(&mut self.0, missing);
        if self.0.is_empty() {
            return Some(Reading::passed(finding, ""));
        }
        let both: Vec<&str> = self.0.intersection(&before).map(String::as_str).collect();
        let named = both.get(..NAMED).unwrap_or(&both).join(", ");
        let told = match both.len() {
            0 => return None,
            count if count > NAMED => format!("{named}, and {} more", count - NAMED),
            _ => named,
        };
        Some(Reading::failed(finding, "", told))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ENIS: &str = r#"{"TotalIPs": 3, "AssignedIPs": 2, "ENIs": {
        "eni-1": {"ID": "eni-1", "IsPrimary": true, "DeviceNumber": 0, "AvailableIPv4Cidrs": {
            "10.0.1.2/32": {"IPAddresses": {"10.0.1.2": {"Address": "10.0.1.2",
                "IPAMKey": {"networkName": "aws-cni", "containerID": "c1", "ifName": "eth0"}, "IPAMMetadata": {}}}},
            "10.0.1.3/32": {"IPAddresses": {"10.0.1.3": {"Address": "10.0.1.3",
                "IPAMKey": {"networkName": "", "containerID": "", "ifName": ""}, "IPAMMetadata": {}}}}}},
        "eni-2": {"ID": "eni-2", "IsPrimary": false, "DeviceNumber": 1, "IPv6Cidrs": {}, "AvailableIPv4Cidrs": {
            "10.0.2.2/32": {"IPAddresses": {"10.0.2.2": {"Address": "10.0.2.2",
                "IPAMKey": {"networkName": "aws-cni", "containerID": "c2", "ifName": "eth0"}, "IPAMMetadata": {}}}}}},
        "eni-3": {"ID": "eni-3", "IsPrimary": false, "DeviceNumber": 2, "AvailableIPv4Cidrs": {}}
    }}"#;
    const RULES: &str = r#"[{"priority":0,"src":"all","table":"local"},
        {"priority":512,"src":"all","dst":"10.0.1.2","table":"main"},
        {"priority":512,"src":"all","dst":"10.0.2.2","table":"main"},
        {"priority":1536,"src":"10.0.2.2","table":"2"},
        {"priority":32766,"src":"all","table":"main"}]"#;
    const ROUTES: &str = r#"[{"dst":"default","gateway":"10.0.2.1","dev":"ens6","table":"2","flags":[]},
        {"dst":"default","gateway":"10.0.1.1","dev":"ens5","protocol":"dhcp","flags":[]}]"#;

    fn seen(rules: &str, routes: &str) -> Vec<String> {
        let handed_out = handed_out(ENIS).unwrap();
        missing(&handed_out, rules, routes)
            .unwrap()
            .into_iter()
            .collect()
    }

    #[test]
    fn addresses_that_pods_have_are_those_with_a_key() {
        let expected = [
            ("10.0.1.2".to_owned(), false),
            ("10.0.2.2".to_owned(), true),
        ];
        assert_eq!(handed_out(ENIS), Some(BTreeMap::from(expected.clone())));
        assert_eq!(
            handed_out(&format!("{{\"0\": {ENIS}}}")),
            Some(BTreeMap::from(expected))
        );
        assert_eq!(handed_out("404 page not found"), None);
    }

    #[test]
    fn a_rule_or_a_route_that_is_gone_is_named() {
        assert_eq!(seen(RULES, ROUTES), [""; 0]);
        assert_eq!(
            seen(&RULES.replace("\"10.0.1.2\"", "\"10.0.9.9\""), ROUTES),
            ["no rule to 10.0.1.2"]
        );
        assert_eq!(
            seen(
                &RULES.replace("\"src\":\"10.0.2.2\"", "\"src\":\"10.0.9.9\""),
                ROUTES
            ),
            ["no rule from 10.0.2.2"]
        );
        assert_eq!(
            seen(RULES, &ROUTES.replace("\"table\":\"2\"", "\"table\":\"3\"")),
            ["table 2 of 10.0.2.2 has no default route"]
        );
        // iproute2 without JSON, or without rules of this family.
        let handed_out = handed_out(ENIS).unwrap();
        assert_eq!(
            missing(&handed_out, "0:\tfrom all lookup local", ROUTES),
            None
        );
        assert_eq!(missing(&handed_out, "[]", ROUTES), None);
    }

    #[test]
    fn what_is_missing_twice_is_told() {
        let mut rules = PodRules::default();
        let mut judge = |missing: &[&str]| {
            let missing = missing.iter().map(|words| (*words).to_owned()).collect();
            rules.judge(missing).map(|reading| reading.failure)
        };
        assert_eq!(judge(&[]), Some(None));
        assert_eq!(judge(&["a"]), None);
        assert_eq!(judge(&["b"]), None);
        assert_eq!(judge(&["a", "b", "c", "d"]), Some(Some("b".into())));
        assert_eq!(
            judge(&["a", "b", "c", "d"]),
            Some(Some("a, b, c, and 1 more".into()))
        );
        assert_eq!(judge(&[]), Some(None));
    }
}
