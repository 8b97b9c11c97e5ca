//! Takes values out of a document and remembers which, so that what nobody asked for can be told.

use std::collections::{BTreeMap, BTreeSet};

use node::config::yaml::{Node, Place, Value};

/// A document that is being read.
#[derive(Debug)]
pub(super) struct Reader<'a> {
    tree: &'a Node,
    read: BTreeSet<Vec<String>>,
    notes: Vec<String>,
}

/// A value that nobody asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Unread {
    pub path: Vec<String>,
    pub place: Place,
}

impl<'a> Reader<'a> {
    pub(super) fn new(tree: &'a Node) -> Self {
        Self {
            tree,
            read: BTreeSet::new(),
            notes: Vec::new(),
        }
    }

    /// Says what is meant differently here; once.
    pub(super) fn note(&mut self, text: impl Into<String>) {
        let text = text.into();
        if !self.notes.contains(&text) {
            self.notes.push(text);
        }
    }

    /// Whether something stands at a path.
    pub(super) fn says(&self, path: &[&str]) -> bool {
        self.tree
            .at(path)
            .is_some_and(|node| node.value != Value::Null)
    }

    /// Counts what stands at a path, and everything below it, as read.
    pub(super) fn skip(&mut self, path: &[&str]) {
        self.read
            .insert(path.iter().map(|step| (*step).to_owned()).collect());
    }

    /// A text; a number or a boolean is one too, as eksctl reads it where it expects a text.
    pub(super) fn text(&mut self, path: &[&str]) -> Option<String> {
        let text = plain(self.tree.at(path)?)?;
        self.skip(path);
        Some(text)
    }

    pub(super) fn flag(&mut self, path: &[&str]) -> Option<bool> {
        let Value::Bool(flag) = self.tree.at(path)?.value else {
            return None;
        };
        self.skip(path);
        Some(flag)
    }

    pub(super) fn count(&mut self, path: &[&str]) -> Option<u32> {
        let Value::Integer(number) = self.tree.at(path)?.value else {
            return None;
        };
        let count = u32::try_from(number).ok()?;
        self.skip(path);
        Some(count)
    }

    /// Any value at all.
    pub(super) fn any(&mut self, path: &[&str]) -> Option<serde_json::Value> {
        let node = self.tree.at(path)?;
        self.skip(path);
        Some(node.to_json()).filter(|value| !value.is_null())
    }

    /// The texts of a list; none unless they all are.
    pub(super) fn texts(&mut self, path: &[&str]) -> Vec<String> {
        let items = match self.tree.at(path).map(|node| &node.value) {
            Some(Value::List(items)) => items.as_slice(),
            _ => return Vec::new(),
        };
        let texts: Option<Vec<String>> = items.iter().map(plain).collect();
        if texts.is_some() {
            self.skip(path);
        }
        texts.unwrap_or_default()
    }

    /// The texts of a map; none unless they all are.
    pub(super) fn texts_by_key(&mut self, path: &[&str]) -> BTreeMap<String, String> {
        let Some(node) = self.tree.at(path) else {
            return BTreeMap::new();
        };
        let entries = node.entries().iter();
        let texts: Option<BTreeMap<String, String>> = entries
            .map(|entry| Some((entry.key.clone(), plain(&entry.node)?)))
            .collect();
        if texts.is_some() {
            self.skip(path);
        }
        texts.unwrap_or_default()
    }

    /// The steps to the items of a list.
    pub(super) fn items(&self, path: &[&str]) -> Vec<String> {
        match self.tree.at(path).map(|node| &node.value) {
            Some(Value::List(items)) => {
                (0..items.len()).map(|index| format!("[{index}]")).collect()
            }
            _ => Vec::new(),
        }
    }

    /// The keys of a map, in the order of the document.
    pub(super) fn keys(&self, path: &[&str]) -> Vec<String> {
        let node = self.tree.at(path);
        let entries = node.map(Node::entries).unwrap_or_default();
        entries.iter().map(|entry| entry.key.clone()).collect()
    }

    /// The notes, and what nobody asked for: the highest values of which no part was.
    pub(super) fn finish(self) -> (Vec<String>, Vec<Unread>) {
        let mut unread = Vec::new();
        collect(self.tree, &mut Vec::new(), &self.read, &mut unread);
        (self.notes, unread)
    }
}

fn plain(node: &Node) -> Option<String> {
    match &node.value {
        Value::Text(text) => Some(text.clone()),
        Value::Bool(_) | Value::Integer(_) | Value::Float(_) => Some(node.to_json().to_string()),
        _ => None,
    }
}

fn collect(
    node: &Node,
    path: &mut Vec<String>,
    read: &BTreeSet<Vec<String>>,
    unread: &mut Vec<Unread>,
) {
    if read.contains(path) {
        return;
    }
    let has_read_part = read.iter().any(|known| known.starts_with(path));
    if !has_read_part {
        unread.push(Unread {
            path: path.clone(),
            place: node.place,
        });
        return;
    }
    match &node.value {
        Value::Map(entries) => {
            for entry in entries {
                path.push(entry.key.clone());
                let before = unread.len();
                collect(&entry.node, path, read, unread);
                let is_one = unread.len() == before + 1;
                if let Some(last) = unread
                    .last_mut()
                    .filter(|last| is_one && last.path == *path)
                {
                    // Where the key stands is where people look.
                    last.place = entry.place;
                }
                path.pop();
            }
        }
        Value::List(items) => {
            for (index, item) in items.iter().enumerate() {
                path.push(format!("[{index}]"));
                collect(item, path, read, unread);
                path.pop();
            }
        }
        _ => {}
    }
}
