//! Everything that is worth keeping of a broken node, in one archive: `nodeagent collect` and `/v1/bundle`.
//!
//! [`step`] has the registry: what is collected, how, within which time and size. A step ends in a file, or is skipped or
//! fails, and never ends the others; `report.json`, the last file, says what became of each and how long it took. One
//! step's content is held at a time. Secrets are masked before anything is written, with no way to leave that out.

mod archive;
mod gather;
mod report;
pub mod step;

use std::time::Duration;

use jiff::Timestamp;
use tokio::time::{Instant, timeout};

use crate::host::environment::Environment;
use crate::host::root::Root;

use archive::Archive;

pub use report::{Outcome, StepReport};
use step::Step;

/// The most bytes of all files together, before they are packed.
const BYTES: usize = 32 * 1024 * 1024;
/// The most time of all steps together; what is not done by then is skipped.
const DEADLINE: Duration = Duration::from_mins(2);

/// What a step puts into its file.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Content {
    /// The bytes, without secrets.
    pub bytes: Vec<u8>,
    /// Whether there was more.
    pub is_cut: bool,
}

/// Why a step has no content.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Nothing {
    /// There is nothing on this node.
    Absent(String),
    /// It did not work.
    Failed(String),
}

/// A bundle that is being collected.
#[derive(Debug)]
pub struct Bundle {
    root: Root,
    environment: Environment,
    steps: std::vec::IntoIter<Step>,
    archive: Archive,
    done: Vec<StepReport>,
    left: usize,
    until: Instant,
    is_finished: bool,
}

impl Bundle {
    /// Nothing is read yet.
    pub fn new(root: &Root, environment: &Environment) -> Self {
        Self::of(root, environment, step::all(root))
    }

    fn of(root: &Root, environment: &Environment, steps: Vec<Step>) -> Self {
        Self {
            root: root.clone(),
            environment: environment.clone(),
            steps: steps.into_iter(),
            archive: Archive::new(Timestamp::now()),
            done: Vec::new(),
            left: BYTES,
            until: Instant::now() + DEADLINE,
            is_finished: false,
        }
    }

    /// Does the next step. What became of it, and the next part of the archive; `None` behind the end. The last part
    /// belongs to no step.
    pub async fn next(&mut self) -> Option<(Option<StepReport>, Vec<u8>)> {
        if self.is_finished {
            return None;
        }
        let Some(step) = self.steps.next() else {
            self.is_finished = true;
            let report = report::document(Timestamp::now(), &self.done);
            self.archive.append(report::NAME, report.as_bytes());
            return Some((None, self.archive.finish()));
        };
        let began = Instant::now();
        let found = self.find(&step).await;
        let outcome = match found {
            Ok(content) => {
                self.left = self.left.saturating_sub(content.bytes.len());
                self.archive.append(&step.name, &content.bytes);
                Outcome::Ok {
                    bytes: content.bytes.len(),
                    is_cut: content.is_cut,
                }
            }
            Err(Nothing::Absent(why)) => Outcome::Skipped { why },
            Err(Nothing::Failed(why)) => Outcome::Failed { why },
        };
        let report = StepReport {
            name: step.name.clone(),
            how: step.how.to_string(),
            outcome,
            milliseconds: u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX),
        };
        self.done.push(report.clone());
        Some((Some(report), self.archive.take()))
    }

    async fn find(&self, step: &Step) -> Result<Content, Nothing> {
        let bytes = step.bytes.min(self.left);
        if bytes == 0 {
            return Err(Nothing::Absent("the bundle is full".to_owned()));
        }
        let left = self.until.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Err(Nothing::Absent("there is no time left".to_owned()));
        }
        let deadline = step.deadline.min(left);
        let gathering = gather::gather(&self.root, &self.environment, &step.how, bytes);
        timeout(deadline, gathering).await.unwrap_or_else(|_| {
            let why = format!("did not end within {:.0} s", deadline.as_secs_f64());
            Err(Nothing::Failed(why))
        })
    }
}

#[cfg(test)]
mod tests;
