//! The registry test: each rule has a file of cases, and each case comes out as its file says.
//!
//! A file `cases/CODE.txt` has the sections `## positive`, `## negative` and `## recovery`, any number of each; each is a
//! stream of its own. A line is one of
//!
//! ```text
//! +SECONDS kubelet TEXT                      a line of the kubelet (or any unit, or `kernel`, `ipamd` …), so long after the one before
//! +SECONDS systemd TEXT                      a line of the service manager about the unit that it names
//! +SECONDS observe UNIT ACTIVE SUB RESTARTS  the state of a unit; ACTIVE `missing`: it is not installed
//! +SECONDS probe OBJECT|- [WHY]              a probe of the finding: that it is not there, or what shows it
//! +SECONDS check SIGNAL [WHY]                a check of ours: that this is there, or why it is not
//! +SECONDS tick                              nothing but time
//! expect open|closed                         the finding, now
//! ```

use std::path::PathBuf;

use jiff::{SignedDuration, Timestamp};

use super::*;
use crate::wire::Identity;

fn start() -> Timestamp {
    "2026-01-02T03:04:05Z".parse().unwrap()
}

fn cases_of(code: &str) -> String {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join(format!("src/rule/cases/{code}.txt"));
    std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("`{}`: {error}", path.display()))
}

/// (section, its lines with their numbers)
fn sections(text: &str) -> Vec<(&str, Vec<(usize, &str)>)> {
    let mut sections: Vec<(&str, Vec<(usize, &str)>)> = Vec::new();
    for (index, line) in text
        .lines()
        .enumerate()
        .filter(|(_, line)| !line.is_empty() && !line.starts_with("# "))
    {
        match line.strip_prefix("## ") {
            Some(name) => sections.push((name, Vec::new())),
            None => sections
                .last_mut()
                .expect("a section comes first")
                .1
                .push((index + 1, line)),
        }
    }
    sections
}

struct Stream {
    engine: Engine,
    code: &'static str,
    /// Lines that cannot matter are not read, as when a whole log is scanned.
    is_screened: bool,
    now: Timestamp,
}

impl Stream {
    fn new(code: &'static str) -> Self {
        Self {
            engine: Engine::new(),
            code,
            is_screened: false,
            now: start(),
        }
    }

    fn step(&mut self, line: &str) {
        let (seconds, rest) = line
            .strip_prefix('+')
            .and_then(|rest| rest.split_once(' '))
            .expect("`+SECONDS VERB …`");
        self.now += SignedDuration::from_secs(seconds.parse().expect("a number of seconds"));
        let (verb, text) = rest.split_once(' ').unwrap_or((rest, ""));
        match verb {
            "tick" => self.engine.tick(self.now),
            "observe" => self.observe(text),
            "check" => self.check(text),
            "probe" => self.probe(text),
            "systemd" => {
                let unit = text
                    .split([' ', ':'])
                    .find(|word| word.ends_with(".service"))
                    .expect("a unit in the line");
                self.record(unit, "systemd", text);
            }
            writer => self.record(&source(writer), writer, text),
        }
    }

    fn record(&mut self, unit: &str, identifier: &str, message: &str) {
        if self.is_screened && RuleSet::shipped().lines(message.as_bytes()).is_empty() {
            return self.engine.tick(self.now);
        }
        self.engine.record(&Record {
            unit,
            identifier,
            message,
            at: self.now,
        });
    }

    fn observe(&mut self, text: &str) {
        let words: Vec<&str> = text.split(' ').collect();
        let observation = Observation::Unit {
            name: words[0].to_owned(),
            installed: words[1] != "missing",
            active: words[1].to_owned(),
            sub: words[2].to_owned(),
            restarts: words[3].parse().unwrap(),
        };
        self.engine.observe(&observation, self.now);
    }

    fn check(&mut self, text: &str) {
        let (signal, why) = text.split_once(' ').unwrap_or((text, ""));
        let observation = Observation::Check {
            signal: serde_json::from_value(signal.into()).expect("a signal"),
            failure: (!why.is_empty()).then(|| why.to_owned()),
        };
        self.engine.observe(&observation, self.now);
    }

    fn probe(&mut self, text: &str) {
        let (object, why) = text.split_once(' ').unwrap_or((text, ""));
        let observation = Observation::Probe {
            code: self.code,
            object: object.trim_matches('-').to_owned(),
            failure: (!why.is_empty()).then(|| why.to_owned()),
        };
        self.engine.observe(&observation, self.now);
    }

    fn codes(&mut self) -> Vec<String> {
        self.engine.tick(self.now);
        self.engine
            .open()
            .into_iter()
            .map(|finding| finding.code)
            .collect()
    }
}

#[test]
fn every_rule_has_its_cases_and_they_come_out_as_written() {
    run_cases(false);
}

#[test]
fn the_cases_come_out_the_same_when_lines_that_cannot_matter_are_not_read() {
    run_cases(true);
}

