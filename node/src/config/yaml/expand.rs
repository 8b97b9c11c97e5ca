//! The flat list of nodes to the tree: aliases and merge keys are expanded, within the limits.

use std::collections::HashMap;

use super::compose::{Content, Raw, too_deep, too_many};
use super::scalar::{self, Tag};
use super::{
    Entry, MAXIMUM_DEPTH, MAXIMUM_TEXT, MAXIMUM_VALUES, Node, Parsed, Place, Remark, Value,
};

/// The tree below `root`, and the warnings in the order of the text.
pub(super) fn expand(
    nodes: &[Raw],
    root: Option<usize>,
    warnings: Vec<Remark>,
) -> Result<Parsed, Remark> {
    let mut expander = Expander {
        nodes,
        values: 0,
        text: 0,
        warnings,
    };
    let root = match root {
        Some(root) => expander.node(root, 0)?,
        None => Node::default(),
    };
    expander.warnings.sort_by_key(|warning| warning.place);
    // An alias that repeats a map repeats what there is to say about it.
    expander.warnings.dedup();
    Ok(Parsed {
        root,
        warnings: expander.warnings,
    })
}

struct Expander<'a> {
    nodes: &'a [Raw],
    values: usize,
    text: usize,
    warnings: Vec<Remark>,
}

impl Expander<'_> {
    /// Recursion is as deep as [`MAXIMUM_DEPTH`] at most.
    fn node(&mut self, index: usize, depth: usize) -> Result<Node, Remark> {
        let Some(raw) = self.nodes.get(index) else {
            return Ok(Node::default());
        };
        self.values += 1;
        if self.values > MAXIMUM_VALUES {
            return Err(too_many(raw.place));
        }
        if depth > MAXIMUM_DEPTH {
            return Err(too_deep(raw.place));
        }
        let value = match &raw.content {
            Content::Scalar { text, plain, tag } => {
                self.text += text.len();
                if self.text > MAXIMUM_TEXT {
                    return Err(Remark {
                        place: raw.place,
                        detail: format!("more than {MAXIMUM_TEXT} bytes of text, aliases included"),
                    });
                }
                scalar::resolve(text.clone(), *plain, tag).map_err(|detail| Remark {
                    place: raw.place,
                    detail,
                })?
            }
            Content::Alias(target) => {
                let target = self.node(*target, depth + 1)?;
                target.value
            }
            Content::List(children) => Value::List(
                children
                    .iter()
                    .map(|child| self.node(*child, depth + 1))
                    .collect::<Result<_, _>>()?,
            ),
            Content::Map(children) => self.map(children, depth)?,
        };
        Ok(Node {
            value,
            place: raw.place,
        })
    }

    /// As goyaml.v2 fills a map: in the order of the document, so that a later merge key overrides an earlier key.
    fn map(&mut self, children: &[usize], depth: usize) -> Result<Value, Remark> {
        let mut map = Growing::default();
        for pair in children.chunks_exact(2) {
            let [key, value] = *pair else { continue };
            if self.is_merge_key(key) {
                for entry in self.merged(value, depth)? {
                    map.insert(entry);
                }
                continue;
            }
            let (key, place) = self.key(key, depth)?;
            let node = self.node(value, depth + 1)?;
            if let Some(earlier) = map.own_key(&key) {
                self.warnings.push(Remark {
                    place,
                    detail: format!(
                        "duplicate key; the value of line {} has no effect",
                        earlier.line
                    ),
                });
            }
            map.own.insert(key.clone(), place);
            map.insert(Entry { key, place, node });
        }
        Ok(Value::Map(map.entries))
    }

    fn key(&mut self, index: usize, depth: usize) -> Result<(String, Place), Remark> {
        let node = self.node(index, depth + 1)?;
        let refused = |what| Remark {
            place: node.place,
            detail: format!("{what} cannot be a key"),
        };
        let key = match &node.value {
            Value::Text(text) => text.clone(),
            Value::Bool(bool) => bool.to_string(),
            Value::Integer(number) => number.to_string(),
            Value::Float(number) => scalar::float_key(*number),
            value @ (Value::Null | Value::List(_) | Value::Map(_)) => {
                return Err(refused(value.name()));
            }
        };
        Ok((key, node.place))
    }

    fn is_merge_key(&self, index: usize) -> bool {
        let Some(Content::Scalar { text, plain, tag }) =
            self.nodes.get(index).map(|raw| &raw.content)
        else {
            return false;
        };
        let is_open = match tag {
            Tag::None => *plain,
            Tag::NonSpecific => true,
            Tag::Core(name) => name == "merge",
            Tag::Other => false,
        };
        text == "<<" && is_open
    }

    /// The entries behind a merge key; of several maps the earlier one wins.
    fn merged(&mut self, index: usize, depth: usize) -> Result<Vec<Entry>, Remark> {
        let node = self.node(index, depth + 1)?;
        let refused = |place| Remark {
            place,
            detail: "a merge key `<<` needs a map or a list of maps".to_owned(),
        };
        match node.value {
            Value::Map(entries) => Ok(entries),
            Value::List(items) => {
                let mut entries = Vec::new();
                for item in items.into_iter().rev() {
                    match item.value {
                        Value::Map(more) => entries.extend(more),
                        _ => return Err(refused(item.place)),
                    }
                }
                Ok(entries)
            }
            _ => Err(refused(node.place)),
        }
    }
}

/// A map while it is filled.
#[derive(Default)]
struct Growing {
    entries: Vec<Entry>,
    positions: HashMap<String, usize>,
    /// Keys that are written here and not merged in.
    own: HashMap<String, Place>,
}

impl Growing {
    fn own_key(&self, key: &str) -> Option<Place> {
        self.own.get(key).copied()
    }

    fn insert(&mut self, entry: Entry) {
        let known = self
            .positions
            .get(&entry.key)
            .and_then(|position| self.entries.get_mut(*position));
        if let Some(known) = known {
            *known = entry;
        } else {
            self.positions.insert(entry.key.clone(), self.entries.len());
            self.entries.push(entry);
        }
    }
}
