//! The little of XML that EC2 answers in: elements and text, read strictly into a tree and looked up by path.
//!
//! No document type, no entities but the five of XML itself and characters by number, a bounded depth: what EC2 never
//! sends is refused, not interpreted. Namespaces are ignored; EC2 has one.

/// EC2's deepest answers have 12 levels.
const MAXIMUM_DEPTH: usize = 32;

/// One element.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Element {
    name: String,
    /// Text directly in it, decoded; only of interest where there are no children.
    text: String,
    children: Vec<Element>,
}

/// Why a text is no document.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("no XML as EC2 answers: {problem} at byte {offset}")]
pub(super) struct Error {
    problem: &'static str,
    offset: usize,
}

impl Element {
    /// The root element of a document.
    pub(super) fn parse(document: &str) -> Result<Self, Error> {
        let mut reader = Reader {
            rest: document,
            length: document.len(),
        };
        reader.skip_misc()?;
        let root = reader.element(0)?;
        reader.skip_misc()?;
        if reader.rest.is_empty() {
            Ok(root)
        } else {
            Err(reader.error("text after the document"))
        }
    }

    /// The first element at this path below this one: names separated by `/`.
    pub(super) fn find(&self, path: &str) -> Option<&Self> {
        self.all(path).into_iter().next()
    }

    /// All elements at this path, in order.
    pub(super) fn all(&self, path: &str) -> Vec<&Self> {
        path.split('/').fold(vec![self], |found, name| {
            found
                .into_iter()
                .flat_map(|element| &element.children)
                .filter(|child| child.name == name)
                .collect()
        })
    }

    /// Text of the first element at this path, without space around it; `None` when it is absent or empty.
    pub(super) fn text(&self, path: &str) -> Option<&str> {
        let text = self.find(path)?.text.trim();
        (!text.is_empty()).then_some(text)
    }

    /// Number in the first element at this path.
    pub(super) fn number(&self, path: &str) -> Option<u32> {
        self.text(path)?.parse().ok()
    }
}

struct Reader<'a> {
    rest: &'a str,
    length: usize,
}

impl<'a> Reader<'a> {
    fn error(&self, problem: &'static str) -> Error {
        Error {
            problem,
            offset: self.length - self.rest.len(),
        }
    }

    /// Takes `token` if it is next.
    fn eat(&mut self, token: &str) -> bool {
        match self.rest.strip_prefix(token) {
            Some(rest) => {
                self.rest = rest;
                true
            }
            None => false,
        }
    }

    /// Takes all up to `end`, and `end` itself.
    fn until(&mut self, end: &str, problem: &'static str) -> Result<&'a str, Error> {
        let Some((before, after)) = self.rest.split_once(end) else {
            return Err(self.error(problem));
        };
        self.rest = after;
        Ok(before)
    }

    /// Space, comments and processing instructions, the XML declaration among them.
    fn skip_misc(&mut self) -> Result<(), Error> {
        loop {
            self.rest = self
                .rest
                .trim_start_matches(['\u{feff}', ' ', '\t', '\r', '\n']);
            if self.eat("<!--") {
                self.until("-->", "a comment that does not end")?;
            } else if self.eat("<?") {
                self.until("?>", "an instruction that does not end")?;
            } else {
                return Ok(());
            }
        }
    }

    fn element(&mut self, depth: usize) -> Result<Element, Error> {
        if depth == MAXIMUM_DEPTH {
            return Err(self.error("elements nested too deep"));
        }
        if !self.eat("<") {
            return Err(self.error("no element"));
        }
        let mut element = Element {
            name: self.name()?.to_owned(),
            ..Element::default()
        };
        if self.attributes()? {
            return Ok(element);
        }
        loop {
            let text = self
                .rest
                .find('<')
                .and_then(|end| self.rest.split_at_checked(end));
            let Some((text, rest)) = text else {
                return Err(self.error("an element that does not end"));
            };
            decode(text, &mut element.text).ok_or_else(|| self.error("an unknown entity"))?;
            self.rest = rest;
            if self.eat("</") {
                if self.name()? != element.name {
                    return Err(self.error("the end of another element"));
                }
                self.rest = self.rest.trim_start();
                if !self.eat(">") {
                    return Err(self.error("an end tag that does not end"));
                }
                return Ok(element);
            }
            if self.eat("<![CDATA[") {
                let text = self.until("]]>", "a CDATA section that does not end")?;
                element.text.push_str(text);
            } else if self.rest.starts_with("<!--") || self.rest.starts_with("<?") {
                self.skip_misc()?;
            } else {
                element.children.push(self.element(depth + 1)?);
            }
        }
    }

    /// A name without its prefix.
    fn name(&mut self) -> Result<&'a str, Error> {
        let is_part =
            |letter: char| letter.is_alphanumeric() || matches!(letter, '_' | '-' | '.' | ':');
        let end = self
            .rest
            .find(|letter| !is_part(letter))
            .unwrap_or(self.rest.len());
        let Some((name, rest)) = self
            .rest
            .split_at_checked(end)
            .filter(|(name, _)| !name.is_empty())
        else {
            return Err(self.error("no name"));
        };
        self.rest = rest;
        Ok(name.rsplit_once(':').map_or(name, |(_, name)| name))
    }

