//! The page of a plan for change requests.

use super::{FieldLines, field_lines, headed, said, totals};
use crate::plan::change::{Action, Change, FieldChange};
use crate::plan::saved::PlanDocument;

/// The plan as Markdown, as GitHub and GitLab read it.
pub fn markdown(document: &PlanDocument) -> String {
    let plan = &document.plan;
    let mut lines = vec![format!(
        "## Plan for cluster {} in {}",
        code(&plan.cluster),
        plan.region
    )];
    let changes: Vec<&Change> = headed(document)
        .into_iter()
        .flat_map(|(_, changes)| changes)
        .collect();
    if !changes.is_empty() {
        lines.push(String::new());
        lines.push("| | thing | what |".to_owned());
        lines.push("|---|---|---|".to_owned());
    }
    lines.extend(changes.iter().map(|change| row(change)));
    lines.extend(changes.iter().flat_map(|change| differences(change)));
    for (index, line) in totals(document).iter().enumerate() {
        match index {
            0 => lines.extend([String::new(), format!("**{line}**"), String::new()]),
            _ if line.starts_with(' ') => lines.push(format!("  - {}", line.trim())),
            _ => lines.push(format!("- {line}")),
        }
    }
    for warning in &plan.warnings {
        lines.push(format!("\n> **Warning:** {}", escaped(warning)));
    }
    lines.push(format!(
        "\nAccount {}, made {}, fingerprint {}.\n",
        plan.account,
        plan.made_at,
        code(plan.fingerprint.get(..12).unwrap_or_default())
    ));
    lines.join("\n")
}

fn row(change: &Change) -> String {
    format!(
        "| {} | {} | {} |",
        verb(change.action),
        code(&change.address.to_string()),
        what(change)
    )
}

fn verb(action: Action) -> &'static str {
    match action {
        Action::Keep => "keep",
        Action::Wait => "wait for",
        Action::Create => "create",
        Action::Change => "change",
        Action::Replace => "**replace**",
        Action::Delete => "**delete**",
    }
}

/// What is said of a change, and its properties that fit on a line.
fn what(change: &Change) -> String {
    let mut parts = vec![escaped(&said(change))];
    if matches!(change.action, Action::Change | Action::Replace) {
        parts.extend(change.fields.iter().map(|field| match field_lines(field) {
            FieldLines::One(line) => format!("{}: {}", code(&field.path), escaped(&line)),
            FieldLines::Several(_) => format!("{}: see below", code(&field.path)),
        }));
    }
    parts.retain(|part| !part.is_empty());
    parts.join("<br>")
}

/// The properties that do not fit on a line, as blocks.
fn differences(change: &Change) -> Vec<String> {
    if !matches!(change.action, Action::Change | Action::Replace) {
        return Vec::new();
    }
    let block = |field: &FieldChange| {
        let FieldLines::Several(lines) = field_lines(field) else {
            return None;
        };
        let fence = fence(&lines);
        Some(format!(
            "\n{} of {}:\n\n{fence}diff\n{}\n{fence}",
            code(&field.path),
            code(&change.address.to_string()),
            lines.join("\n")
        ))
    };
    change.fields.iter().filter_map(block).collect()
}

/// Longer than any run of backticks in the block.
fn fence(lines: &[String]) -> String {
    let mut fence = "```".to_owned();
    while lines.iter().any(|line| line.contains(&fence)) {
        fence.push('`');
    }
    fence
}

fn code(text: &str) -> String {
    format!("`{}`", text.replace('`', "'").replace('|', "\\|"))
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('|', "\\|")
}
