//! Local clusters on Outposts: the API server's addresses in `/etc/hosts`, so that the node finds it without DNS.

use std::fmt::Write as _;

use node::config::NodeConfig;

use crate::facts::{Facts, api_server};
use crate::host::path;

use super::PlannedBlock;

/// Whether the cluster is a local one on an Outpost.
pub(super) fn is_local_cluster(config: &NodeConfig) -> bool {
    config.spec.cluster.enable_outpost == Some(true)
}

/// One line for each address.
pub(super) fn block(config: &NodeConfig, facts: &Facts) -> Option<PlannedBlock> {
    let host = api_server::host(&config.spec.cluster.api_server_endpoint)?;
    if !is_local_cluster(config) || facts.api_server_addresses.is_empty() {
        return None;
    }
    let mut content = String::new();
    for address in &facts.api_server_addresses {
        writeln!(content, "{address} {host}").unwrap_or_default();
    }
    Some(PlannedBlock {
        path: path::HOSTS,
        content,
    })
}
