//! `key=value` pairs as klog and logfmt write them: Go-quoted strings, JSON values, bare words.
//!
//! Pairs are read lazily and borrow from the line where they can: most lines are looked at for one key, and most lines
//! are not looked at at all.

use std::borrow::Cow;

/// Reads the pairs of a text; stops at the first thing that is not a pair.
#[derive(Debug, Clone)]
pub(super) struct Pairs<'a> {
    rest: &'a str,
}

impl<'a> Pairs<'a> {
    pub(super) fn new(text: &'a str) -> Self {
        Self { rest: text }
    }
}

impl<'a> Iterator for Pairs<'a> {
    type Item = (&'a str, Cow<'a, str>);

    fn next(&mut self) -> Option<Self::Item> {
        let text = self.rest.trim_start();
        let (key, value) = text.split_once('=')?;
        if key.is_empty()
            || key.contains(|character: char| character.is_whitespace() || character == '"')
        {
            return None;
        }
        let (value, rest) = value_of(value)?;
        self.rest = rest;
        Some((key, value))
    }
}

fn value_of(text: &str) -> Option<(Cow<'_, str>, &str)> {
    match text.as_bytes().first() {
        Some(b'"') => unquote(text),
        Some(b'{' | b'[') => {
            let (value, rest) = text.split_at_checked(json_end(text))?;
            Some((Cow::Borrowed(value), rest))
        }
        // klog's form for text with line feeds: `err=<`, the lines behind a tab each, ` >`. journald hands the lines over
        // one by one, so usually only the opening is here.
        Some(b'<') if text.starts_with("<\n") || text == "<" => {
            let body = text.strip_prefix("<\n").unwrap_or_default();
            let (body, rest) = body.split_once("\n >").unwrap_or((body, ""));
            Some((
                Cow::Owned(
                    body.replace("\n\t", "\n")
                        .trim_start_matches('\t')
                        .to_owned(),
                ),
                rest,
            ))
        }
        _ => {
            let end = text.find(char::is_whitespace).unwrap_or(text.len());
            let (value, rest) = text.split_at_checked(end)?;
            Some((Cow::Borrowed(value), rest))
        }
    }
}

/// Length of the JSON value that begins the text; the whole text when it does not end.
fn json_end(text: &str) -> usize {
    let (mut depth, mut quoted, mut escaped) = (0_usize, false, false);
    for (index, byte) in text.bytes().enumerate() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if quoted => escaped = true,
            b'"' => quoted = !quoted,
            b'{' | b'[' if !quoted => depth += 1,
            b'}' | b']' if !quoted => {
                depth = depth.saturating_sub(1);
                if depth == 0 {
                    return index + 1;
                }
            }
            _ => {}
        }
    }
    text.len()
}

/// Reads a string in Go's `strconv.Quote` form from the start of a text: its value, and what follows the closing quote.
/// A string that was cut off before its closing quote has the value that is there.
pub(super) fn unquote(text: &str) -> Option<(Cow<'_, str>, &str)> {
    let body = text.strip_prefix('"')?;
    let plain = body.find(['"', '\\']).unwrap_or(body.len());
    let (start, rest) = body.split_at_checked(plain)?;
    if !rest.starts_with('\\') {
        return Some((
            Cow::Borrowed(start),
            rest.strip_prefix('"').unwrap_or_default(),
        ));
    }
    let mut value = start.to_owned();
    let mut characters = rest.chars();
    while let Some(character) = characters.next() {
        match character {
            '"' => break,
            '\\' => match characters.next() {
                Some('n') => value.push('\n'),
                Some('t') => value.push('\t'),
                Some('r') => value.push('\r'),
                Some('x') => push_code(&mut value, &mut characters, 2),
                Some('u') => push_code(&mut value, &mut characters, 4),
                Some('U') => push_code(&mut value, &mut characters, 8),
                Some(other) => value.push(other),
                None => break,
            },
            other => value.push(other),
        }
    }
    Some((Cow::Owned(value), characters.as_str()))
}

fn push_code(value: &mut String, characters: &mut std::str::Chars<'_>, digits: usize) {
    let code: String = characters.by_ref().take(digits).collect();
    let character = u32::from_str_radix(&code, 16).ok().and_then(char::from_u32);
    value.push(character.unwrap_or(char::REPLACEMENT_CHARACTER));
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pairs(text: &str) -> Vec<(&str, String)> {
        Pairs::new(text)
            .map(|(key, value)| (key, value.into_owned()))
            .collect()
    }

    #[test]
    fn quoted_bare_and_json_values_are_told_apart() {
        assert_eq!(
            pairs(
                r#" err="Get \"https://x/\": EOF" node="ip-1" interval="7s" n=3 pods=["a/b","c]d"] o={"a":{"b":1}}"#
            ),
            [
                ("err", r#"Get "https://x/": EOF"#.to_owned()),
                ("node", "ip-1".into()),
                ("interval", "7s".into()),
                ("n", "3".into()),
                ("pods", r#"["a/b","c]d"]"#.into()),
                ("o", r#"{"a":{"b":1}}"#.into()),
            ]
        );
    }

    #[test]
    fn a_value_of_several_lines_is_one_value() {
        assert_eq!(
            pairs("err=<\n\tfirst\n\tsecond\n > node=\"a\""),
            [("err", "first\nsecond".into()), ("node", "a".into())]
        );
        assert_eq!(pairs("err=<"), [("err", String::new())]);
    }

    #[test]
    fn what_is_cut_off_or_no_pair_ends_the_pairs() {
        assert_eq!(pairs(r#"err="cut of"#), [("err", "cut of".to_owned())]);
        assert_eq!(pairs(r"err=[1,2"), [("err", "[1,2".to_owned())]);
        assert_eq!(pairs("no pairs = here"), []);
        assert_eq!(pairs(r#"a="\x41\u00e9\q\""#), [("a", "Aéq\"".to_owned())]);
    }
}
