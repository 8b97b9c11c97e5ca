//! The reference page, `docs/reference/cluster-yaml.md`: written from the definition, so that it cannot differ from it.

use std::fmt::Write as _;

use node::config::schema::{AGENT_SPEC, Field, Kind};

use super::{fields_of, type_name};
use crate::generated;
use crate::spec::CLUSTER;

const HEAD: &str = "# cluster.yaml

This page is generated from the definition that `nodectl config check` and `nodectl explain-spec` use; `UPDATE=1 make unit`
writes it. A field that is not here is refused. [The JSON schema](cluster.schema.json) says the same to editors and CI
pipelines; whole files are in [examples/clusters](../../examples/clusters).
";

/// Text in which nothing ends a cell or is taken for markup.
fn plain(text: &str) -> String {
    text.replace('|', "\\|")
        .replace('<', "&lt;")
        .replace('*', "\\*")
}

fn section(path: &str, doc: &str, fields: &[Field], page: &mut String) {
    write!(page, "\n## {path}\n\n{}\n\n", plain(doc)).unwrap();
    page.push_str("| Field | Type | Default | Meaning |\n|---|---|---|---|\n");
    for field in fields {
        let kind = match field.kind {
            Kind::Words(words) => words
                .iter()
                .map(|word| format!("`{word}`"))
                .collect::<Vec<_>>()
                .join(", "),
            kind => type_name(&kind),
        };
        let default = match field.default {
            "" if field.is_required => "required".to_owned(),
            "" => String::new(),
            default => format!("`{default}`"),
        };
        writeln!(
            page,
            "| `{}` | {kind} | {default} | {} |",
            field.name,
            plain(field.doc)
        )
        .unwrap();
    }
    for field in fields {
        // The agent's settings have a page of their own.
        let Some(below) =
            fields_of(&field.kind).filter(|below| below.as_ptr() != AGENT_SPEC.as_ptr())
        else {
            continue;
        };
        let list = if matches!(field.kind, Kind::List(_)) {
            "[]"
        } else {
            ""
        };
        let path = format!("{path}.{}{list}", field.name);
        section(&path, field.doc, below, page);
    }
}

#[test]
fn the_checked_in_page_is_that_of_the_definition() {
    let mut page = HEAD.to_owned();
    for field in CLUSTER.fields {
        let fields = fields_of(&field.kind).unwrap();
        section(field.name, field.doc, fields, &mut page);
    }
    page.push_str("\nWhat `agentConfig` holds is the `spec` of an AgentConfig: [its JSON schema](agent-config.schema.json).\n");
    generated::is_current("docs/reference/cluster-yaml.md", &page);
}
