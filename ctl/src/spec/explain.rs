//! The definition for people: `nodectl explain-spec`, the JSON schema and the reference page.

#[cfg(test)]
mod page;

use std::fmt::Write as _;

use node::config::schema::{Field, Kind, json_schema};
use node::nearest::nearest;

use super::definition::CLUSTER;

/// The words that a line of help has at most.
const WIDTH: usize = 100;

/// There is no such field.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{path}` has no field `{field}`")]
pub struct UnknownField {
    /// Path of what was looked into, or the kind of the document.
    pub path: String,
    /// What was looked for in it.
    pub field: String,
    /// The path that was meant, if one is near.
    pub nearest: Option<String>,
    /// The fields that there are; none when what was looked into holds a plain value.
    pub fields: Vec<&'static str>,
}

impl UnknownField {
    /// What to do next.
    pub fn hints(&self) -> Vec<String> {
        match &self.nearest {
            Some(path) => vec![format!("did you mean `{path}`?")],
            None if self.fields.is_empty() => {
                vec![format!("`{}` holds no fields", self.path)]
            }
            None => vec![format!("there are {}", self.fields.join(", "))],
        }
    }
}

/// What stands at a path.
#[derive(Debug, Clone, Copy)]
struct Found<'a> {
    kind: &'a Kind,
    doc: &'a str,
    field: Option<&'a Field>,
}

/// The JSON schema of a `cluster.yaml`, with a line break at the end.
pub fn schema_text() -> String {
    let schema = json_schema(&CLUSTER);
    format!("{schema:#}\n")
}

/// Explains the field at a path such as `spec.nodeGroups.ami`, or the document. Indexes such as `[0]` may be in it, and
/// `spec.` may be left out.
///
/// # Errors
/// When there is no such field.
pub fn explain(path: Option<&str>) -> Result<String, UnknownField> {
    let steps = steps(path.unwrap_or_default());
    let found = find(&steps)?;
    let mut text = format!(
        "KIND:     {}\nVERSION:  {}\n",
        CLUSTER.kind, CLUSTER.api_version
    );
    if let Some(field) = found.field {
        writeln!(
            text,
            "FIELD:    {} <{}>",
            steps.join("."),
            type_name(found.kind)
        )
        .unwrap_or_default();
        if field.is_required {
            text.push_str("REQUIRED: yes\n");
        }
        if !field.default.is_empty() {
            writeln!(text, "DEFAULT:  {}", field.default).unwrap_or_default();
        }
    }
    text.push('\n');
    text.push_str(&wrapped(found.doc, 0));
    if let Kind::Words(words) | Kind::List(Kind::Words(words)) | Kind::WordsOrList(words, _) =
        found.kind
    {
        writeln!(text, "\nWORDS:\n  {}", words.join("\n  ")).unwrap_or_default();
    }
    if let Some(fields) = fields_of(found.kind) {
        text.push_str("\nFIELDS:\n");
        for field in fields {
            let note = match field.default {
                "" if field.is_required => " required".to_owned(),
                "" => String::new(),
                default => format!(" default {default}"),
            };
            writeln!(text, "  {} <{}>{note}", field.name, type_name(&field.kind))
                .unwrap_or_default();
            text.push_str(&wrapped(field.doc, 4));
        }
    }
    Ok(text)
}

/// The names in a path, from the document on.
fn steps(path: &str) -> Vec<String> {
    let names = path
        .split(['.', '['])
        .map(|step| step.trim_end_matches(']'))
        .filter(|step| !step.is_empty() && step.parse::<usize>().is_err());
    let mut steps: Vec<String> = names.map(str::to_owned).collect();
    let is_at_top = |name: &String| CLUSTER.fields.iter().any(|field| field.name == *name);
    let is_of_spec = |name: &String| {
        let spec = CLUSTER.fields.iter().find(|field| field.name == "spec");
        let fields = spec
            .and_then(|spec| fields_of(&spec.kind))
            .unwrap_or_default();
        fields.iter().any(|field| field.name == *name)
    };
    if steps
        .first()
        .is_some_and(|first| !is_at_top(first) && is_of_spec(first))
    {
        steps.insert(0, "spec".to_owned());
    }
    steps
}

fn find(steps: &[String]) -> Result<Found<'static>, UnknownField> {
    const TOP: Kind = Kind::Object(CLUSTER.fields);
    let mut found = Found {
        kind: &TOP,
        doc: CLUSTER.doc,
        field: None,
    };
    for (index, step) in steps.iter().enumerate() {
        let fields = fields_of(found.kind).unwrap_or_default();
        let Some(field) = fields.iter().find(|field| field.name == step) else {
            let before = steps.get(..index).unwrap_or_default();
            return Err(unknown(before, step, fields));
        };
        found = Found {
            kind: &field.kind,
            doc: field.doc,
            field: Some(field),
        };
    }
    Ok(found)
}

