//! A cluster as a person would write it: in the order of the definition, without what holds anyway.

use node::config::schema::{Field, Kind};
use node::config::write;
use serde::ser::SerializeMap as _;
use serde::{Serialize, Serializer};
use serde_json::Value;

use super::Cluster;
use super::definition::CLUSTER;

/// The text of a `cluster.yaml`.
///
/// # Errors
/// A value has no form in YAML; none of ours.
pub fn to_yaml(cluster: &Cluster) -> Result<String, write::Error> {
    let value = serde_json::to_value(cluster).unwrap_or_default();
    write::yaml(&Document(&value))
}

struct Document<'a>(&'a Value);

impl Serialize for Document<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("apiVersion", CLUSTER.api_version)?;
        map.serialize_entry("kind", CLUSTER.kind)?;
        for field in CLUSTER.fields {
            let value = self.0.get(field.name).unwrap_or(&Value::Null);
            map.serialize_entry(field.name, &Ordered(&field.kind, value))?;
        }
        map.end()
    }
}

/// A value of a kind.
struct Ordered<'a>(&'a Kind, &'a Value);

impl Serialize for Ordered<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match (self.0, self.1) {
            (Kind::Object(fields), value) => {
                let said = fields
                    .iter()
                    .filter_map(|field| Some((field, value.get(field.name)?)))
                    .filter(|(field, value)| says_something(field, value));
                serializer.collect_map(
                    said.map(|(field, value)| (field.name, Ordered(&field.kind, value))),
                )
            }
            (Kind::List(item), Value::Array(items)) => {
                serializer.collect_seq(items.iter().map(|value| Ordered(item, value)))
            }
            (_, value) => value.serialize(serializer),
        }
    }
}

/// An object that says something by being there at all: a role of its own is made.
const ROLE: &str = "role";

/// Whether a field holds something else than without it.
fn says_something(field: &Field, value: &Value) -> bool {
    if field.is_required {
        return true;
    }
    match (&field.kind, value) {
        (Kind::Object(_), Value::Object(_)) if field.name == ROLE => true,
        (Kind::Object(fields), Value::Object(_)) => fields.iter().any(|inner| {
            value
                .get(inner.name)
                .is_some_and(|value| says_something(inner, value))
        }),
        (_, Value::Null) => false,
        (_, Value::String(text)) => !text.is_empty() && *text != field.default,
        (_, Value::Array(items)) if items.is_empty() => field.default.starts_with('['),
        (_, Value::Object(entries)) => !entries.is_empty(),
        // Of a number or a flag the default is written as JSON writes it.
        (_, value) => {
            let written = value.to_string();
            written != field.default
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Files, Vpc, checked, read};
    use super::*;

    const SAID: &str = r#"apiVersion: nodectl.dev/v1alpha1
kind: Cluster
metadata:
  name: small
spec:
  version: "1.34"
  vpc:
    zoneCount: 2
  endpoint:
    private: false
    publicCidrs:
    - 203.0.113.0/24
  nodeGroups:
  - name: workers
    subnets: public
    labels:
      a: b
"#;

    #[test]
    fn what_holds_anyway_is_not_written() {
        let (cluster, _) = read("a.yaml", SAID).0.unwrap();
        let written = to_yaml(&cluster).unwrap();
        assert_eq!(written, SAID);
    }

    /// The network that holds anyway, said.
    fn explicit(mut cluster: Cluster) -> Cluster {
        let cidr = &mut cluster.spec.vpc.cidr;
        cidr.get_or_insert_with(|| Vpc::CIDR.to_owned());
        cluster
    }

    #[test]
    fn what_is_written_is_read_back() {
        for (path, text) in super::super::example::ALL {
            let cluster = checked(path, text, |_| Files::new()).0.unwrap().0;
            let written = to_yaml(&cluster).unwrap();
            let (again, problems) = read("written", &written);
            assert_eq!(problems, [], "{written}");
            assert_eq!(explicit(again.unwrap().0), explicit(cluster), "{written}");
        }
    }
}
