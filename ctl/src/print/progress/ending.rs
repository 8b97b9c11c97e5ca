//! What is left to say when a run has ended: what was done, what failed and why, what is left, and how long it took.

use std::collections::BTreeMap;

use node::chain::Chain;

use super::lasted;
use crate::apply::report::{End, Outcome, Report};
use crate::plan::change::Action;
use crate::print::Printer;

/// What a command says at the end of a run.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Ending {
    /// What was done, and how long it took.
    pub notes: Vec<String>,
    /// What is incomplete.
    pub warnings: Vec<String>,
    /// What failed.
    pub errors: Vec<String>,
    /// What to do next.
    pub hints: Vec<String>,
}

impl Ending {
    /// Prints it, what failed last.
    pub fn print(&self, printer: &mut Printer) {
        for note in &self.notes {
            printer.note(note);
        }
        for warning in &self.warnings {
            printer.warning(warning);
        }
        for error in &self.errors {
            printer.error(error);
        }
        for hint in &self.hints {
            printer.hint(hint);
        }
    }
}

/// Puts a report into words.
pub fn ending(report: &Report) -> Ending {
    let mut ending = Ending::default();
    let mut done: BTreeMap<&str, usize> = BTreeMap::new();
    let mut not_started = 0;
    for step in &report.steps {
        let address = &step.address;
        match &step.outcome {
            Outcome::Done { .. } => *done.entry(word(step.action)).or_default() += 1,
            Outcome::Failed { failure } => {
                let error = format!("{} {address}: {}", doing(step.action), Chain(failure));
                ending.errors.push(error);
                for hint in failure.hints() {
                    if !ending.hints.contains(&hint) {
                        ending.hints.push(hint);
                    }
                }
            }
            Outcome::Skipped { because } => {
                let warning = format!("{address} was skipped: it needs {because}");
                ending.warnings.push(warning);
            }
            Outcome::Left { waits_for } if waits_for.is_empty() => {
                ending
                    .warnings
                    .push(format!("{address} was left on its way"));
            }
            Outcome::Left { waits_for } => {
                let warning = format!("{address} was left on its way: {waits_for}");
                ending.warnings.push(warning);
            }
            Outcome::NotStarted => not_started += 1,
        }
    }
    if not_started > 0 {
        let warning = format!("{not_started} more were not begun");
        ending.warnings.push(warning);
    }
    if let Some(error) = &report.unwritten {
        ending
            .errors
            .push(format!("the journal is incomplete: {}", Chain(error)));
        ending.hints.extend(error.hints());
    }
    let counts: Vec<String> = done
        .into_iter()
        .map(|(word, count)| format!("{count} {word}"))
        .collect();
    let counts = if counts.is_empty() {
        "nothing was finished".to_owned()
    } else {
        counts.join(", ")
    };
    ending
        .notes
        .push(format!("{counts} in {}", lasted(report.elapsed)));
    if report.critical_path.len() > 1 {
        let chain: Vec<String> = report
            .critical_path
            .iter()
            .map(|(address, took)| format!("{address} {}", lasted(*took)))
            .collect();
        ending.notes.push(format!(
            "longest chain {}: {}",
            lasted(report.critical()),
            chain.join(", ")
        ));
    }
    match report.end {
        End::Done => {}
        End::Failed => {
            let hint = "mend it and run again: what is done stays, and is not done twice";
            ending.hints.push(hint.to_owned());
        }
        End::Deadline => {
            ending.errors.push(format!(
                "the deadline passed after {}",
                lasted(report.elapsed)
            ));
            let hint = "run again to go on, with a longer `--deadline`";
            ending.hints.push(hint.to_owned());
        }
        End::Interrupted => ending.hints.push("run again to go on".to_owned()),
    }
    ending
}

fn word(action: Action) -> &'static str {
    match action {
        Action::Keep | Action::Wait => "awaited",
        Action::Create => "created",
        Action::Change => "changed",
        Action::Replace => "replaced",
        Action::Delete => "deleted",
    }
}

fn doing(action: Action) -> &'static str {
    match action {
        Action::Keep | Action::Wait => "awaiting",
        Action::Create => "creating",
        Action::Change => "changing",
        Action::Replace => "replacing",
        Action::Delete => "deleting",
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::apply::hands::{Error, Why};
    use crate::apply::report::{Failure, Step};
    use crate::resource::{Address, Kind};

    fn step(name: &str, action: Action, outcome: Outcome) -> Step {
        Step {
            address: Address::new(Kind::Role, name),
            action,
            outcome,
        }
    }

    fn done(seconds: u64) -> Outcome {
        Outcome::Done {
            took: Duration::from_secs(seconds),
        }
    }

    fn report(end: End, steps: Vec<Step>) -> Report {
        Report {
            end,
            steps,
            outputs: BTreeMap::new(),
            elapsed: Duration::from_secs(192),
            critical_path: vec![
                (Address::new(Kind::Vpc, "main"), Duration::from_secs(2)),
                (
                    Address::new(Kind::Cluster, "prod"),
                    Duration::from_secs(188),
                ),
            ],
            unwritten: None,
        }
    }

    #[test]
    fn a_run_that_ended_well_counts_and_names_its_longest_chain() {
        let steps = vec![
            step("a", Action::Create, done(1)),
            step("b", Action::Create, done(1)),
            step("c", Action::Replace, done(1)),
        ];
        let ending = ending(&report(End::Done, steps));
        assert_eq!(
            ending.notes,
            [
                "2 created, 1 replaced in 3 min 12 s",
                "longest chain 3 min 10 s: vpc/main 2.0 s, cluster/prod 3 min 8 s"
            ]
        );
        let Ending {
            warnings,
            errors,
            hints,
            ..
        } = ending;
        assert_eq!([warnings, errors, hints].concat(), [""; 0]);
    }

    #[test]
    fn a_run_that_failed_says_what_why_and_what_next() {
        let mut error = Error::new(Why::Denied { principal: None }, "`iam:CreateRole` of a");
        error.hints = vec!["allow `iam:CreateRole`".into()];
        let failure = Failure::Call(error);
        let steps = vec![
            step("a", Action::Create, Outcome::Failed { failure }),
            step(
                "b",
                Action::Create,
                Outcome::Skipped {
                    because: Address::new(Kind::Role, "a"),
                },
            ),
            step("c", Action::Delete, Outcome::NotStarted),
            step(
                "d",
                Action::Wait,
                Outcome::Left {
                    waits_for: "CREATING".into(),
                },
            ),
        ];
        let ending = ending(&report(End::Interrupted, steps));
        let text = format!("{ending:#?}");
        insta::assert_snapshot!(text);
    }
}
