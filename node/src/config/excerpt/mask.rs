//! A line of a document without its secrets. Works on text that does not parse, so it knows keys and indentation only,
//! and masks too much rather than too little.

/// Words that make a name that of a secret.
const SECRET_WORDS: [&str; 12] = [
    "accesskey",
    "apikey",
    "auth",
    "credential",
    "keydata",
    "passphrase",
    "passwd",
    "password",
    "private",
    "pwd",
    "secret",
    "token",
];
/// Words with one of these in them that are not.
const HARMLESS: [&str; 4] = [
    "authority",
    "authentication",
    "authorization",
    "credentialprovider",
];
/// The map whose values are the user's own.
const ENVIRONMENT: &str = "environment";
const MASK: &str = "***";

/// A line that can be shown.
pub(super) struct Masked {
    pub(super) text: String,
    /// How many characters at its start are as in the document.
    pub(super) shown: usize,
}

/// Line `index` (from 0) of a document, masked; empty behind its end, which is a place too.
pub(super) fn line(text: &str, index: usize) -> Masked {
    lines(text).nth(index).unwrap_or(Masked {
        text: String::new(),
        shown: 0,
    })
}

/// All lines of a document, masked.
pub(super) fn lines(text: &str) -> impl Iterator<Item = Masked> {
    let mut scope = Scope::None;
    text.lines().map(move |line| {
        if scope.holds(line) {
            let shown = scope.masked(line);
            scope.enter(line);
            shown
        } else {
            scope = Scope::after(line);
            masked(line)
        }
    })
}

/// What the lines after a key belong to.
#[derive(Debug, Clone, Copy)]
enum Scope {
    None,
    /// Values below a key: everything deeper than it, and everything before its brackets are closed.
    Values {
        indent: usize,
        /// Brackets that are open.
        depth: usize,
        /// Whether the keys of the lines may be shown.
        has_keys: bool,
    },
}

impl Scope {
    /// The scope that a line opens, if it holds a key with a secret below it.
    fn after(line: &str) -> Self {
        let Some((position, has_keys)) = secret(line) else {
            return Self::None;
        };
        Self::Values {
            indent: indent(line),
            depth: opened(line.get(position..).unwrap_or_default(), 0),
            has_keys,
        }
    }

    fn holds(&self, line: &str) -> bool {
        match self {
            Self::None => false,
            Self::Values {
                indent: above,
                depth,
                ..
            } => {
                *depth > 0
                    || line.trim().is_empty()
                    || indent(line) > *above
                    // A list may stand at the indentation of its key.
                    || (indent(line) == *above && line.trim_start().starts_with("- "))
            }
        }
    }

    fn enter(&mut self, line: &str) {
        if let Self::Values { depth, .. } = self {
            *depth = opened(line, *depth);
        }
    }

    fn masked(&self, line: &str) -> Masked {
        let has_keys = matches!(self, Self::Values { has_keys: true, .. });
        let end = if has_keys { key_end(line) } else { None };
        cut(
            line,
            end.unwrap_or_else(|| line.len() - line.trim_start().len()),
        )
    }
}

/// A line that is in no secret's scope: what is behind a secret name goes, and what looks like a credential.
fn masked(line: &str) -> Masked {
    if let Some((position, _)) = secret(line) {
        return cut(line, position);
    }
    let text = crate::redact::text(line).replace("[redacted]", MASK);
    let shown = text
        .chars()
        .zip(line.chars())
        .take_while(|(left, right)| left == right)
        .count();
    Masked { text, shown }
}

/// The line up to byte `position`, and a mask if there was more.
fn cut(line: &str, position: usize) -> Masked {
    let (shown, hidden) = line.split_at_checked(position).unwrap_or(("", line));
    let is_empty = hidden.trim().is_empty();
    let mut text = crate::redact::text(shown).replace("[redacted]", MASK);
    let shown = text.chars().count();
    if !is_empty {
        if !text.ends_with(' ') && !text.is_empty() {
            text.push(' ');
        }
        text.push_str(MASK);
    }
    Masked { text, shown }
}

/// Where the value of the first secret name in a line begins, and whether keys below it may be shown.
fn secret(line: &str) -> Option<(usize, bool)> {
    let mut start = None;
    for (position, character) in line.char_indices() {
        if character.is_ascii_alphanumeric() || "_-.".contains(character) {
            start.get_or_insert(position);
            continue;
        }
        let Some(begin) = start else { continue };
        let name = line.get(begin..position).unwrap_or_default();
        let rest = line.get(position..).unwrap_or_default();
        let after = rest.trim_start_matches(['"', '\'']).trim_start();
        if after.starts_with([':', '=']) {
            let value = line.len() - after.len() + 1;
            if name.eq_ignore_ascii_case(ENVIRONMENT) {
                return Some((value, true));
            }
            if is_secret(name) {
                return Some((value, false));
            }
        }
        start = None;
    }
    None
}

/// Whether a name is that of a secret.
pub(in crate::config) fn is_secret(name: &str) -> bool {
    let mut name = name.to_ascii_lowercase().replace(['-', '_', '.'], "");
    for harmless in HARMLESS {
        name = name.replace(harmless, "");
    }
    SECRET_WORDS.iter().any(|word| name.contains(word))
}

fn indent(line: &str) -> usize {
    line.chars()
        .take_while(|character| character.is_whitespace())
        .count()
}

/// The end of the `key:` that a line begins with.
fn key_end(line: &str) -> Option<usize> {
    let trimmed = line.trim_start();
    let offset = line.len() - trimmed.len();
    let colon = trimmed.find(':')?;
    let key = trimmed.get(..colon)?.trim_matches(['"', '\'']);
    let is_key = !key.is_empty()
        && key
            .chars()
            .all(|character| character.is_ascii_alphanumeric() || "_-.@".contains(character));
    let after = trimmed.get(colon + 1..)?;
    (is_key && (after.is_empty() || after.starts_with(' '))).then_some(offset + colon + 1)
}

/// How many brackets are open after `text` when `depth` were before.
fn opened(text: &str, depth: usize) -> usize {
    text.chars()
        .fold(depth, |depth, character| match character {
            '{' | '[' => depth + 1,
            '}' | ']' => depth.saturating_sub(1),
            _ => depth,
        })
}
