//! Documents as text.

use serde::Serialize;

/// A value that has no form as text; none of ours.
#[derive(Debug, thiserror::Error)]
#[error("writing {format}: {detail}")]
pub struct Error {
    format: &'static str,
    detail: String,
}

/// Indented JSON.
///
/// # Errors
/// When JSON has no form for the value.
pub fn json(document: &impl Serialize) -> Result<String, Error> {
    serde_json::to_string_pretty(document).map_err(|error| Error {
        format: "JSON",
        detail: error.to_string(),
    })
}

/// YAML that readers of YAML 1.1 and 1.2 understand alike. Long strings stay on their line.
///
/// # Errors
/// When YAML has no form for the value.
pub fn yaml(document: &impl Serialize) -> Result<String, Error> {
    let options = serde_saphyr::ser_options! { prefer_block_scalars: false };
    serde_saphyr::to_string_with_options(document, options).map_err(|error| Error {
        format: "YAML",
        detail: error.to_string(),
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::{Value, json};

    use super::super::yaml;

    fn read_back(document: &Value) -> Value {
        let text = super::yaml(document).unwrap();
        yaml::parse(&text, 0).unwrap().root.to_json()
    }

    #[test]
    fn strings_that_look_like_something_else_are_read_back_as_strings() {
        for text in [
            "",
            "y",
            "No",
            "on",
            "~",
            "null",
            "0644",
            "0x1F",
            "0b1",
            "0o17",
            "1_000",
            "1.20",
            "1e3",
            ".inf",
            ".5",
            "12:30",
            "2026-01-01",
            "<<",
            "=",
            "- a",
            "a: b",
            "#a",
            "a #b",
            "@a",
            "`a",
            "%a",
            "!a",
            "&a",
            "*a",
            "a\nb\n",
            " a ",
            "\t",
            "'",
            "\"",
            "\\",
            "---",
            "é",
            "{",
            "[a",
        ] {
            let document = json!({"key": text, text: "value", "list": [text]});
            assert_eq!(read_back(&document), document, "{text}");
        }
    }

    proptest! {
        #[test]
        fn every_text_is_read_back(text in "[ -~\n\t\u{e9}\u{1f600}]{0,12}") {
            let document = json!({"key": text});
            prop_assert_eq!(read_back(&document), document);
        }
    }
}
