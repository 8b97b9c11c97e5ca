//! `nodeagent config check`: every problem of every document, each shown in its line.

use std::path::Path;

use clap::Args;
use node::chain::Chain;
use node::config::problem::Problem;
use node::config::user_data::{MAXIMUM_BYTES, UserData};
use node::config::{Document, check, excerpt, rule_set};

use crate::cli::{Context, Exit, Name, output};
use crate::host::{path, standard_input};
use crate::source::rules::{RuleFiles, RulesRead};
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

    fn problem(&mut self, problem: &Problem, documents: &[Document]) {
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

    fn rules(&mut self, rules: &RulesRead) {
        for problem in &rules.problems {
            self.problem(problem, &rules.documents);
        }
        for warning in &rules.warnings {
            self.warning(warning);
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
    let own_rules = RuleFiles::default().read(&context.root, path::RULES);
    let mut rules = RulesRead::default();
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
            Ok(Input::Configuration(data)) => drop(gathered.data(data)),
            Ok(Input::Rules(document)) => rules.document(document),
            Err(error) => report.error(&Chain(&error).to_string()),
        }
    }
    let are_rules_all = options.sources.is_empty()
        && !options.files.is_empty()
        && rules.documents.len() == options.files.len();
    report.rules(&rules);
    if options.files.is_empty() {
        report.rules(&own_rules.forgiven());
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
    if are_rules_all {
        return report.end(rules.documents.len(), strict);
    }
    let own = own_rules.rules.iter().chain(&rules.rules);
    let codes: Vec<&str> = own.map(|rule| rule.code.as_str()).collect();
    let is_forgiven = forgiven && !forgivable.is_empty();
    conclude(gathered, &codes, &mut report, strict, is_forgiven)
}

/// Shows the problems of the documents and of what they make together.
fn conclude(
    gathered: Gathered,
    codes: &[&str],
    report: &mut Report,
    strict: bool,
    is_forgiven: bool,
) -> Exit {
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
            Ok(loaded) => problems.extend(further(&loaded, codes, &problems)),
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
fn further(loaded: &Loaded, codes: &[&str], known: &[Problem]) -> Vec<Problem> {
    let mut problems = check::all(&loaded.config, &loaded.tree, &loaded.documents);
    problems.extend(check::agent(&loaded.agent, &loaded.agent_tree, codes));
    problems.retain(|problem| {
        !known.iter().any(|known| {
            known.prevents_start && !known.path.is_empty() && problem.path.starts_with(&known.path)
        })
    });
    problems
}

/// What a FILE is.
enum Input {
    Configuration(UserData),
    Rules(Document),
}

fn read(context: &Context, file: &str) -> Result<Input, Error> {
    if let Some(path) = file.strip_prefix("file://") {
        return read(context, path);
    }
    if file == "-" {
        let bytes = standard_input::read(MAXIMUM_BYTES).map_err(|source| Error::File { source })?;
        return Ok(match rule_set(&bytes, "standard input") {
            Some(document) => Input::Rules(document),
            None => Input::Configuration(source::named(&bytes, "standard input")?),
        });
    }
    let root = super::root_of(context, Path::new(file));
    if !root.path(file).is_dir() {
        let bytes = root.read_at_most(file, MAXIMUM_BYTES);
        let bytes = bytes.map_err(|source| Error::File { source })?;
        let rules = rule_set(&bytes.unwrap_or_default(), &format!("`{file}`"));
        if let Some(document) = rules {
            return Ok(Input::Rules(document));
        }
    }
    let data = source::file(&root, file)?;
    let data = data.ok_or_else(|| Error::NoFile {
        name: file.to_owned(),
    })?;
    Ok(Input::Configuration(data))
}

/// A text that says it is a RuleSet.
fn rule_set(bytes: &[u8], name: &str) -> Option<Document> {
    let text = std::str::from_utf8(bytes).ok()?;
    rule_set::is_one(text).then(|| Document {
        name: name.to_owned(),
        text: text.to_owned(),
    })
}

#[cfg(test)]
mod tests;