fn unknown(before: &[String], step: &str, fields: &'static [Field]) -> UnknownField {
    let names: Vec<&str> = fields.iter().map(|field| field.name).collect();
    let joined = |name: &str| {
        let mut steps: Vec<&str> = before.iter().map(String::as_str).collect();
        steps.push(name);
        steps.join(".")
    };
    let elsewhere = || {
        let mut paths = Vec::new();
        paths_of(CLUSTER.fields, step, &mut Vec::new(), &mut paths);
        // The shallowest one is what most people look for.
        paths
            .into_iter()
            .min_by_key(|path| path.matches('.').count())
    };
    UnknownField {
        path: if before.is_empty() {
            CLUSTER.kind.to_owned()
        } else {
            before.join(".")
        },
        field: step.to_owned(),
        nearest: nearest(step, &names).map(joined).or_else(elsewhere),
        fields: names,
    }
}

fn paths_of(
    fields: &'static [Field],
    name: &str,
    path: &mut Vec<&'static str>,
    found: &mut Vec<String>,
) {
    for field in fields {
        path.push(field.name);
        if field.name.eq_ignore_ascii_case(name) {
            found.push(path.join("."));
        }
        paths_of(
            fields_of(&field.kind).unwrap_or_default(),
            name,
            path,
            found,
        );
        path.pop();
    }
}

/// The fields of an object, or of the objects in a list.
fn fields_of(kind: &Kind) -> Option<&'static [Field]> {
    match kind {
        Kind::Object(fields) | Kind::List(Kind::Object(fields)) | Kind::Named(fields, _) => {
            Some(fields)
        }
        _ => None,
    }
}

fn type_name(kind: &Kind) -> String {
    match kind {
        Kind::Text => "string".to_owned(),
        Kind::Flag => "boolean".to_owned(),
        Kind::Count | Kind::Port => "number".to_owned(),
        Kind::Duration => "duration".to_owned(),
        Kind::Words(_) => "word".to_owned(),
        Kind::List(item) => format!("list of {}s", type_name(item)),
        Kind::WordsOrList(_, item) => format!("word or list of {}s", type_name(item)),
        Kind::Map(value) => format!("map of {}s", type_name(value)),
        Kind::Named(..) | Kind::Object(_) => "object".to_owned(),
        Kind::FreeForm => "any map".to_owned(),
    }
}

/// A sentence in lines, each with so many spaces before it.
fn wrapped(text: &str, indent: usize) -> String {
    let mut wrapped = String::new();
    let mut length = 0;
    for word in text.split_whitespace() {
        let width = word.chars().count();
        if length > 0 && length + 1 + width > WIDTH {
            wrapped.push('\n');
            length = 0;
        }
        if length == 0 {
            wrapped.push_str(&" ".repeat(indent));
            length = indent;
        } else {
            wrapped.push(' ');
            length += 1;
        }
        wrapped.push_str(word);
        length += width;
    }
    wrapped.push('\n');
    wrapped
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::generated;

    #[test]
    fn the_checked_in_schema_is_that_of_the_definition() {
        generated::is_current("docs/reference/cluster.schema.json", &schema_text());
    }

    #[test]
    fn a_field_is_explained_with_its_words_and_default() {
        insta::assert_snapshot!(explain(Some("spec.access.authenticationMode")).unwrap(), @r"
        KIND:     Cluster
        VERSION:  nodectl.dev/v1alpha1
        FIELD:    spec.access.authenticationMode <word>
        DEFAULT:  API_AND_CONFIG_MAP

        Where EKS looks for who may enter: access entries, the ConfigMap `kube-system/aws-auth`, or both. It
        can only be changed towards `API`.

        WORDS:
          API
          API_AND_CONFIG_MAP
          CONFIG_MAP
        ");
    }

    #[test]
    fn an_object_is_explained_with_its_fields() {
        insta::assert_snapshot!(explain(Some("nodeGroups[0].scaling")).unwrap(), @r"
        KIND:     Cluster
        VERSION:  nodectl.dev/v1alpha1
        FIELD:    spec.nodeGroups.scaling <object>

        How many nodes.

        FIELDS:
          min <number> default 1
            At least so many.
          max <number>
            At most so many; by default the larger of `min`, `desired` and 1.
          desired <number>
            So many at first; by default `min`. What an autoscaler or a person made of it later is left.
        ");
        let document = explain(None).unwrap();
        assert!(
            document.contains("  spec <object> required\n"),
            "{document}"
        );
        let taint = explain(Some("spec.nodeGroups.taints.key")).unwrap();
        assert!(taint.contains("\nREQUIRED: yes\n"), "{taint}");
    }

    #[test]
    fn a_path_that_is_none_names_the_one_that_was_meant() {
        let miss = |path: &str| explain(Some(path)).unwrap_err();
        let near = miss("spec.nodeGroups.labls");
        assert_eq!(near.to_string(), "`spec.nodeGroups` has no field `labls`");
        assert_eq!(near.hints(), ["did you mean `spec.nodeGroups.labels`?"]);
        // The one that is nowhere near is somewhere else.
        assert_eq!(
            miss("spec.hopLimit").hints(),
            ["did you mean `spec.nodeGroups.imds.hopLimit`?"]
        );
        assert_eq!(
            miss("taints").hints(),
            ["did you mean `spec.nodeGroups.taints`?"]
        );
        assert_eq!(
            miss("spec.version.minor").hints(),
            ["`spec.version` holds no fields"]
        );
        assert_eq!(miss("frobnicate").hints(), ["there are metadata, spec"]);
        assert_eq!(
            miss("frobnicate").to_string(),
            "`Cluster` has no field `frobnicate`"
        );
    }
}
