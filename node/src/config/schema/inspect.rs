//! A tree against its definition: unknown fields, wrong types, wrong words; all of them.

use super::super::problem::{Problem, field};
use super::super::yaml::{Entry, Node, Place, Value};
use super::{Definition, Field, Kind, listed};
use crate::nearest::nearest;

/// Everything in a document that does not fit. What Go would read as the zero value (`null` in a list or a map) becomes
/// that value; `null` in a field goes, as if the field were not there.
pub fn inspect(definition: &Definition, tree: &mut Node) -> Vec<Problem> {
    let mut inspection = Inspection {
        definition,
        path: Vec::new(),
        problems: Vec::new(),
    };
    inspection.object(definition.fields, tree);
    inspection.problems
}

struct Inspection<'a> {
    definition: &'a Definition,
    path: Vec<String>,
    problems: Vec<Problem>,
}

impl Inspection<'_> {
    fn report(&mut self, place: Place, detail: String, help: Option<String>, is_fatal: bool) {
        self.problems.push(Problem {
            path: self.path.clone(),
            detail,
            help,
            prevents_start: is_fatal,
            place: Some(place),
        });
    }

    /// The value goes, so that the rest of the document can be asked further questions.
    fn wrong_type(&mut self, kind: &Kind, node: &mut Node) {
        let help = match (kind, &node.value) {
            (
                Kind::Text | Kind::Words(_) | Kind::Duration,
                Value::Bool(_) | Value::Integer(_) | Value::Float(_),
            ) => Some("put it in quotes".to_owned()),
            _ => None,
        };
        let detail = format!(
            "is {} where {} is expected",
            node.value.name(),
            kind.expected()
        );
        self.report(node.place, detail, help, true);
        node.value = Value::Null;
    }

    fn object(&mut self, fields: &[Field], node: &mut Node) {
        let is_root = self.path.is_empty();
        let Value::Map(entries) = &mut node.value else {
            self.wrong_type(&Kind::Object(&[]), node);
            return;
        };
        let missing = missing(fields, entries);
        for entry in entries.iter_mut() {
            if is_root && matches!(entry.key.as_str(), "apiVersion" | "kind") {
                continue;
            }
            self.path.push(entry.key.clone());
            match fields.iter().find(|field| field.name == entry.key) {
                Some(field) if entry.node.value != Value::Null => {
                    self.value(&field.kind, &mut entry.node);
                }
                Some(_) => {}
                None => self.unknown_field(fields, &entry.key, entry.place),
            }
            self.path.pop();
        }
        entries.retain(|entry| {
            entry.node.value != Value::Null || !fields.iter().any(|field| field.name == entry.key)
        });
        if self.definition.is_whole {
            for name in missing {
                self.path.push(name.to_owned());
                self.report(node.place, "is missing".to_owned(), None, true);
                self.path.pop();
            }
        }
    }

    fn unknown_field(&mut self, fields: &[Field], key: &str, place: Place) {
        let mut names: Vec<&str> = fields.iter().map(|field| field.name).collect();
        if self.path.len() == 1 {
            names.extend(["apiVersion", "kind"]);
        }
        let help = match nearest(key, &names) {
            Some(name) => Some(format!("did you mean `{name}`?")),
            None => self
                .elsewhere(key)
                .map(|path| format!("`{path}` is one, look at the indentation")),
        };
        let effect = if self.definition.is_strict {
            ""
        } else {
            " and has no effect"
        };
        self.report(
            place,
            format!("is not a field of {}{effect}", self.definition.kind),
            help,
            self.definition.is_strict,
        );
    }

    /// Where in the document a field of this name belongs; `None` unless that is one place.
    fn elsewhere(&self, key: &str) -> Option<String> {
        let mut found = Vec::new();
        places_of(self.definition.fields, key, &mut Vec::new(), &mut found);
        match found.as_slice() {
            [path] => Some(path.clone()),
            _ => None,
        }
    }

    fn value(&mut self, kind: &Kind, node: &mut Node) {
        match kind {
            Kind::Object(fields) => self.object(fields, node),
            Kind::List(item) => self.list(kind, item, node),
            Kind::WordsOrList(words, item) => match &node.value {
                Value::Text(text) => self.word(words, text, node.place),
                _ => self.list(kind, item, node),
            },
            Kind::Map(value) => self.map(kind, value, node),
            Kind::Named(fields, noun) => self.named(kind, fields, noun, node),
            Kind::Words(words) => match &node.value {
                Value::Text(text) => self.word(words, text, node.place),
                // Without quotes the word is a boolean of YAML 1.1, and nobody means anything else by it here.
                Value::Bool(false) if words.contains(&"off") => {
                    node.value = Value::Text("off".to_owned());
                }
                _ => self.wrong_type(kind, node),
            },
            Kind::Duration => match &node.value {
                Value::Text(text) if super::super::agent_config::parse_duration(text).is_some() => {
                }
                Value::Text(_) => self.report(
                    node.place,
                    format!("is not {}", kind.expected()),
                    None,
                    true,
                ),
                _ => self.wrong_type(kind, node),
            },
            Kind::Count | Kind::Port => match &node.value {
                Value::Integer(number) if kind.holds(*number) => {}
                Value::Integer(_) => self.report(
                    node.place,
                    format!("is not {}", kind.expected()),
                    None,
                    true,
                ),
                _ => self.wrong_type(kind, node),
            },
            Kind::Text if matches!(node.value, Value::Text(_)) => {}
            Kind::Flag if matches!(node.value, Value::Bool(_)) => {}
            Kind::FreeForm if matches!(node.value, Value::Map(_)) => {}
            Kind::Text | Kind::Flag | Kind::FreeForm => self.wrong_type(kind, node),
        }
    }

    fn word(&mut self, words: &[&str], text: &str, place: Place) {
        // Go's zero value is no word at all where several documents are merged.
        if words.contains(&text) || (text.is_empty() && !self.definition.is_whole) {
            return;
        }
        let help = nearest(text, words).map(|word| format!("did you mean `{word}`?"));
        self.report(
            place,
            format!("is none of {}", listed(words)),
            help,
            self.definition.is_strict,
        );
    }

    fn list(&mut self, kind: &Kind, item_kind: &Kind, node: &mut Node) {
        let Value::List(items) = &mut node.value else {
            self.wrong_type(kind, node);
            return;
        };
        for (index, item) in items.iter_mut().enumerate() {
            self.path.push(format!("[{index}]"));
            zero(item_kind, item);
            self.value(item_kind, item);
            zero(item_kind, item);
            self.path.pop();
        }
    }

    fn map(&mut self, kind: &Kind, value_kind: &Kind, node: &mut Node) {
        let Value::Map(entries) = &mut node.value else {
            self.wrong_type(kind, node);
            return;
        };
        for entry in entries {
            self.path.push(entry.key.clone());
            zero(value_kind, &mut entry.node);
            self.value(value_kind, &mut entry.node);
            zero(value_kind, &mut entry.node);
            self.path.pop();
        }
    }

    fn named(&mut self, kind: &Kind, fields: &[Field], noun: &str, node: &mut Node) {
        let Value::Map(entries) = &mut node.value else {
            self.wrong_type(kind, node);
            return;
        };
        for entry in entries {
            self.path.push(entry.key.clone());
            if !fields.iter().any(|field| field.name == entry.key) {
                let names: Vec<&str> = fields.iter().map(|field| field.name).collect();
                let help = nearest(&entry.key, &names)
                    .map(|name| format!("did you mean `{name}`?"))
                    .or_else(|| Some(format!("there are {}", listed(&names))));
                let is_fatal = self.definition.is_strict;
                self.report(
                    entry.place,
                    format!("is not {noun} and has no effect"),
                    help,
                    is_fatal,
                );
            }
            zero(&Kind::Flag, &mut entry.node);
            self.value(&Kind::Flag, &mut entry.node);
            zero(&Kind::Flag, &mut entry.node);
            self.path.pop();
        }
    }
}

