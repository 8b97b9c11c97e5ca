//! Rules of the node's owner: the files of `/etc/nodeagent/rules.d`, in lexical order.
//!
//! A file that is wrong is not used; one that was right before keeps what it said then. Either way somebody is told.

use std::collections::BTreeMap;
use std::sync::Arc;

use node::chain::Chain;
use node::config::rule_set::{self, MAXIMUM_BYTES};
use node::config::{Document, problem::Problem};
use node::rule::UserRule;

use crate::host::root::Root;

use super::directory;

/// The most files.
const FILES: usize = 64;

/// What is known of the files of a directory.
#[derive(Debug, Clone, Default)]
pub struct RuleFiles {
    /// By file, what it said when it was last right.
    right: BTreeMap<String, Vec<Arc<UserRule>>>,
}

/// What the files say now.
#[derive(Debug, Clone, Default)]
pub struct RulesRead {
    /// The rules of all files.
    pub rules: Vec<Arc<UserRule>>,
    /// Everything that is wrong with them, each with its place.
    pub problems: Vec<Problem>,
    /// The files, for [`Problem::told`].
    pub documents: Vec<Document>,
    /// What is wrong beyond their content: files that cannot be read, codes that stand in two of them.
    pub warnings: Vec<String>,
    /// What becomes of files that are wrong.
    pub unused: Vec<String>,
}

impl RulesRead {
    /// Takes one more document.
    pub fn document(&mut self, document: Document) {
        let (rules, problems) = rule_set::read(&document, self.documents.len());
        self.documents.push(document);
        self.rules.extend(rules);
        self.problems.extend(problems);
    }

    /// The same with nothing in it that would keep a node from starting: rules never do.
    #[must_use]
    pub fn forgiven(&self) -> Self {
        let mut forgiven = self.clone();
        for problem in &mut forgiven.problems {
            problem.prevents_start = false;
        }
        forgiven
    }

    /// All that is wrong, a line each.
    pub fn told(&self) -> Vec<String> {
        let problems = self.problems.iter();
        let told = problems.map(|problem| problem.told(&self.documents));
        let more = self.warnings.iter().chain(&self.unused);
        told.chain(more.cloned()).collect()
    }
}

impl RuleFiles {
    /// Reads the files of a directory; one that does not exist has none.
    pub fn read(&mut self, root: &Root, path: &str) -> RulesRead {
        let mut read = RulesRead::default();
        let mut files = match directory(root, path) {
            Ok(files) => files,
            Err(error) => {
                read.warnings.push(Chain(&error).to_string());
                self.right.keys().cloned().collect()
            }
        };
        if files.len() > FILES {
            let (most, of) = (FILES, files.len());
            let warning = format!("`{path}` has {of} files; the first {most} are read");
            read.warnings.push(warning);
            files.truncate(FILES);
        }
        self.right.retain(|file, _| files.contains(file));
        for file in files {
            self.file(root, file, &mut read);
        }
        let right = self.right.iter();
        let right = right.map(|(file, rules)| (file.as_str(), rules.as_slice()));
        let (rules, left_out) = rule_set::together(right);
        read.rules = rules;
        read.warnings.extend(left_out);
        read
    }

    fn file(&mut self, root: &Root, file: String, read: &mut RulesRead) {
        let text = match text(root, &file) {
            Ok(text) => text,
            Err(why) => return read.warnings.push(format!("`{file}` is not used: {why}")),
        };
        let document = Document {
            name: format!("`{file}`"),
            text,
        };
        let (rules, problems) = rule_set::read(&document, read.documents.len());
        let is_right = !problems.iter().any(|problem| problem.prevents_start);
        read.documents.push(document);
        read.problems.extend(problems);
        if is_right {
            self.right.insert(file, rules);
        } else if self.right.contains_key(&file) {
            let unused = format!("`{file}`: what it said when it was last right is used");
            read.unused.push(unused);
        } else {
            read.unused.push(format!("`{file}` is not used"));
        }
    }
}

