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
    fn escaping_and_reading_are_inverse() {
        let message = r#"a < b && "c" > d's"#;
        let document = format!("<Message>{}</Message>", escape(message));
        assert_eq!(text(&document, "Message").as_deref(), Some(message));
    }
}
