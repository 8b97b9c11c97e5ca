//! The JSON schema of a document, for editors and CI pipelines.

use serde_json::{Map, Value, json};

use super::{Definition, Field, Kind};

/// The JSON schema (draft 2020-12) of a kind of document.
pub fn json_schema(definition: &Definition) -> Value {
    let mut schema = object(definition.fields, definition.is_whole);
    if let Some(properties) = schema.get_mut("properties").and_then(Value::as_object_mut) {
        properties.insert(
            "apiVersion".to_owned(),
            json!({"const": definition.api_version}),
        );
        properties.insert("kind".to_owned(), json!({"const": definition.kind}));
    }
    let mut required = vec![json!("apiVersion"), json!("kind")];
    if let Some(Value::Array(more)) = schema.remove("required") {
        required.extend(more);
    }
    schema.insert("required".to_owned(), Value::Array(required));
    schema.insert(
        "$schema".to_owned(),
        json!("https://json-schema.org/draft/2020-12/schema"),
    );
    schema.insert("title".to_owned(), json!(definition.kind));
    schema.insert("description".to_owned(), json!(definition.doc));
    Value::Object(schema)
}

/// The fields of one document of several need not be all there, so none is required by the schema; the description says
/// which a node cannot do without. A document that stands for itself (`is_whole`) requires them.
fn object(fields: &[Field], is_whole: bool) -> Map<String, Value> {
    let properties: Map<String, Value> = fields
        .iter()
        .map(|field| {
            let mut schema = kind(&field.kind, is_whole);
            let doc = if field.is_required && !is_whole {
                format!("{} Required in the merged configuration.", field.doc)
            } else {
                field.doc.to_owned()
            };
            schema.insert("description".to_owned(), json!(doc));
            if !field.default.is_empty() {
                schema.insert("default".to_owned(), default(field));
            }
            (field.name.to_owned(), Value::Object(schema))
        })
        .collect();
    let mut schema = typed("object");
    schema.insert("properties".to_owned(), Value::Object(properties));
    schema.insert("additionalProperties".to_owned(), json!(false));
    let required = fields.iter().filter(|field| field.is_required && is_whole);
    let required: Vec<&str> = required.map(|field| field.name).collect();
    if !required.is_empty() {
        schema.insert("required".to_owned(), json!(required));
    }
    schema
}

fn default(field: &Field) -> Value {
    match field.kind {
        Kind::Flag => json!(field.default == "true"),
        Kind::Count | Kind::Port => field
            .default
            .parse::<u32>()
            .map_or(Value::Null, Value::from),
        Kind::List(_) => serde_json::from_str(field.default).unwrap_or_default(),
        _ => json!(field.default),
    }
}

fn typed(name: &str) -> Map<String, Value> {
    Map::from_iter([("type".to_owned(), json!(name))])
}

fn kind(kind_of_field: &Kind, is_whole: bool) -> Map<String, Value> {
    match kind_of_field {
        Kind::Text => typed("string"),
        Kind::Flag => typed("boolean"),
        Kind::Count => {
            let mut schema = typed("integer");
            schema.insert("minimum".to_owned(), json!(0));
            schema
        }
        Kind::Port => {
            let mut schema = typed("integer");
            schema.insert("minimum".to_owned(), json!(1));
            schema.insert("maximum".to_owned(), json!(u16::MAX));
            schema
        }
        Kind::Duration => {
            let mut schema = typed("string");
            schema.insert("examples".to_owned(), json!(["90s", "10m"]));
            schema
        }
        Kind::Words(words) => Map::from_iter([("enum".to_owned(), json!(words))]),
        Kind::List(item) => {
            let mut schema = typed("array");
            schema.insert("items".to_owned(), Value::Object(kind(item, is_whole)));
            schema
        }
        Kind::WordsOrList(words, item) => Map::from_iter([(
            "anyOf".to_owned(),
            json!([{"enum": words}, kind(&Kind::List(item), is_whole)]),
        )]),
        Kind::Map(value) => {
            let mut schema = typed("object");
            schema.insert(
                "additionalProperties".to_owned(),
                Value::Object(kind(value, is_whole)),
            );
            schema
        }
        Kind::Named(fields, _) | Kind::Object(fields) => object(fields, is_whole),
        Kind::FreeForm => typed("object"),
    }
}
