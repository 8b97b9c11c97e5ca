//! JSON documents within properties: what they mean counts, not how they are written.

use serde_json::Value;

/// Whether two texts hold the same JSON document.
pub(super) fn same_document(one: &str, other: &str) -> bool {
    one == other
        || match (serde_json::from_str(one), serde_json::from_str(other)) {
            (Ok::<Value, _>(one), Ok::<Value, _>(other)) => one == other,
            _ => false,
        }
}

/// Whether two texts hold policies that mean the same: to IAM one value is a list of one, and lists have no order.
pub(super) fn same_policy(one: &str, other: &str) -> bool {
    one == other
        || match (serde_json::from_str(one), serde_json::from_str(other)) {
            (Ok(one), Ok(other)) => normal(one) == normal(other),
            _ => false,
        }
}

fn normal(value: Value) -> Value {
    match value {
        Value::Array(items) => {
            let mut items: Vec<Value> = items.into_iter().map(normal).collect();
            items.sort_by_key(ToString::to_string);
            items.dedup();
            if items.len() == 1 {
                items.pop().unwrap_or_default()
            } else {
                Value::Array(items)
            }
        }
        Value::Object(fields) => fields
            .into_iter()
            .map(|(key, value)| (key, normal(value)))
            .collect(),
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn policies_that_mean_the_same_are_the_same() {
        let one =
            r#"{"Statement":[{"Effect":"Allow","Action":["a","b"],"Principal":{"Service":"x"}}]}"#;
        let other = r#"{ "Statement": {"Action": ["b", "a"], "Principal": {"Service": ["x"]}, "Effect": "Allow"} }"#;
        assert!(same_policy(one, other));
        assert!(!same_policy(one, &other.replace("\"a\"", "\"c\"")));
        assert!(!same_policy(one, "{"));
    }

    #[test]
    fn lists_of_other_documents_keep_their_order() {
        assert!(same_document(
            r#"{"a": [1, 2], "b": 3}"#,
            r#"{"b":3,"a":[1,2]}"#
        ));
        assert!(!same_document(r#"{"a":[1,2]}"#, r#"{"a":[2,1]}"#));
    }
}
