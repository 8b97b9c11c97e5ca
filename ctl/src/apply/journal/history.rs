//! What the lines of a journal say, and what they amount to. Pure.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use crate::apply::event::Act;
use crate::apply::report::End;
use crate::resource::{Address, Outputs};

/// One line.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Line {
    /// When it was written.
    pub(super) at: Timestamp,
    /// What it says.
    #[serde(flatten)]
    pub(super) entry: Entry,
}

/// What a line says.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "camelCase")]
pub enum Entry {
    /// A process begins to work on a plan. A run that is taken up again keeps its id.
    Begun {
        /// Id of the run.
        run: String,
        /// Fingerprint of the plan.
        plan: String,
        /// Id of the process.
        pid: u32,
    },
    /// A step is about to make its first call.
    Started {
        /// The thing.
        address: Address,
        /// What the step does.
        act: Act,
    },
    /// A creation or change was accepted.
    Accepted {
        /// The thing.
        address: Address,
        /// What is known of it so far.
        outputs: Outputs,
    },
    /// A step ended well.
    Done {
        /// The thing.
        address: Address,
        /// What the step did.
        act: Act,
        /// What is known of it.
        outputs: Outputs,
        /// How long the step took.
        milliseconds: u64,
    },
    /// A step failed.
    Failed {
        /// The thing.
        address: Address,
        /// What the step did.
        act: Act,
        /// The error and its sources on one line.
        error: String,
        /// Whether it is certain that the call had its answer: the next creation is another one then.
        over: bool,
    },
    /// The process stopped working on the run.
    Ended {
        /// How.
        end: End,
    },
}

/// What the lines of a run amount to.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct History {
    /// Id of the run; none before it begins.
    pub(super) run: Option<String>,
    /// What is known of things.
    pub(super) outputs: BTreeMap<Address, Outputs>,
    /// How many lives of a thing are over: each begins with a creation of its own.
    lives: BTreeMap<Address, u32>,
}

impl History {
    /// Takes in what the next line says.
    pub(super) fn take(&mut self, entry: &Entry) {
        match entry {
            Entry::Begun { run, .. } => self.run = Some(run.clone()),
            Entry::Started { address, act } => {
                if *act == Act::Delete {
                    self.end_life(address);
                }
            }
            Entry::Accepted { address, outputs } => {
                let known = self.outputs.entry(address.clone()).or_default();
                known.extend(outputs.clone());
            }
            Entry::Done {
                address,
                act,
                outputs,
                ..
            } => {
                match act {
                    Act::Create => self.end_life(address),
                    Act::Delete => {
                        self.outputs.remove(address);
                    }
                    Act::Change | Act::Wait => {}
                }
                if *act != Act::Delete {
                    self.outputs.insert(address.clone(), outputs.clone());
                }
            }
            Entry::Failed {
                address, act, over, ..
            } => {
                if *act == Act::Create && *over {
                    self.end_life(address);
                }
            }
            // Nothing of it concerns the next run.
            Entry::Ended { end: End::Done } => *self = Self::default(),
            Entry::Ended { .. } => {}
        }
    }

    fn end_life(&mut self, address: &Address) {
        *self.lives.entry(address.clone()).or_default() += 1;
    }

    /// The client token of the next creation of a thing: 32 hexadecimal digits, the same until it is known how that creation
    /// ended, and another one for a thing that was deleted since.
    pub(super) fn token(&self, address: &Address) -> String {
        let run = self.run.as_deref().unwrap_or_default();
        let life = self.lives.get(address).copied().unwrap_or_default();
        let digest = Sha256::digest(format!("{run}\n{address}\n{life}"));
        digest
            .iter()
            .take(16)
            .fold(String::new(), |mut text, byte| {
                for digit in [byte >> 4, byte & 0xf] {
                    text.extend(char::from_digit(u32::from(digit), 16));
                }
                text
            })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::resource::{Attribute, Kind};

    fn vpc() -> Address {
        Address::new(Kind::Vpc, "main")
    }

    fn outputs(id: &str) -> Outputs {
        Outputs::from([(Attribute::Id, id.to_owned())])
    }

    fn history(entries: &[Entry]) -> History {
        let mut history = History::default();
        history.take(&Entry::Begun {
            run: "0123".into(),
            plan: String::new(),
            pid: 1,
        });
        for entry in entries {
            history.take(entry);
        }
        history
    }

    fn started(act: Act) -> Entry {
        Entry::Started {
            address: vpc(),
            act,
        }
    }

    fn done(act: Act) -> Entry {
        Entry::Done {
            address: vpc(),
            act,
            outputs: outputs("vpc-1"),
            milliseconds: 1,
        }
    }

    fn failed(over: bool) -> Entry {
        Entry::Failed {
            address: vpc(),
            act: Act::Create,
            error: String::new(),
            over,
        }
    }

    #[test]
    fn a_creation_that_was_stopped_is_the_same_creation_again() {
        let first = history(&[]).token(&vpc());
        assert_eq!(first.len(), 32);
        assert_eq!(history(&[started(Act::Create)]).token(&vpc()), first);
        let unanswered = [started(Act::Create), failed(false)];
        assert_eq!(history(&unanswered).token(&vpc()), first);
        let other = Address::new(Kind::Vpc, "other");
        assert_ne!(history(&[]).token(&other), first);
    }

    #[test]
    fn a_creation_after_one_that_ended_or_after_a_deletion_is_another() {
        let lives = [
            history(&[]).token(&vpc()),
            history(&[started(Act::Create), done(Act::Create)]).token(&vpc()),
            history(&[
                started(Act::Create),
                done(Act::Create),
                started(Act::Delete),
            ])
            .token(&vpc()),
        ];
        let distinct: std::collections::BTreeSet<_> = lives.iter().collect();
        assert_eq!(distinct.len(), 3);
        let refused = [started(Act::Create), failed(true)];
        assert_ne!(history(&refused).token(&vpc()), lives[0]);
    }

    #[test]
    fn what_is_known_of_a_thing_goes_with_it() {
        let accepted = Entry::Accepted {
            address: vpc(),
            outputs: outputs("vpc-1"),
        };
        let known = history(std::slice::from_ref(&accepted));
        assert_eq!(known.outputs.get(&vpc()), Some(&outputs("vpc-1")));
        let gone = history(&[accepted, started(Act::Delete), done(Act::Delete)]);
        assert!(gone.outputs.is_empty());
    }

    #[test]
    fn a_run_that_ended_well_leaves_nothing_to_the_next() {
        let ended = |end| history(&[done(Act::Create), Entry::Ended { end }]);
        assert_eq!(ended(End::Done), History::default());
        assert_eq!(ended(End::Failed).run.as_deref(), Some("0123"));
    }
}