fn run_cases(is_screened: bool) {
    for rule in all() {
        let code = rule.finding.code;
        let text = cases_of(code);
        let mut seen = Vec::new();
        for (name, lines) in sections(&text) {
            assert!(
                ["positive", "negative", "recovery"].contains(&name),
                "`{code}`: section `{name}`"
            );
            let mut stream = Stream {
                is_screened,
                ..Stream::new(code)
            };
            let mut states = Vec::new();
            for (number, line) in lines {
                let Some(expected) = line.strip_prefix("expect ") else {
                    stream.step(line);
                    continue;
                };
                let codes = stream.codes();
                let state = if codes.iter().any(|open| open == code) {
                    "open"
                } else {
                    "closed"
                };
                assert_eq!(
                    state, expected,
                    "`{code}`, {name}, line {number}; open: {codes:?}"
                );
                states.push(state);
            }
            let is_shown = match name {
                "positive" => states.last() == Some(&"open"),
                "negative" => !states.is_empty() && !states.contains(&"open"),
                _ => states.contains(&"open") && states.last() == Some(&"closed"),
            };
            assert!(
                is_shown,
                "`{code}`: the {name} section shows no {name} case: {states:?}"
            );
            seen.push(name);
        }
        for section in ["positive", "negative", "recovery"] {
            assert!(seen.contains(&section), "`{code}` has no {section} case");
        }
    }
}

#[test]
fn every_finding_has_at_most_one_rule_and_every_literal_can_be_found() {
    let mut codes: Vec<_> = all().map(|rule| rule.finding.code).collect();
    let rules = codes.len();
    codes.sort_unstable();
    codes.dedup();
    assert_eq!(codes.len(), rules);
    for rule in all() {
        assert!(
            !rule.clears.is_empty(),
            "`{}` never clears",
            rule.finding.code
        );
        assert!(rule.threshold.hits > 0);
        for detect in rule.detect {
            if let Detect::Line(pattern) = detect {
                assert!(
                    pattern.literals.iter().all(|literal| literal.len() >= 7),
                    "`{}`",
                    rule.finding.code
                );
            }
        }
    }
}

const UNAUTHORIZED: &str = r#"+0 kubelet E0102 03:04:05.000000    1234 kubelet_node_status.go:107] "Unable to register node with API server" err="Unauthorized" node="ip-10-0-0-1""#;

#[test]
fn a_finding_has_times_count_evidence_and_a_fix_for_this_node() {
    let mut stream = Stream::new("");
    stream.engine.set_identity(Identity {
        cluster: "prod".into(),
        ..Identity::default()
    });
    stream.step(UNAUTHORIZED);
    stream.step(
        &UNAUTHORIZED
            .replace("+0", "+7")
            .replace("03:04:05", "03:04:12"),
    );
    let finding = stream.engine.open().remove(0);
    assert_eq!((finding.count, finding.first_seen), (2, start()));
    assert_eq!(finding.last_seen, start() + SignedDuration::from_secs(7));
    assert_eq!(finding.evidence.len(), 1, "the same words at another time");
    assert!(finding.evidence[0].contains("03:04:12"));
    assert!(finding.fix.contains("--cluster-name prod"));
}

#[test]
fn findings_survive_a_restart_and_recover_after_it() {
    let mut before = Stream::new("");
    before.step(UNAUTHORIZED);
    let json = serde_json::to_string(&before.engine.snapshot()).unwrap();
    let mut after = Stream {
        now: before.now + SignedDuration::from_secs(60),
        ..Stream::new("")
    };
    after
        .engine
        .restore(serde_json::from_str(&json).unwrap(), after.now);
    assert_eq!(after.engine.open(), before.engine.open());
    after.step(r#"+1 kubelet I0102 03:04:05.0 1 a.go:78] "Successfully registered node" node="ip-10-0-0-1""#);
    assert_eq!(after.codes(), [""; 0]);
}

#[test]
fn a_clock_that_was_set_back_does_not_keep_a_finding_open() {
    let mut stream = Stream::new("");
    stream.step(UNAUTHORIZED);
    stream.step("+1 tick");
    stream.now -= SignedDuration::from_hours(5);
    assert_eq!(stream.codes(), ["join.unauthorized"]);
    stream.step("+301 tick");
    assert_eq!(stream.codes(), [""; 0]);
}

#[test]
fn a_fault_of_yesterday_in_a_journal_read_from_its_start_is_over_at_once() {
    let mut stream = Stream::new("");
    stream.step(UNAUTHORIZED);
    stream.step(r#"+86400 kubelet I0103 03:04:05.0 1 a.go:1] "Something ordinary""#);
    assert_eq!(stream.codes(), [""; 0]);
}

#[test]
fn no_more_is_kept_than_there_is_room_for() {
    let mut engine = Engine::new();
    let junk = "\u{1f980}".repeat(5_000);
    for second in 0..1000 {
        let letter = ["a", "b", "c", "d"][usize::try_from(second).unwrap() % 4];
        let at = start() + SignedDuration::from_secs(second);
        let message = format!(
            "E0102 03:04:05.0 {second} a.go:1] \"x {letter}\" err=\"Unauthorized {junk}: Unauthorized\""
        );
        engine.record(&Record {
            unit: KUBELET,
            identifier: "kubelet",
            message: &message,
            at,
        });
    }
    let open = engine.open();
    assert_eq!(
        (open.len(), open[0].evidence.len(), open[0].count),
        (1, 3, 1000)
    );
    assert!(serde_json::to_string(&engine.snapshot()).unwrap().len() < 8 * 1024);
}

#[test]
fn one_line_alone_has_its_codes() {
    let message = r#"E0102 03:04:05.0 1 a.go:1] "Failed to watch" err="failed to list *v1.Node: Get \"https://a/api/v1/nodes\": dial tcp 10.0.0.1:443: connect: connection refused""#;
    let record = Record {
        unit: KUBELET,
        identifier: "kubelet",
        message,
        at: start(),
    };
    assert_eq!(codes_of(&record), ["network.api_refused"]);
    assert_eq!(
        codes_of(&Record {
            unit: "other.service",
            ..record
        }),
        [""; 0]
    );
}
