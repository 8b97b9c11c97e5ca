//! What a NodeConfig, an AgentConfig and a RuleSet may hold, said once. Other programs define their documents with the same
//! words.
//!
//! From it come the answers to unknown fields, wrong types and wrong words ([`inspect`]) and the JSON schema
//! ([`json_schema()`]).

mod definition;
pub mod inspect;
mod json_schema;
#[cfg(test)]
mod tests;

pub use definition::{AGENT_CONFIG, AGENT_SPEC, NODE_CONFIG, RULE_SET};
pub use json_schema::json_schema;

/// What one field may hold.
#[derive(Debug, Clone, Copy)]
pub enum Kind {
    /// A string.
    Text,
    /// A boolean.
    Flag,
    /// A whole number that is not negative.
    Count,
    /// A number of a TCP port.
    Port,
    /// A string such as `90s` or `10m`.
    Duration,
    /// One of these strings.
    Words(&'static [&'static str]),
    /// A list.
    List(&'static Kind),
    /// One of these strings, or a list.
    WordsOrList(&'static [&'static str], &'static Kind),
    /// A map with any keys.
    Map(&'static Kind),
    /// A map of which only these keys have an effect.
    Named(&'static [Field], &'static str),
    /// A map with these fields.
    Object(&'static [Field]),
    /// A map of another program, which knows its keys.
    FreeForm,
}

/// One field of an object.
#[derive(Debug, Clone, Copy)]
pub struct Field {
    /// Its key.
    pub name: &'static str,
    /// What it may hold.
    pub kind: Kind,
    /// What it means, in one sentence.
    pub doc: &'static str,
    /// What holds without it, that of a list as JSON; empty when there is nothing to say.
    pub default: &'static str,
    /// Whether nothing can be made of the document without it.
    pub is_required: bool,
}

/// One kind of document.
#[derive(Debug, Clone, Copy)]
pub struct Definition {
    /// Its `apiVersion`.
    pub api_version: &'static str,
    /// Its `kind`.
    pub kind: &'static str,
    /// What it is, in one sentence.
    pub doc: &'static str,
    /// Its fields besides `apiVersion` and `kind`.
    pub fields: &'static [Field],
    /// Whether a field that is not known is an error, or only without effect.
    pub is_strict: bool,
    /// Whether each document stands for itself, so that required fields must be in it.
    pub is_whole: bool,
}

/// An optional field.
pub const fn field(name: &'static str, kind: Kind, doc: &'static str) -> Field {
    Field {
        name,
        kind,
        doc,
        default: "",
        is_required: false,
    }
}

/// A field without which nothing can be made of the document.
pub const fn required(name: &'static str, kind: Kind, doc: &'static str) -> Field {
    Field {
        is_required: true,
        ..field(name, kind, doc)
    }
}

/// An optional field and what holds without it.
pub const fn with_default(
    name: &'static str,
    kind: Kind,
    default: &'static str,
    doc: &'static str,
) -> Field {
    Field {
        default,
        ..field(name, kind, doc)
    }
}

/// Every kind of document of a node.
pub const ALL: [&Definition; 3] = [&NODE_CONFIG, &AGENT_CONFIG, &RULE_SET];
/// Those that are settings of a boot, and merged.
pub(super) const CONFIGURATIONS: [&Definition; 2] = [&NODE_CONFIG, &AGENT_CONFIG];

/// The definition of a kind, letter case aside.
pub fn of_kind(kind: &str) -> Option<&'static Definition> {
    ALL.into_iter()
        .find(|definition| definition.kind.eq_ignore_ascii_case(kind))
}

impl Kind {
    /// What is expected, with its article.
    pub fn expected(&self) -> String {
        match self {
            Self::Text => "a string".to_owned(),
            Self::Flag => "`true` or `false`".to_owned(),
            Self::Count => "a whole number that is not negative".to_owned(),
            Self::Port => "a port from 1 to 65535".to_owned(),
            Self::Duration => "a duration such as `90s` or `10m`".to_owned(),
            Self::Words(words) => format!("one of {}", listed(words)),
            Self::List(item) => format!("a list of {}", item.plural()),
            Self::WordsOrList(words, item) => {
                format!("one of {}, or a list of {}", listed(words), item.plural())
            }
            Self::Map(value) => format!("a map of {}", value.plural()),
            Self::Named(..) => "a map of booleans".to_owned(),
            Self::Object(_) | Self::FreeForm => "a map".to_owned(),
        }
    }

    /// Whether a whole number is one of this kind.
    fn holds(&self, number: i128) -> bool {
        match self {
            Self::Count => u32::try_from(number).is_ok(),
            Self::Port => u16::try_from(number).is_ok_and(|port| port != 0),
            _ => false,
        }
    }

    fn plural(&self) -> String {
        match self {
            Self::Text | Self::Duration | Self::Words(_) => "strings".to_owned(),
            Self::Flag => "booleans".to_owned(),
            Self::Count | Self::Port => "numbers".to_owned(),
            Self::List(item) | Self::WordsOrList(_, item) => format!("lists of {}", item.plural()),
            Self::Map(value) => format!("maps of {}", value.plural()),
            Self::Named(..) | Self::Object(_) | Self::FreeForm => "maps".to_owned(),
        }
    }
}

/// Words in backquotes, with commas.
fn listed(words: &[&str]) -> String {
    let quoted: Vec<String> = words.iter().map(|word| format!("`{word}`")).collect();
    quoted.join(", ")
}
