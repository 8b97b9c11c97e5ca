//! What the daemon is told to watch: units that can be, codes that there are.

use super::super::yaml::{Node, Value};
use super::{Problem, is_unit_name};
use crate::finding;
use crate::nearest::nearest;
use crate::rule;

/// All problems of `spec.watch`.
pub(super) fn check(tree: &Node, user_codes: &[&str]) -> Vec<Problem> {
    let mut problems = Vec::new();
    for (path, unit) in texts(tree, "units") {
        if !is_unit_name(unit) {
            problems
                .push(Problem::warning(&path_of(&path), "is not the name of a unit").located(tree));
        }
    }
    for (path, code) in texts(tree, "disabledRules") {
        if let Some((detail, help)) = not_disabled(code, user_codes) {
            let problem = Problem::warning(&path_of(&path), detail).with_help(help);
            problems.push(problem.located(tree));
        }
    }
    problems
}

/// Why there is nothing to disable under this code, and what was meant; `None` if there is.
pub fn not_disabled(code: &str, user_codes: &[&str]) -> Option<(&'static str, Option<String>)> {
    let shipped = rule::all().map(|rule| rule.finding.code);
    let known: Vec<&str> = shipped.chain(user_codes.iter().copied()).collect();
    if known.contains(&code) {
        return None;
    }
    if finding::by_code(code).is_some() {
        return Some((
            "is found by no rule of the daemon, so there is none to disable",
            None,
        ));
    }
    let help = nearest(code, &known).map(|code| format!("did you mean `{code}`?"));
    Some(("is the code of no rule", help))
}

fn texts<'a>(tree: &'a Node, list: &str) -> Vec<([String; 4], &'a str)> {
    let path = ["spec", "watch", list];
    let items = match tree.at(&path).map(|node| &node.value) {
        Some(Value::List(items)) => items.as_slice(),
        _ => &[],
    };
    let items = items.iter().enumerate();
    let items = items.filter_map(|(index, item)| {
        let [spec, watch, list] = path.map(str::to_owned);
        Some(([spec, watch, list, format!("[{index}]")], item.text()?))
    });
    items.collect()
}

fn path_of(path: &[String; 4]) -> [&str; 4] {
    path.each_ref().map(String::as_str)
}