/// Text of a file, or why there is none.
fn text(root: &Root, file: &str) -> Result<String, String> {
    let content = root.read_at_most(file, MAXIMUM_BYTES);
    let content = content.map_err(|error| Chain(&error).to_string())?;
    let content = content.ok_or("it is gone")?;
    if content.len() > usize::try_from(MAXIMUM_BYTES).unwrap_or(usize::MAX) {
        return Err(format!("it has more than {} KiB", MAXIMUM_BYTES / 1024));
    }
    String::from_utf8(content).map_err(|_| "it is not UTF-8".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    const DIRECTORY: &str = "/etc/nodeagent/rules.d";

    fn rule(code: &str) -> String {
        format!(
            "apiVersion: nodectl.dev/v1alpha1\nkind: RuleSet\nspec:\n  rules:\n    - {{code: {code}, severity: info, title: t, \
             fix: f, match: [{{units: [a], contains: [some words]}}]}}\n"
        )
    }

    struct Bench {
        _directory: tempfile::TempDir,
        root: Root,
        files: RuleFiles,
    }

    impl Bench {
        fn new() -> Self {
            let directory = tempfile::tempdir().unwrap();
            Self {
                root: Root::new(directory.path()),
                _directory: directory,
                files: RuleFiles::default(),
            }
        }

        fn write(&self, name: &str, text: &str) {
            let path = format!("{DIRECTORY}/{name}");
            self.root.write(path, text.as_bytes(), 0o644).unwrap();
        }

        fn read(&mut self) -> (Vec<String>, Vec<String>) {
            let read = self.files.read(&self.root, DIRECTORY);
            let codes = read.rules.iter().map(|rule| rule.code.clone());
            (codes.collect(), read.told())
        }
    }

    #[test]
    fn a_directory_that_is_not_there_has_no_rules() {
        assert_eq!(Bench::new().read(), (Vec::new(), Vec::new()));
    }

    #[test]
    fn a_file_that_is_wrong_is_named_and_the_others_are_used() {
        let mut bench = Bench::new();
        bench.write("a.yaml", &rule("user.a"));
        bench.write("b.yaml", &rule("user.b").replace("severity", "severty"));
        bench.write("c.yaml", "]");
        bench.write("README", "no rules");
        let (codes, told) = bench.read();
        assert_eq!(codes, ["user.a"]);
        insta::assert_snapshot!(told.join("\n"), @r"
        `/etc/nodeagent/rules.d/b.yaml`, line 5, column 22: `spec.rules[0].severty` is not a field of RuleSet; did you mean `severity`?
        `/etc/nodeagent/rules.d/c.yaml`, line 1, column 1: not YAML: misplaced bracket
        `/etc/nodeagent/rules.d/b.yaml` is not used
        `/etc/nodeagent/rules.d/c.yaml` is not used
        ");
    }

    #[test]
    fn what_was_right_is_kept_until_the_file_goes() {
        let mut bench = Bench::new();
        bench.write("a.yaml", &rule("user.a"));
        assert_eq!(bench.read().0, ["user.a"]);
        bench.write("a.yaml", &rule("nothing"));
        let (codes, told) = bench.read();
        assert_eq!(codes, ["user.a"]);
        assert!(told[1].contains("last right"), "{told:?}");
        bench.write("a.yaml", &rule("user.b"));
        assert_eq!(bench.read(), (vec!["user.b".to_owned()], Vec::new()));
        bench.root.remove(format!("{DIRECTORY}/a.yaml")).unwrap();
        assert_eq!(bench.read(), (Vec::new(), Vec::new()));
    }

    #[test]
    fn a_file_that_is_too_large_is_none() {
        let mut bench = Bench::new();
        bench.write("a.yaml", &"#".repeat(300 * 1024));
        let (codes, told) = bench.read();
        assert_eq!((codes.len(), told.len()), (0, 1));
        assert!(told[0].ends_with("it has more than 256 KiB"), "{told:?}");
    }
}
