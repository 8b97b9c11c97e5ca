//! Values of properties as text.

use serde_json::Value;

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
            Self::Text(text) => one_line(&text),
            Self::Items(items) => format!("[{}]", items.join(", ")),
        }
    }
}

/// A value; what is not set is an empty list beside a list, and `(none)` beside anything else.
pub(super) fn shown(value: Option<&Value>) -> Shown {
    match value {
        None | Some(Value::Null) => Shown::Text("(none)".to_owned()),
        Some(Value::Array(items)) => {
            Shown::Items(items.iter().map(|item| one_line(&text(item))).collect())
        }
        Some(value) => Shown::Text(text(value)),
    }
}

fn text(value: &Value) -> String {
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

/// A line is one line and no terminal command, whatever an API said.
pub(super) fn one_line(text: &str) -> String {
    text.chars()
        .map(|character| {
            if character.is_control() {
                ' '
            } else {
                character
            }
        })
        .collect()
}
