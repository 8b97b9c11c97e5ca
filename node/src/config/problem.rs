//! One thing that is wrong with a configuration: what, how bad, where.

use super::Document;
use super::yaml::{Node, Place};

/// How many problems of one document are told.
const MAXIMUM_PROBLEMS: usize = 100;

/// Something that a configuration lacks or that cannot be right.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// The keys that lead to the field, such as `spec`, `kubelet`, `flags`, `[0]`; empty for a document as a whole.
    pub path: Vec<String>,
    /// What is wrong, as a claim about the field. Holds nothing that can be secret.
    pub detail: String,
    /// What to write instead, such as ``did you mean `flags`?``.
    pub help: Option<String>,
    /// True when the node cannot start with it; nodeadm refuses it as well. Otherwise the join is tried. Of a document of
    /// `nodectl`, true when nothing is done with it.
    pub prevents_start: bool,
    /// Where it stands; `None` when that is not known, or when the field is missing.
    pub place: Option<Place>,
}

impl Problem {
    /// A problem that the node cannot start with, or that no cluster can be made with.
    pub fn fatal(path: &[&str], detail: impl Into<String>) -> Self {
        Self {
            path: path.iter().map(|step| (*step).to_owned()).collect(),
            detail: detail.into(),
            help: None,
            prevents_start: true,
            place: None,
        }
    }

    /// A problem in spite of which the join is tried.
    pub fn warning(path: &[&str], detail: impl Into<String>) -> Self {
        Self {
            prevents_start: false,
            ..Self::fatal(path, detail)
        }
    }

    /// The same with what to write instead.
    #[must_use]
    pub fn with_help(mut self, help: Option<String>) -> Self {
        self.help = help;
        self
    }

    /// The same at a place.
    #[must_use]
    pub fn at(mut self, place: Place) -> Self {
        self.place = Some(place);
        self
    }

    /// The same, placed where its field stands in `tree`, if it stands there.
    #[must_use]
    pub fn located(mut self, tree: &Node) -> Self {
        if self.place.is_none() {
            self.place = tree.at(&self.path).map(|node| node.place);
        }
        self
    }

    /// A NodeConfig where only settings of the agent may be.
    pub fn not_an_agent_config(tree: &Node) -> Self {
        let problem = Self::fatal(&[], "a NodeConfig where only an AgentConfig may be");
        match tree.get("kind") {
            Some(kind) => problem.at(kind.place),
            None => problem,
        }
    }

    /// The path as people write it, such as `spec.kubelet.flags[0]`.
    pub fn field(&self) -> String {
        field(&self.path)
    }

    /// The problem with its place before it, such as `the user data, line 5, column 12: …`.
    pub fn told(&self, documents: &[Document]) -> String {
        match self.place {
            Some(place) => format!("{}: {self}", told_place(place, documents)),
            None => self.to_string(),
        }
    }
}

impl std::fmt::Display for Problem {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if !self.path.is_empty() {
            write!(formatter, "`{}` ", self.field())?;
        }
        formatter.write_str(&self.detail)?;
        match &self.help {
            Some(help) => write!(formatter, "; {help}"),
            None => Ok(()),
        }
    }
}

/// A place as people say it, such as `the user data, line 5, column 12`.
pub fn told_place(place: Place, documents: &[Document]) -> String {
    let name = documents
        .get(place.document)
        .map_or("the configuration", |document| document.name.as_str());
    format!("{name}, line {}, column {}", place.line, place.column)
}

/// A path of keys as people write it.
pub fn field<S: AsRef<str>>(path: &[S]) -> String {
    let mut text = String::new();
    for step in path {
        let step = step.as_ref();
        if !text.is_empty() && !step.starts_with('[') {
            text.push('.');
        }
        text.push_str(step);
    }
    text
}

/// The first problems, those that prevent a start before all others; a hostile document has one for each of its bytes.
pub fn bounded(mut problems: Vec<Problem>) -> Vec<Problem> {
    if problems.len() > MAXIMUM_PROBLEMS {
        problems.sort_by_key(|problem| !problem.prevents_start);
        let left_out = problems.len() - MAXIMUM_PROBLEMS;
        problems.truncate(MAXIMUM_PROBLEMS);
        problems.push(Problem::warning(
            &[],
            format!("{left_out} more problems are not told one by one"),
        ));
    }
    problems
}
