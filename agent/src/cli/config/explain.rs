//! `nodeagent config explain`: each field that is set, and the source, line and column that set it.

use std::fmt::Write as _;

use clap::Args;
use node::config::explain::{Setting, explain};
use node::config::problem::told_place;
use node::config::yaml::Node;
use node::config::{Document, schema};
use serde::Serialize;

use crate::cli::{Context, Exit, Sources, output};
use crate::source::Loaded;

use super::Format;

/// The most characters of a value in the table.
const VALUE_WIDTH: usize = 60;

/// Options of `config explain`.
#[derive(Debug, Args)]
pub(in crate::cli) struct Options {
    /// Only this field and those below it, such as `spec.kubelet` or `kubelet.flags`
    #[arg(value_name = "FIELD")]
    field: Option<String>,
    #[command(flatten)]
    sources: Sources,
    /// Print one document instead of a table
    #[arg(short, long, value_name = "FORMAT")]
    output: Option<Format>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Explanation {
    api_version: &'static str,
    kind: &'static str,
    settings: Vec<Row>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Row {
    /// Kind of document that the field is of.
    kind: &'static str,
    field: String,
    value: serde_json::Value,
    set_by: Vec<Source>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Source {
    name: String,
    line: usize,
    column: usize,
    #[serde(skip)]
    told: String,
}

pub(super) async fn run(context: &Context, options: &Options) -> Exit {
    let loaded = match super::load(context, &options.sources).await {
        Ok(loaded) => loaded,
        Err(error) => return super::failed(&error),
    };
    for warning in &loaded.warnings {
        output::warning(warning);
    }
    let settings: Vec<Row> = rows(&loaded)
        .into_iter()
        .filter(|row| {
            options
                .field
                .as_deref()
                .is_none_or(|field| is_within(&row.field, field))
        })
        .collect();
    if let (Some(field), true) = (&options.field, settings.is_empty()) {
        output::error(&format!("no source sets `{field}`"), None);
        return Exit::Failed;
    }
    let Some(format) = options.output else {
        output::data(&table(&settings));
        return Exit::Ok;
    };
    super::print(
        format,
        &Explanation {
            api_version: node::wire::API_VERSION,
            kind: "ConfigExplanation",
            settings,
        },
    )
}

fn rows(loaded: &Loaded) -> Vec<Row> {
    let parts: Vec<&Node> = loaded.parts.iter().collect();
    let of_kind = |kind, settings: Vec<Setting>| {
        settings
            .into_iter()
            .map(move |setting| row(kind, setting, &loaded.documents))
            .collect::<Vec<_>>()
    };
    let mut rows = of_kind(schema::NODE_CONFIG.kind, explain(&loaded.tree, &parts));
    rows.extend(of_kind(
        schema::AGENT_CONFIG.kind,
        explain(&loaded.agent_tree, &[]),
    ));
    rows
}

fn row(kind: &'static str, setting: Setting, documents: &[Document]) -> Row {
    let set_by = setting
        .places
        .iter()
        .map(|place| Source {
            name: documents
                .get(place.document)
                .map(|document| document.name.clone())
                .unwrap_or_default(),
            line: place.line,
            column: place.column,
            told: told_place(*place, documents),
        })
        .collect();
    Row {
        kind,
        field: setting.field,
        value: setting.value,
        set_by,
    }
}

/// Whether a field is the one asked for or below it; `spec.` may be left out.
fn is_within(field: &str, asked: &str) -> bool {
    let below = |asked: &str| {
        field
            .strip_prefix(asked)
            .is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', '[']))
    };
    let asked = asked.trim_end_matches('.');
    below(asked) || below(&format!("spec.{asked}"))
}

fn table(rows: &[Row]) -> String {
    let mut lines = vec![["KIND", "FIELD", "VALUE", "SET BY"].map(str::to_owned)];
    lines.extend(rows.iter().map(|row| {
        let told: Vec<&str> = row
            .set_by
            .iter()
            .map(|source| source.told.as_str())
            .collect();
        [
            row.kind.to_owned(),
            row.field.clone(),
            shortened(&row.value.to_string()),
            told.join("; "),
        ]
    }));
    let width = |column: usize| {
        lines
            .iter()
            .filter_map(|cells| cells.get(column))
            .map(|cell| cell.chars().count())
            .max()
            .unwrap_or_default()
    };
    let widths = [width(0), width(1), width(2)];
    let mut text = String::new();
    for [kind, field, value, told] in &lines {
        let [first, second, third] = widths;
        writeln!(
            text,
            "{kind:first$}   {field:second$}   {value:third$}   {told}"
        )
        .unwrap_or_default();
    }
    text
}

fn shortened(value: &str) -> String {
    if value.chars().count() <= VALUE_WIDTH {
        return value.to_owned();
    }
    let start: String = value.chars().take(VALUE_WIDTH - 1).collect();
    format!("{start}…")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_field_is_asked_for_with_or_without_spec() {
        for asked in [
            "spec.kubelet",
            "kubelet",
            "kubelet.flags",
            "spec.kubelet.flags[0]",
            "kubelet.",
        ] {
            assert!(is_within("spec.kubelet.flags[0]", asked), "{asked}");
        }
        for asked in ["kube", "spec.kubelet.flag", "flags"] {
            assert!(!is_within("spec.kubelet.flags[0]", asked), "{asked}");
        }
    }

    #[test]
    fn the_table_is_aligned_and_long_values_are_cut() {
        let source = |told: &str| Source {
            name: String::new(),
            line: 1,
            column: 1,
            told: told.into(),
        };
        let rows = [
            Row {
                kind: "NodeConfig",
                field: "spec.cluster.name".into(),
                value: "a".into(),
                set_by: vec![source("`x`, line 1, column 2")],
            },
            Row {
                kind: "NodeConfig",
                field: "spec.cluster.certificateAuthority".into(),
                value: "b".repeat(100).into(),
                set_by: vec![source("`y`"), source("`z`")],
            },
        ];
        let table = table(&rows);
        let lines: Vec<&str> = table.lines().collect();
        let column = lines[0].find("SET BY").unwrap();
        assert_eq!(lines[1].get(column..), Some("`x`, line 1, column 2"));
        assert!(lines[2].ends_with("…   `y`; `z`"), "{table}");
    }
}
