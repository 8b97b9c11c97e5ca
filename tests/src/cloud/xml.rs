//! The little XML that the query protocol of AWS needs: no attributes to read, no namespaces, no mixed content.

/// Text with the characters escaped that XML claims for itself.
pub(crate) fn escape(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
}

/// The text of the first element of that name.
pub(crate) fn text(document: &str, name: &str) -> Option<String> {
    element(document, name).map(unescape)
}

/// What is between the tags of the first element of that name; an empty element has nothing.
pub(crate) fn element<'a>(document: &'a str, name: &str) -> Option<&'a str> {
    let (_, rest) = document.split_once(&format!("<{name}>"))?;
    let (content, _) = rest.split_once(&format!("</{name}>"))?;
    Some(content)
}

/// The texts of all elements of that name, wherever they are.
pub(crate) fn texts(document: &str, name: &str) -> Vec<String> {
    let (open, close) = (format!("<{name}>"), format!("</{name}>"));
    let elements = document.split(&open).skip(1);
    elements
        .filter_map(|rest| rest.split_once(&close))
        .map(|(content, _)| unescape(content))
        .collect()
}

/// Name and content of each element that is not within another one.
pub(crate) fn children(content: &str) -> Vec<(&str, &str)> {
    let mut children = Vec::new();
    let mut rest = content;
    while let Some((_, after)) = rest.split_once('<') {
        let Some((name, after)) = after.split_once('>') else {
            break;
        };
        if let Some(empty) = name.strip_suffix('/') {
            children.push((empty.trim_end(), ""));
            rest = after;
        } else if let Some((content, after)) = content_of(name, after) {
            children.push((name, content));
            rest = after;
        } else {
            break;
        }
    }
    children
}

/// What is before the end tag that belongs to a start tag, and what is behind it.
fn content_of<'a>(name: &str, text: &'a str) -> Option<(&'a str, &'a str)> {
    let (open, close) = (format!("<{name}>"), format!("</{name}>"));
    let (mut depth, mut from) = (1, 0);
    loop {
        let rest = text.get(from..)?;
        let end = rest.find(&close)?;
        match rest.find(&open) {
            Some(start) if start < end => {
                depth += 1;
                from += start + open.len();
            }
            _ => {
                depth -= 1;
                from += end + close.len();
            }
        }
        if depth == 0 {
            return Some((text.get(..from - close.len())?, text.get(from..)?));
        }
    }
}

/// What EC2 has answered as parameters of a request for the same: `<ebsSet><item><size>` becomes `PREFIX.Ebs.1.Size`.
pub(crate) fn parameters(content: &str, prefix: &str) -> Vec<(String, String)> {
    let mut parameters = Vec::new();
    for (name, content) in children(content) {
        let (member, is_list) = match name {
            "groupSet" => ("securityGroupId", true),
            name => name
                .strip_suffix("Set")
                .map_or((name, false), |name| (name, true)),
        };
        let mut letters = member.chars();
        let first = letters.next().map(|first| first.to_ascii_uppercase());
        let member: String = first.into_iter().chain(letters).collect();
        let path = format!("{prefix}.{member}");
        let items: Vec<(String, &str)> = if is_list {
            let items = (1..).zip(children(content));
            items
                .map(|(number, (_, item))| (format!("{path}.{number}"), item))
                .collect()
        } else {
            vec![(path, content)]
        };
        for (path, item) in items {
            if children(item).is_empty() {
                parameters.push((path, unescape(item)));
            } else {
                parameters.extend(self::parameters(item, &path));
            }
        }
    }
    parameters
}

fn unescape(text: &str) -> String {
    text.replace("&lt;", "<")
        .replace("&gt;", ">")
        .replace("&quot;", "\"")
        .replace("&apos;", "'")
        .replace("&#39;", "'")
        .replace("&amp;", "&")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_element_of_a_name_is_found() {
        let document = "<a><vpcId>vpc-1</vpcId><item><vpcId>vpc-2</vpcId></item><empty/></a>";
        assert_eq!(text(document, "vpcId").as_deref(), Some("vpc-1"));
        assert_eq!(element(document, "item"), Some("<vpcId>vpc-2</vpcId>"));
        assert_eq!(text(document, "empty"), None);
        assert_eq!(text(document, "subnetId"), None);
    }

    #[test]
    fn an_answer_becomes_the_parameters_of_a_request() {
        let answer = "<tagSet><item><key>a</key><value>1 &lt; 2</value></item><item><key>b</key><value/></item></tagSet><ebs><size>3</size></ebs><groupSet><groupId>sg-1</groupId></groupSet>";
        let parameters = parameters(answer, "Data");
        let pairs: Vec<_> = parameters
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_str()))
            .collect();
        assert_eq!(
            pairs,
            [
                ("Data.Tag.1.Key", "a"),
                ("Data.Tag.1.Value", "1 < 2"),
                ("Data.Tag.2.Key", "b"),
                ("Data.Tag.2.Value", ""),
                ("Data.Ebs.Size", "3"),
                ("Data.SecurityGroupId.1", "sg-1"),
            ]
        );
        let nested = "<item><item>1</item></item><item>2</item>";
        assert_eq!(
            children(nested),
            [("item", "<item>1</item>"), ("item", "2")]
        );
        assert_eq!(texts(answer, "key"), ["a", "b"]);
    }

    #[test]
    fn escaping_and_reading_are_inverse() {
        let message = r#"a < b && "c" > d's"#;
        let document = format!("<Message>{}</Message>", escape(message));
        assert_eq!(text(&document, "Message").as_deref(), Some(message));
    }
}
