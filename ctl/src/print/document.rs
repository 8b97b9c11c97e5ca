//! One JSON or YAML document for a whole run.

use serde::Serialize;

/// Why a document cannot be written; only a value that no JSON can hold.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// JSON has no form for the value.
    #[error("writing the document as JSON")]
    Json(#[source] serde_json::Error),
    /// YAML has no form for the value.
    #[error("writing the document as YAML")]
    Yaml(#[source] serde_saphyr::SerializeError),
}

/// Indented JSON.
pub fn json(document: &impl Serialize) -> Result<String, Error> {
    serde_json::to_string_pretty(document).map_err(Error::Json)
}

/// YAML. Long strings stay on their line, so that a command in a fix can be copied.
pub fn yaml(document: &impl Serialize) -> Result<String, Error> {
    let options = serde_saphyr::ser_options! { prefer_block_scalars: false };
    serde_saphyr::to_string_with_options(document, options).map_err(Error::Yaml)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strings_that_look_like_something_else_are_quoted_and_long_ones_stay_whole() {
        let long = "word ".repeat(40).trim_end().to_owned();
        let document = serde_json::json!({"a": "yes", "b": "1.30", "c": "2026-01-01", "d": long, "e": null, "f": []});
        let text = yaml(&document).unwrap();
        let read: serde_json::Value = serde_saphyr::from_str(&text).unwrap();
        assert_eq!(read, document);
        assert_eq!(text.lines().count(), 6, "{text}");
        assert!(
            text.contains("\"1.30\"") || text.contains("'1.30'"),
            "{text}"
        );
        assert!(!text.contains("a: yes"), "{text}");
    }
}