    /// Passes over attributes and the end of the tag; whether the element is empty.
    fn attributes(&mut self) -> Result<bool, Error> {
        loop {
            self.rest = self.rest.trim_start();
            if self.eat("/>") {
                return Ok(true);
            }
            if self.eat(">") {
                return Ok(false);
            }
            self.name()?;
            self.rest = self.rest.trim_start();
            if !self.eat("=") {
                return Err(self.error("an attribute without a value"));
            }
            self.rest = self.rest.trim_start();
            let quote = if self.eat("\"") {
                "\""
            } else if self.eat("'") {
                "'"
            } else {
                return Err(self.error("a value without quotes"));
            };
            self.until(quote, "a value that does not end")?;
        }
    }
}

/// Appends the text with its entities replaced.
fn decode(text: &str, out: &mut String) -> Option<()> {
    let mut parts = text.split('&');
    out.push_str(parts.next().unwrap_or_default());
    for part in parts {
        let (entity, rest) = part.split_once(';')?;
        let character = match entity {
            "amp" => '&',
            "lt" => '<',
            "gt" => '>',
            "quot" => '"',
            "apos" => '\'',
            _ => {
                let number = entity.strip_prefix('#')?;
                let code = match number.strip_prefix('x') {
                    Some(digits) => u32::from_str_radix(digits, 16),
                    None => number.parse(),
                };
                char::from_u32(code.ok()?)?
            }
        };
        out.push(character);
        out.push_str(rest);
    }
    Some(())
}

#[cfg(test)]
mod tests {
    use super::*;

    const DOCUMENT: &str = r#"<?xml version="1.0" encoding="UTF-8"?>
<!-- made by hand -->
<ec2:Answer xmlns:ec2="http://ec2.amazonaws.com/doc/2016-11-15/" note='a > b'>
    <requestId>1</requestId>
    <set>
        <item><name>first &amp; foremost</name><size>4</size></item>
        <item><name><![CDATA[<second>]]></name><inner><name>deeper</name></inner><empty/></item>
        <item><name>&#100;&#x65;f</name></item>
    </set>
</ec2:Answer>
"#;

    #[test]
    fn elements_are_found_by_their_whole_path() {
        let answer = Element::parse(DOCUMENT).unwrap();
        assert_eq!(answer.name, "Answer");
        let names: Vec<_> = answer
            .all("set/item")
            .iter()
            .map(|item| item.text("name").unwrap())
            .collect();
        assert_eq!(names, ["first & foremost", "<second>", "def"]);
        assert_eq!(answer.text("set/item/inner/name"), Some("deeper"));
        assert_eq!(answer.number("set/item/size"), Some(4));
        assert_eq!(answer.number("set/item/name"), None);
        for absent in ["name", "item/name", "set/item/empty", "set/item/other"] {
            assert_eq!(answer.text(absent), None, "{absent}");
        }
    }

    #[test]
    fn what_is_no_whole_document_is_refused() {
        let deep = "<a>".repeat(100_000);
        for document in [
            "",
            "not xml",
            "<a>",
            "<a></b>",
            "<a></a",
            "<a><b></a></b>",
            "<a/><b/>",
            "<a b=c/>",
            "<a>&unknown;</a>",
            "<a>&#xD800;</a>",
            "<a>&amp</a>",
            "<!DOCTYPE a [<!ENTITY b \"c\">]><a>&b;</a>",
            deep.as_str(),
            DOCUMENT.trim_end().trim_end_matches('>'),
        ] {
            let shown: String = document.chars().take(40).collect();
            assert!(Element::parse(document).is_err(), "{shown}");
        }
    }
}
