//! The configuration that an earlier run of this boot used, in the file of `--config-cache`.
//!
//! The run phase reads more sources than the config phase. When they change what the node is to be, the config phase runs
//! again, whatever was skipped.

use std::path::Path;

use node::config::NodeConfig;
use node::config::node_config::{API_VERSION, KIND};
use serde::{Deserialize, Serialize};

use crate::host::root::{Error, Root};

/// A merged configuration as a document.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Document {
    api_version: String,
    kind: String,
    #[serde(flatten)]
    config: NodeConfig,
}

/// The cached configuration; `None` when there is none that can be read.
pub fn read(root: &Root, path: &Path) -> Result<Option<NodeConfig>, Error> {
    let content = root.read(path)?;
    Ok(content
        .and_then(|content| serde_json::from_slice::<Document>(&content).ok())
        .map(|document| document.config))
}

/// Keeps a configuration. It can hold secrets, so only root reads it.
pub fn write(root: &Root, path: &Path, config: &NodeConfig) -> Result<(), Error> {
    let content = serde_json::to_string_pretty(&document(config)).unwrap_or_default();
    root.write(path, content.as_bytes(), 0o600).map(drop)
}

/// The configuration as a NodeConfig document.
pub fn document(config: &NodeConfig) -> Document {
    Document {
        api_version: API_VERSION.to_owned(),
        kind: KIND.to_owned(),
        config: config.clone(),
    }
}
