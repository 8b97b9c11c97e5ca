//! Values of properties as text.

use serde_json::Value;

use crate::print::table::printable;
use crate::resource::Text;

/// What stands for a value that only apply will know.
const UNKNOWN: &str = "(known after apply)";

/// A value as it is shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Shown {
    /// A text, of one line or several.
    Text(String),
    /// The items of a list.
    Items(Vec<String>),
}

impl Shown {
    /// All of it in one line.
    pub(super) fn into_line(self) -> String {
        match self {
            Self::Text(text) => printable(&text),
            Self::Items(items) => format!("[{}]", items.join(", ")),
        }
    }
}

/// A value; what is not set is an empty list beside a list, and `(none)` beside anything else.
pub(super) fn shown(value: Option<&Value>) -> Shown {
    match value {
        None | Some(Value::Null) => Shown::Text("(none)".to_owned()),
        Some(Value::Array(items)) => {
            Shown::Items(items.iter().map(|item| printable(&text(item))).collect())
        }
        Some(value) => Shown::Text(text(value)),
    }
}

/// A value as text, without what looks like a credential.
fn text(value: &Value) -> String {
    // Members of a JSON document without white space are looked at one by one.
    plain(value)
        .split_inclusive(['\n', ','])
        .map(node::redact::text)
        .collect()
}

fn plain(value: &Value) -> String {
    match value {
        Value::String(text) if text.is_empty() => "\"\"".to_owned(),
        Value::String(text) => text.clone(),
        Value::Object(_) => match serde_json::from_value::<Text>(value.clone()) {
            Ok(reference) => of_text(&reference),
            Err(_) => value.to_string(),
        },
        other => other.to_string(),
    }
}

/// A text with what stands for its references.
pub(super) fn of_text(text: &Text) -> String {
    match text {
        Text::Known(text) => text.clone(),
        Text::Of { .. } => UNKNOWN.to_owned(),
        Text::Join { parts } => parts.iter().map(of_text).collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_looks_like_a_credential_is_not_shown_on_one_line_either() {
        let configuration =
            r#"{"env":{"HTTPS_PROXY":"http://a:secret1@h:1","HTTP_PROXY":"http://b:secret2@h:2"}}"#;
        let line = shown(Some(&configuration.into())).into_line();
        assert!(!line.contains("secret"), "{line}");
        let items = shown(Some(&serde_json::json!(["http://a:secret@h", "plain"])));
        let line = items.into_line();
        assert!(
            line.ends_with(", plain]") && !line.contains("secret"),
            "{line}"
        );
    }
}
