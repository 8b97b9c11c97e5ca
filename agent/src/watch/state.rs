//! What the watch knows across a restart of the agent: `/var/lib/nodeagent/watch.json`, bound to one boot.

use node::chain::Chain;
use node::rule::Snapshot;
use serde::{Deserialize, Serialize};

use super::source::Places;
use crate::host::path;
use crate::host::root::{self, Root};

const FILE: &str = "watch.json";
/// The engine is bounded to less than this; a larger file is not ours.
const FILE_BYTES: usize = 1024 * 1024;

/// Content of the file.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct State {
    /// The boot that it speaks of.
    pub boot_id: String,
    /// Of each source, the place of its last entry that the rules have seen.
    #[serde(default)]
    pub places: Places,
    /// What the rules know.
    #[serde(default)]
    pub snapshot: Snapshot,
}

/// What the last run of this boot knew; nothing, when there was none or its file cannot be used.
pub(super) fn load(root: &Root, boot_id: &str) -> State {
    let content = match root.read(file()) {
        Ok(content) => content.unwrap_or_default(),
        Err(error) => {
            tracing::warn!(error = %Chain(&error), "starting without the state of the last run");
            return State::default();
        }
    };
    if content.is_empty() || content.len() > FILE_BYTES {
        return State::default();
    }
    match serde_json::from_slice::<State>(&content) {
        Ok(state) if state.boot_id == boot_id && !boot_id.is_empty() => state,
        Ok(_) => State::default(),
        Err(error) => {
            tracing::warn!(%error, file = file(), "starting without the state of the last run");
            State::default()
        }
    }
}

/// Writes the file, as a whole or not at all.
pub(super) fn save(root: &Root, state: &State) -> Result<(), root::Error> {
    let json = serde_json::to_vec(state).unwrap_or_default();
    root.write(file(), &json, 0o600).map(drop)
}

fn file() -> String {
    format!("{}/{FILE}", path::STATE)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn state_is_of_one_boot_and_a_damaged_file_is_none() {
        let directory = tempfile::tempdir().unwrap();
        let root = Root::new(directory.path());
        assert_eq!(load(&root, "a"), State::default());
        let state = State {
            boot_id: "a".into(),
            places: Places::from([("journal".into(), "c".into())]),
            snapshot: Snapshot::default(),
        };
        save(&root, &state).unwrap();
        assert_eq!(load(&root, "a"), state);
        assert_eq!(load(&root, "b"), State::default());
        root.write(file(), b"{\"bootId\":\"a\",", 0o600).unwrap();
        assert_eq!(load(&root, "a"), State::default());
    }
}
