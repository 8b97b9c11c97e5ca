//! The parser's events to a flat list of nodes, in which an alias is an index.

use std::collections::HashMap;

use granit_parser::{ErrorKind, Event, Marker, Parser, ScalarStyle, ScanError};

use super::expand::expand;
use super::scalar::Tag;
use super::{MAXIMUM_DEPTH, MAXIMUM_VALUES, Parsed, Place, Remark};

/// A node as it is written.
pub(super) struct Raw {
    pub(super) place: Place,
    pub(super) content: Content,
}

/// What a node is. Other nodes are indexes.
pub(super) enum Content {
    Scalar {
        text: String,
        plain: bool,
        tag: Tag,
    },
    List(Vec<usize>),
    /// Keys and values in turn.
    Map(Vec<usize>),
    Alias(usize),
}

pub(super) fn compose(text: &str, document: usize) -> Result<Parsed, Remark> {
    if let Some(remark) = control_character(text, document) {
        return Err(remark);
    }
    let mut composer = Composer {
        document,
        nodes: Vec::new(),
        anchors: HashMap::new(),
        open: Vec::new(),
        root: None,
        has_ended: false,
        warnings: Vec::new(),
    };
    composer.read(text)?;
    let Composer {
        nodes,
        root,
        warnings,
        ..
    } = composer;
    expand(&nodes, root, warnings)
}

/// What no text holds, so that binary data is called what it is.
fn control_character(text: &str, document: usize) -> Option<Remark> {
    let is_control = |character: char| character < ' ' && !matches!(character, '\t' | '\n' | '\r');
    let position = text.find(is_control)?;
    let (before, rest) = text.split_at_checked(position)?;
    let line = before.rsplit('\n').next().unwrap_or_default();
    Some(Remark {
        place: Place {
            document,
            line: before.matches('\n').count() + 1,
            column: line.chars().count() + 1,
        },
        detail: format!(
            "not YAML: the control character U+{:04X}",
            u32::from(rest.chars().next().unwrap_or_default())
        ),
    })
}

struct Composer {
    document: usize,
    nodes: Vec<Raw>,
    anchors: HashMap<usize, usize>,
    /// The lists and maps that have begun and not ended.
    open: Vec<usize>,
    root: Option<usize>,
    /// The first document has ended.
    has_ended: bool,
    warnings: Vec<Remark>,
}

impl Composer {
    fn read(&mut self, text: &str) -> Result<(), Remark> {
        let mut options = granit_parser::Options::default();
        options.set_emit_comments(false);
        for event in Parser::new_from_str_with_options(text, options) {
            let (event, span) = match event {
                Ok(event) => event,
                // What follows the first document is not read, so it may be anything.
                Err(error) if self.has_ended => {
                    self.warnings.push(Remark {
                        place: self.place(*error.marker()),
                        detail: "the document has ended before this, which is not read".to_owned(),
                    });
                    break;
                }
                Err(error) => return Err(self.syntax(&error)),
            };
            let place = self.place(span.start);
            if self.has_ended {
                if matches!(event, Event::DocumentStart(..)) {
                    self.warnings.push(Remark {
                        place,
                        detail: "a second document begins here and is not read".to_owned(),
                    });
                    break;
                }
                continue;
            }
            self.event(event, place)?;
        }
        Ok(())
    }

    fn event(&mut self, event: Event<'_>, place: Place) -> Result<(), Remark> {
        match event {
            Event::Scalar(text, style, anchor, tag) => {
                let tag = tag.as_deref().map_or(Tag::None, kind_of);
                self.add(
                    place,
                    anchor,
                    Content::Scalar {
                        text: text.into_owned(),
                        plain: style == ScalarStyle::Plain,
                        tag,
                    },
                )?;
            }
            Event::SequenceStart(_, anchor, _) => {
                let index = self.add(place, anchor, Content::List(Vec::new()))?;
                self.begin(index, place)?;
            }
            Event::MappingStart(_, anchor, _) => {
                let index = self.add(place, anchor, Content::Map(Vec::new()))?;
                self.begin(index, place)?;
            }
            Event::SequenceEnd | Event::MappingEnd => {
                self.open.pop();
            }
            Event::Alias(anchor) => {
                let target = self.anchors.get(&anchor).copied();
                match target.filter(|target| !self.open.contains(target)) {
                    Some(target) => self.add(place, 0, Content::Alias(target))?,
                    None => {
                        return Err(Remark {
                            place,
                            detail: "an alias that contains itself".to_owned(),
                        });
                    }
                };
            }
            Event::DocumentEnd => self.has_ended = true,
            _ => {}
        }
        Ok(())
    }

    fn add(&mut self, place: Place, anchor: usize, content: Content) -> Result<usize, Remark> {
        let index = self.nodes.len();
        if index >= MAXIMUM_VALUES {
            return Err(too_many(place));
        }
        self.nodes.push(Raw { place, content });
        if anchor != 0 {
            self.anchors.insert(anchor, index);
        }
        match self
            .open
            .last()
            .and_then(|open| self.nodes.get_mut(*open))
            .map(|raw| &mut raw.content)
        {
            Some(Content::List(children) | Content::Map(children)) => children.push(index),
            _ => self.root = Some(index),
        }
        Ok(index)
    }

    fn begin(&mut self, index: usize, place: Place) -> Result<(), Remark> {
        self.open.push(index);
        if self.open.len() > MAXIMUM_DEPTH {
            return Err(too_deep(place));
        }
        Ok(())
    }

    fn place(&self, marker: Marker) -> Place {
        Place {
            document: self.document,
            line: marker.line(),
            column: marker.col() + 1,
        }
    }

    fn syntax(&self, error: &ScanError) -> Remark {
        let detail = match error.kind() {
            ErrorKind::RecursionLimitExceeded => return too_deep(self.place(*error.marker())),
            ErrorKind::TabInBlockIndentation
            | ErrorKind::TabInIndentation
            | ErrorKind::TabNotAllowed => "a tab stands where only spaces may indent".to_owned(),
            ErrorKind::MappingValueNotAllowed => {
                "a `:` cannot stand here; a value that holds `: ` must be quoted".to_owned()
            }
            ErrorKind::UnexpectedCharacter { character } => format!(
                "a value cannot begin with `{}` unless it is quoted",
                character.escape_default()
            ),
            ErrorKind::SimpleKeyExpected | ErrorKind::InvalidSimpleKey => {
                "a `:` is missing after a key, or a line is indented wrongly".to_owned()
            }
            ErrorKind::UnclosedFlowCollection { open } => {
                format!("a `{}` is never closed", open.escape_default())
            }
            ErrorKind::UnclosedQuotedScalar => "a quote is never closed".to_owned(),
            ErrorKind::UnknownAnchor => "an alias names no anchor before it".to_owned(),
            kind => kind.to_string(),
        };
        Remark {
            place: self.place(*error.marker()),
            detail: format!("not YAML: {detail}"),
        }
    }
}

fn kind_of(tag: &granit_parser::Tag) -> Tag {
    match tag.suffix_in_namespace("tag:yaml.org,2002:") {
        Some(name) => Tag::Core(name.into_owned()),
        None if tag.original() == "!" => Tag::NonSpecific,
        None => Tag::Other,
    }
}

pub(super) fn too_deep(place: Place) -> Remark {
    Remark {
        place,
        detail: format!("nested deeper than {MAXIMUM_DEPTH} levels"),
    }
}

pub(super) fn too_many(place: Place) -> Remark {
    Remark {
        place,
        detail: format!("more than {MAXIMUM_VALUES} values, aliases included"),
    }
}
