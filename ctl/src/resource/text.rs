//! Values that only another thing knows, once it exists.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::Address;

/// What AWS says of a thing once it exists, and others need.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Attribute {
    /// The id by which its API knows it: `vpc-…`, `lt-…`, or the name of what has no other id.
    Id,
    /// Its ARN.
    Arn,
    /// URL of a cluster's API server.
    Endpoint,
    /// Base64 of the PEM text of a cluster's certificate authority.
    CertificateAuthority,
    /// Network of a cluster's services.
    ServiceCidr,
    /// URL of a cluster's OIDC issuer.
    Issuer,
    /// The issuer without its scheme, as policies name it.
    IssuerHost,
    /// Security group that EKS made for a cluster.
    SecurityGroup,
    /// Latest version of a launch template.
    Version,
    /// Public address of an elastic IP.
    PublicIp,
}

/// What is known of a thing that exists.
pub type Outputs = BTreeMap<Attribute, String>;

/// Those attributes that an answer has.
pub fn outputs_of<'a>(answer: impl IntoIterator<Item = (Attribute, Option<&'a str>)>) -> Outputs {
    let known = answer.into_iter();
    known
        .filter_map(|(attribute, value)| Some((attribute, value?.to_owned())))
        .collect()
}

/// A text that may point at an attribute of another thing.
///
/// In JSON a known text is a string and a reference an object with a key that begins with `$`, which neither a tag nor a
/// field of AWS does.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Text {
    /// A text that is known.
    Known(String),
    /// An attribute of another thing.
    Of {
        /// The other thing.
        #[serde(rename = "$of")]
        address: Address,
        /// What of it.
        attribute: Attribute,
    },
    /// Several texts, one after the other.
    Join {
        /// The parts.
        #[serde(rename = "$join")]
        parts: Vec<Text>,
    },
}

impl Text {
    /// The attribute of another thing.
    pub fn of(address: &Address, attribute: Attribute) -> Self {
        Self::Of {
            address: address.clone(),
            attribute,
        }
    }

    /// Several texts, one after the other. What is known of neighbours becomes one part.
    pub fn join(texts: impl IntoIterator<Item = Self>) -> Self {
        let mut parts: Vec<Self> = Vec::new();
        for text in texts {
            match (parts.last_mut(), text) {
                (_, Self::Known(more)) if more.is_empty() => {}
                (Some(Self::Known(known)), Self::Known(more)) => known.push_str(&more),
                (_, text) => parts.push(text),
            }
        }
        if parts.len() > 1 {
            return Self::Join { parts };
        }
        parts.pop().unwrap_or_default()
    }

    /// The text, if it is known.
    pub fn known(&self) -> Option<&str> {
        match self {
            Self::Known(text) => Some(text),
            Self::Of { .. } | Self::Join { .. } => None,
        }
    }
}

impl Default for Text {
    fn default() -> Self {
        Self::Known(String::new())
    }
}

impl From<&str> for Text {
    fn from(text: &str) -> Self {
        Self::Known(text.to_owned())
    }
}

impl From<String> for Text {
    fn from(text: String) -> Self {
        Self::Known(text)
    }
}

/// The things that the references of a JSON document point at.
pub fn references(document: &Value) -> BTreeSet<Address> {
    let mut found = BTreeSet::new();
    collect(document, &mut found);
    found
}

fn collect(value: &Value, found: &mut BTreeSet<Address>) {
    match value {
        Value::Object(fields) => {
            if let Some(Text::Of { address, .. }) = reference(value) {
                found.insert(address);
            }
            for field in fields.values() {
                collect(field, found);
            }
        }
        Value::Array(items) => {
            for item in items {
                collect(item, found);
            }
        }
        _ => {}
    }
}

/// Puts in the place of references what is known. Those that stay are of things that do not exist yet.
pub fn resolve(value: &mut Value, known: &impl Fn(&Address, Attribute) -> Option<String>) {
    if let Some(text) = reference(value) {
        if let Some(text) = resolved(&text, known) {
            *value = Value::String(text);
        }
        return;
    }
    match value {
        Value::Object(fields) => {
            for field in fields.values_mut() {
                resolve(field, known);
            }
        }
        Value::Array(items) => {
            for item in items {
                resolve(item, known);
            }
        }
        _ => {}
    }
}

fn resolved(text: &Text, known: &impl Fn(&Address, Attribute) -> Option<String>) -> Option<String> {
    match text {
        Text::Known(text) => Some(text.clone()),
        Text::Of { address, attribute } => known(address, *attribute),
        Text::Join { parts } => parts.iter().map(|part| resolved(part, known)).collect(),
    }
}

fn reference(value: &Value) -> Option<Text> {
    let fields = value.as_object()?;
    (fields.contains_key("$of") || fields.contains_key("$join"))
        .then(|| serde_json::from_value(value.clone()).ok())
        .flatten()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::resource::Kind;

    fn document() -> Value {
        let vpc = Address::new(Kind::Vpc, "main");
        json!({
            "vpc": Text::of(&vpc, Attribute::Id),
            "text": Text::Join { parts: vec!["a-".into(), Text::of(&vpc, Attribute::Id)] },
            "tags": { "of": "x" },
        })
    }

    #[test]
    fn references_are_found_wherever_they_stand() {
        let found = references(&document());
        assert_eq!(found, BTreeSet::from([Address::new(Kind::Vpc, "main")]));
    }

    #[test]
    fn what_is_known_takes_the_place_of_the_reference() {
        let mut value = document();
        resolve(&mut value, &|_, attribute| {
            (attribute == Attribute::Id).then(|| "vpc-1".to_owned())
        });
        assert_eq!(
            value,
            json!({ "vpc": "vpc-1", "text": "a-vpc-1", "tags": { "of": "x" } })
        );
    }

    #[test]
    fn texts_that_are_known_join_to_one() {
        let id = Text::of(&Address::new(Kind::Vpc, "main"), Attribute::Id);
        assert_eq!(Text::join(["a".into(), "".into(), "b".into()]), "ab".into());
        assert_eq!(Text::join([id.clone()]), id);
        assert_eq!(
            Text::join(["a".into(), "b".into(), id.clone()]),
            Text::Join {
                parts: vec!["ab".into(), id]
            }
        );
    }

    #[test]
    fn what_is_not_known_stays() {
        let mut value = document();
        resolve(&mut value, &|_, _| None);
        assert_eq!(value, document());
    }
}
