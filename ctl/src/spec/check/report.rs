//! Problems of a tree, each at the place of the field that it is about.

use node::config::problem::{Problem, field};
use node::config::yaml::{Node, Value};

/// The keys that lead to a field.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(in crate::spec) struct Path(Vec<String>);

impl Path {
    /// The field at these keys of the document.
    pub(in crate::spec) fn of(keys: &[&str]) -> Self {
        Self(keys.iter().map(|key| (*key).to_owned()).collect())
    }

    /// The field of this name below it.
    pub(in crate::spec) fn key(&self, key: &str) -> Self {
        self.below(key.to_owned())
    }

    /// The item of this index below it.
    pub(in crate::spec) fn item(&self, index: usize) -> Self {
        self.below(format!("[{index}]"))
    }

    fn below(&self, step: String) -> Self {
        let mut steps = self.0.clone();
        steps.push(step);
        Self(steps)
    }
}

impl std::fmt::Display for Path {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str(&field(&self.0))
    }
}

/// What was found so far.
#[derive(Debug)]
pub(in crate::spec) struct Report<'a> {
    tree: &'a Node,
    problems: Vec<Problem>,
}

impl<'a> Report<'a> {
    /// Nothing yet.
    pub(in crate::spec) fn new(tree: &'a Node) -> Self {
        Self {
            tree,
            problems: Vec::new(),
        }
    }

    /// Whether the document says something at a path.
    pub(in crate::spec) fn says(&self, path: &Path) -> bool {
        self.tree.at(&path.0).is_some()
    }

    /// The value that the document has at a path.
    pub(in crate::spec) fn node(&self, path: &Path) -> Option<&'a Node> {
        self.tree.at(&path.0)
    }

    /// The item of a list that has this text; the list itself when it has none. The items of a set are in another order
    /// than those of the document.
    pub(in crate::spec) fn item(&self, list: &Path, text: &str) -> Path {
        let items = match self.node(list).map(|node| &node.value) {
            Some(Value::List(items)) => items.as_slice(),
            _ => &[],
        };
        items
            .iter()
            .position(|item| item.text() == Some(text))
            .map_or_else(|| list.clone(), |index| list.item(index))
    }

    /// Nothing can be done with the document while this is so. `help` says what to write instead; it may be empty.
    pub(in crate::spec) fn error(
        &mut self,
        path: &Path,
        detail: impl Into<String>,
        help: impl Into<String>,
    ) {
        self.push(Problem::fatal(&[], detail), path, help.into());
    }

    /// This is allowed, and probably not meant.
    pub(in crate::spec) fn warning(
        &mut self,
        path: &Path,
        detail: impl Into<String>,
        help: impl Into<String>,
    ) {
        self.push(Problem::warning(&[], detail), path, help.into());
    }

    /// Problems of another check, whose paths begin with `before` where this document has them at `path`.
    pub(in crate::spec) fn adopt(&mut self, problems: Vec<Problem>, before: usize, path: &Path) {
        for problem in problems {
            let rest = problem.path.iter().skip(before);
            let path = Path(path.0.iter().chain(rest).cloned().collect());
            let place = problem.place;
            let help = problem.help.clone().unwrap_or_default();
            self.push(problem, &path, help);
            if let (Some(last), Some(_)) = (self.problems.last_mut(), place) {
                last.place = place;
            }
        }
    }

    fn push(&mut self, problem: Problem, path: &Path, help: String) {
        // A field that is not there is shown at what it is missing in.
        let place = (0..=path.0.len()).rev().find_map(|length| {
            let node = self.tree.at(path.0.get(..length)?)?;
            (node.place.line > 0).then_some(node.place)
        });
        self.problems.push(Problem {
            path: path.0.clone(),
            help: (!help.is_empty()).then_some(help),
            place,
            ..problem
        });
    }

    /// All of it.
    pub(in crate::spec) fn into_problems(self) -> Vec<Problem> {
        self.problems
    }
}

/// The question that goes with a word that somebody may have meant; empty when there is none.
pub(in crate::spec) fn did_you_mean(word: &str, candidates: &[&str]) -> String {
    node::nearest::nearest(word, candidates)
        .map_or_else(String::new, |near| format!("did you mean `{near}`?"))
}
