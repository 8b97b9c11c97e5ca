//! YAML text, and so JSON text, to a tree in which every value knows where it stands.
//!
//! The syntax is read by `granit-parser`; what a scalar means is decided in [`scalar`] as Go's `sigs.k8s.io/yaml` does,
//! since nodeadm and the kubelet read the same files with it. Size and depth of a tree are bounded, aliases included.

mod compose;
mod expand;
mod scalar;
#[cfg(test)]
mod tests;

/// How deep lists and maps may be nested in each other.
pub const MAXIMUM_DEPTH: usize = 100;
/// How many values a document may hold, those that aliases repeat included.
pub const MAXIMUM_VALUES: usize = 20_000;
/// How many bytes of text the values of a document may hold, those that aliases repeat included.
pub const MAXIMUM_TEXT: usize = 4 * 1024 * 1024;

/// Where something stands.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    /// Which of the documents that were read together, from 0.
    pub document: usize,
    /// Line, from 1.
    pub line: usize,
    /// Column in characters, from 1.
    pub column: usize,
}

/// A value and where it stands.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Node {
    /// The value.
    pub value: Value,
    /// Where it begins.
    pub place: Place,
}

/// A value.
#[derive(Debug, Clone, Default, PartialEq)]
pub enum Value {
    /// `null`, `~` or nothing at all.
    #[default]
    Null,
    /// `true`, `yes`, `on` and their opposites.
    Bool(bool),
    /// A whole number that fits 64 bits, with or without sign.
    Integer(i128),
    /// Any other finite number.
    Float(f64),
    /// Text.
    Text(String),
    /// A list.
    List(Vec<Node>),
    /// A map, in the order of the document; each key once.
    Map(Vec<Entry>),
}

/// One entry of a map.
#[derive(Debug, Clone, PartialEq)]
pub struct Entry {
    /// The key; numbers and booleans are written as JSON writes them.
    pub key: String,
    /// Where the key begins.
    pub place: Place,
    /// What it stands for.
    pub node: Node,
}

/// A document and what in its text had no effect.
#[derive(Debug, Clone, PartialEq)]
pub struct Parsed {
    /// The first document of the text; null when there is none.
    pub root: Node,
    /// Duplicate keys and further documents.
    pub warnings: Vec<Remark>,
}

/// Something to say about a place. Holds no value of the document.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Remark {
    /// Where.
    pub place: Place,
    /// What.
    pub detail: String,
}

/// Reads the first document of `text`. `document` goes into every [`Place`].
///
/// # Errors
/// The first thing that makes the text no YAML, or too much of it.
pub fn parse(text: &str, document: usize) -> Result<Parsed, Remark> {
    compose::compose(text, document)
}

impl Node {
    /// The entries of a map; empty for anything else.
    pub fn entries(&self) -> &[Entry] {
        match &self.value {
            Value::Map(entries) => entries,
            _ => &[],
        }
    }

    /// What a key of a map stands for.
    pub fn get(&self, key: &str) -> Option<&Node> {
        self.entries()
            .iter()
            .find(|entry| entry.key == key)
            .map(|entry| &entry.node)
    }

    /// The text of a string.
    pub fn text(&self) -> Option<&str> {
        match &self.value {
            Value::Text(text) => Some(text),
            _ => None,
        }
    }

    /// The value below a path of keys; an item of a list is `[0]`, `[1]`, ….
    pub fn at<S: AsRef<str>>(&self, path: &[S]) -> Option<&Node> {
        path.iter().try_fold(self, |node, step| {
            let step = step.as_ref();
            match &node.value {
                Value::List(items) => items.get(
                    step.strip_prefix('[')?
                        .strip_suffix(']')?
                        .parse::<usize>()
                        .ok()?,
                ),
                _ => node.get(step),
            }
        })
    }

    /// The same value as JSON. A number without a fraction has none in JSON either, as in Go.
    pub fn to_json(&self) -> serde_json::Value {
        match &self.value {
            Value::Null => serde_json::Value::Null,
            Value::Bool(bool) => (*bool).into(),
            Value::Integer(number) => integer(*number),
            Value::Float(number) => float(*number),
            Value::Text(text) => text.as_str().into(),
            Value::List(items) => items.iter().map(Self::to_json).collect(),
            Value::Map(entries) => entries
                .iter()
                .map(|entry| (entry.key.clone(), entry.node.to_json()))
                .collect(),
        }
    }
}

impl Value {
    /// What it is, with its article, such as `a list`.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Null => "nothing",
            Self::Bool(_) => "a boolean",
            Self::Integer(_) => "an integer",
            Self::Float(_) => "a number",
            Self::Text(_) => "a string",
            Self::List(_) => "a list",
            Self::Map(_) => "a map",
        }
    }
}

fn integer(number: i128) -> serde_json::Value {
    i64::try_from(number)
        .map(serde_json::Value::from)
        .or_else(|_| u64::try_from(number).map(serde_json::Value::from))
        .unwrap_or(serde_json::Value::Null)
}

#[expect(
    clippy::cast_possible_truncation,
    reason = "the number is whole and below 2^53"
)]
fn float(number: f64) -> serde_json::Value {
    /// Above it not every whole number has a float of its own.
    const EXACT: f64 = 9_007_199_254_740_992.0;
    if number.fract() == 0.0 && number.abs() < EXACT {
        (number as i64).into()
    } else {
        number.into()
    }
}
