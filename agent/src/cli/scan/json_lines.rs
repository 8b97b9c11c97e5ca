//! Many logs at once, a line of each an object of JSON: for programs that try the rules on samples.

use std::collections::HashMap;
use std::sync::Arc;

use jiff::Timestamp;
use node::rule::RuleSet;
use node::scan::Scan;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::cli::{Exit, output};
use crate::host::blocks::Blocks;
use crate::host::root;

#[derive(Debug, Deserialize)]
struct Input {
    /// A number or a text; given back as it is.
    id: Value,
    #[serde(default)]
    unit: Option<String>,
    line: String,
}

#[derive(Debug, Serialize)]
struct Answer<'a> {
    id: &'a Value,
    codes: Vec<&'a str>,
}

/// The logs by their id, in the order in which they began.
#[derive(Debug)]
struct Logs {
    rules: Arc<RuleSet>,
    now: Timestamp,
    places: HashMap<String, usize>,
    scans: Vec<(Value, Scan)>,
}

pub(super) fn run(files: &[String], rules: &Arc<RuleSet>) -> Result<Exit, root::Error> {
    let mut logs = Logs {
        rules: Arc::clone(rules),
        now: Timestamp::now(),
        places: HashMap::new(),
        scans: Vec::new(),
    };
    let mut exit = Exit::Ok;
    for file in files {
        let mut input = Blocks::open(file)?;
        let mut number = 0_u64;
        while let Some(block) = input.next_block()? {
            for line in block.split(|byte| *byte == b'\n') {
                number += 1;
                if line.trim_ascii().is_empty() {
                    continue;
                }
                // The rest is read all the same.
                if let Err(error) = logs.add(line) {
                    output::error(&format!("{file}, line {number}: {error}"), None);
                    exit = Exit::Failed;
                }
            }
            // A block ends with a line end, behind which there is no line.
            number -= u64::from(block.ends_with(b"\n"));
        }
    }
    output::data(&logs.answers());
    Ok(exit)
}

impl Logs {
    fn add(&mut self, line: &[u8]) -> Result<(), serde_json::Error> {
        let Input { id, unit, line } = serde_json::from_slice(line)?;
        let place = *self.places.entry(id.to_string()).or_insert_with(|| {
            self.scans
                .push((id, Scan::with(Arc::clone(&self.rules), self.now)));
            self.scans.len() - 1
        });
        if let Some((_, scan)) = self.scans.get_mut(place) {
            for line in line.lines() {
                scan.line(line, unit.as_deref());
            }
        }
        Ok(())
    }

    fn answers(self) -> String {
        let mut answers = String::new();
        for (id, scan) in self.scans {
            let raised = scan.finish();
            let answer = Answer {
                id: &id,
                codes: raised.codes(),
            };
            answers.push_str(&serde_json::to_string(&answer).unwrap_or_default());
            answers.push('\n');
        }
        answers
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_id_is_a_log_of_its_own() {
        let mut logs = Logs {
            rules: RuleSet::shipped(),
            now: "2026-01-02T12:00:00Z".parse().unwrap(),
            places: HashMap::new(),
            scans: Vec::new(),
        };
        let refused = r#"E0102 03:04:06.000000 1 kubelet_node_status.go:107] \"Unable to register node with API server\" err=\"Unauthorized\" node=\"a\""#;
        for line in [
            format!(r#"{{"id":7,"unit":"kubelet","line":"{refused}"}}"#),
            r#"{"id":"b","unit":"kubelet","line":"I0102 03:04:06.000000 1 a.go:1] \"x\""}"#
                .to_owned(),
            format!(r#"{{"id":7,"unit":"kubelet","line":"{refused}"}}"#),
        ] {
            logs.add(line.as_bytes()).unwrap();
        }
        assert_eq!(
            logs.answers(),
            "{\"id\":7,\"codes\":[\"join.unauthorized\"]}\n{\"id\":\"b\",\"codes\":[]}\n"
        );
    }

    #[test]
    fn a_line_that_is_none_says_where() {
        let mut logs = Logs {
            rules: RuleSet::shipped(),
            now: Timestamp::UNIX_EPOCH,
            places: HashMap::new(),
            scans: Vec::new(),
        };
        let error = logs.add(br#"{"id": 1}"#).unwrap_err().to_string();
        assert!(error.contains("missing field `line`"), "{error}");
    }
}
