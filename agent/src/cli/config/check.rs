//! `nodeagent config check`: every problem of every document, each shown in its line.

use std::path::Path;

use clap::Args;
use node::chain::Chain;
use node::config::problem::Problem;
use node::config::{check, excerpt};

use crate::cli::{Context, Exit, Name, output};
use crate::host::standard_input;
use crate::source::{self, Error, Gathered, Loaded, Location};

/// How many problems are shown.
const SHOWN: usize = 100;

/// Options of `config check`.
#[derive(Debug, Args)]
pub(in crate::cli) struct Options {
    /// Files to check besides the sources; `-` is standard input. Each is YAML, JSON or whole MIME user data
    #[arg(value_name = "FILE")]
    files: Vec<String>,
    /// Where configuration comes from; given several times, later wins, and files win over sources: `imds://user-data` (the
    /// default when no FILE is given) or `file:///PATH`
    #[arg(short = 'c', long = "config-source", value_name = "URI")]
    sources: Vec<Location>,
    /// Refuse what only deserves a warning; always so unless called as `nodeadm`
    #[arg(long)]
    strict: bool,
}

impl Options {
    fn sources(&self) -> &[Location] {
        if self.sources.is_empty() && self.files.is_empty() {
            &[Location::UserData]
        } else {
            &self.sources
        }
    }
}

/// What was found.
#[derive(Default)]
struct Report {
    /// What nodeadm refuses too.
    errors: usize,
    warnings: usize,
    not_shown: usize,
}

impl Report {
    fn error(&mut self, text: &str) {
        self.errors += 1;
        output::error(text, None);
    }

    fn warning(&mut self, text: &str) {
        self.warnings += 1;
        output::warning(text);
    }

    fn problem(&mut self, problem: &Problem, documents: &[node::config::Document]) {
        if problem.prevents_start {
            self.errors += 1;
        } else {
            self.warnings += 1;
        }
        if self.errors + self.warnings > SHOWN {
            self.not_shown += 1;
        } else {
            output::block(&format!("{}\n", excerpt::render(problem, documents)));
        }
    }

    /// Says how it ended in one line.
    fn end(&self, documents: usize, strict: bool) -> Exit {
        let refused = self.errors > 0 || (strict && self.warnings > 0);
        let counted = |number: usize, noun: &str| {
            let plural = if number == 1 { "" } else { "s" };
            format!("{number} {noun}{plural}")
        };
        if self.not_shown > 0 {
            output::block(&format!("{} more", counted(self.not_shown, "problem")));
        }
        output::block(&format!(
            "{}: {}, {}, {}",
            if refused { "refused" } else { "accepted" },
            counted(documents, "document"),
            counted(self.errors, "error"),
            counted(self.warnings, "warning")
        ));
        if refused { Exit::Failed } else { Exit::Ok }
    }
}

pub(super) async fn run(context: &Context, options: &Options) -> Exit {
    let strict = options.strict || context.name == Name::Nodeagent;
    let mut report = Report::default();
    let mut gathered = Gathered::default();
    let mut forgivable = Vec::new();
    gathered.agent_directory(&context.root);
    let imds = super::imds(context);
    for location in options.sources() {
        match gathered.location(&context.root, &imds, location).await {
            Ok(()) | Err(Error::Decode(_)) => {}
            Err(error @ (Error::UserData(_) | Error::UserDataDocument(_))) => {
                forgivable.push(error);
            }
            Err(error) => report.error(&Chain(&error).to_string()),
        }
    }
    for file in &options.files {
        match read(context, file) {
            Ok(data) => drop(gathered.data(data)),
            Err(error) => report.error(&Chain(&error).to_string()),
        }
    }
    // nodeadm goes on without the user data when another source has a configuration.
    let forgiven = gathered.has_node_config() && !strict;
    for error in &forgivable {
        match error {
            Error::UserData(_) if forgiven => report.warning(&error.to_string()),
            Error::UserData(_) => report.error(&error.to_string()),
            _ => {}
        }
    }
    conclude(
        gathered,
        &mut report,
        strict,
        forgiven && !forgivable.is_empty(),
    )
}

/// Shows the problems of the documents and of what they make together.
fn conclude(gathered: Gathered, report: &mut Report, strict: bool, is_forgiven: bool) -> Exit {
    for warning in &gathered.warnings {
        report.warning(warning);
    }
    let documents = gathered.documents.clone();
    let mut problems = gathered.problems.clone();
    if is_forgiven {
        for problem in &mut problems {
            problem.prevents_start = false;
        }
    }
    let is_nothing = !gathered.has_node_config() && !gathered.has_damaged_node_config();
    if !is_nothing {
        let merged = if is_forgiven {
            gathered.finish()
        } else {
            gathered.finish_damaged()
        };
        match merged {
            Ok(loaded) => problems.extend(further(&loaded, &problems)),
            Err(error) => report.error(&Chain(&error).to_string()),
        }
    }
    problems.sort_by_key(|problem| problem.place);
    for problem in &problems {
        report.problem(problem, &documents);
    }
    if is_nothing && report.errors == 0 {
        report.error("no NodeConfig in these sources");
    }
    report.end(documents.len(), strict)
}

/// What is wrong with the merged configuration, besides fields that are missing because they are wrong in a document.
fn further(loaded: &Loaded, known: &[Problem]) -> Vec<Problem> {
    let mut problems = check::all(&loaded.config, &loaded.tree, &loaded.documents);
    problems.extend(check::agent(&loaded.agent, &loaded.agent_tree));
    problems.retain(|problem| {
        !known.iter().any(|known| {
            known.prevents_start && !known.path.is_empty() && problem.path.starts_with(&known.path)
        })
    });
    problems
}

fn read(context: &Context, file: &str) -> Result<node::config::user_data::UserData, Error> {
    if let Some(path) = file.strip_prefix("file://") {
        return read(context, path);
    }
    if file == "-" {
        let bytes = standard_input::read(node::config::user_data::MAXIMUM_BYTES)
            .map_err(|source| Error::File { source })?;
        return source::named(&bytes, "standard input");
    }
    source::file(&super::root_of(context, Path::new(file)), file)?.ok_or_else(|| Error::NoFile {
        name: file.to_owned(),
    })
}

#[cfg(test)]
mod tests;
