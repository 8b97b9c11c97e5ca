//! Files of the repository that are made from the code.

use std::path::PathBuf;

/// Fails when the file, by its path in the repository, is not this. With `UPDATE=1` in the environment it is written instead.
pub(crate) fn is_current(path: &str, content: &str) {
    let file = PathBuf::from(env!("CARGO_MANIFEST_DIR"))
        .join("..")
        .join(path);
    if std::env::var_os("UPDATE").is_some() {
        std::fs::write(&file, content).unwrap();
    }
    let checked_in = std::fs::read_to_string(&file).unwrap_or_default();
    assert!(
        checked_in == content,
        "{path} has drifted; run the tests with UPDATE=1"
    );
}