/// The required fields that are not there. A key that is misspelt is told as that.
fn missing(fields: &[Field], entries: &[Entry]) -> Vec<&'static str> {
    let names: Vec<&str> = fields.iter().map(|field| field.name).collect();
    let is_meant = |entry: &Entry, name| {
        if entry.key == name {
            entry.node.value != Value::Null
        } else {
            nearest(&entry.key, &names) == Some(name)
        }
    };
    let required = fields.iter().filter(|field| field.is_required);
    required
        .map(|field| field.name)
        .filter(|name| !entries.iter().any(|entry| is_meant(entry, *name)))
        .collect()
}

/// Go leaves the zero value of its type where a list or a map holds `null`.
fn zero(kind: &Kind, node: &mut Node) {
    if node.value != Value::Null {
        return;
    }
    node.value = match kind {
        Kind::Text | Kind::Words(_) => Value::Text(String::new()),
        Kind::Flag => Value::Bool(false),
        Kind::List(_) | Kind::WordsOrList(..) => Value::List(Vec::new()),
        Kind::Map(_) | Kind::Named(..) | Kind::Object(_) | Kind::FreeForm => Value::Map(Vec::new()),
        Kind::Count | Kind::Port | Kind::Duration => Value::Null,
    };
}

fn places_of(
    fields: &'static [Field],
    key: &str,
    path: &mut Vec<&'static str>,
    found: &mut Vec<String>,
) {
    for definition in fields {
        path.push(definition.name);
        if definition.name == key {
            found.push(field(path));
        }
        match definition.kind {
            Kind::Object(fields) => places_of(fields, key, path, found),
            Kind::List(Kind::Object(fields)) => {
                path.push("[]");
                places_of(fields, key, path, found);
                path.pop();
            }
            _ => {}
        }
        path.pop();
    }
}
