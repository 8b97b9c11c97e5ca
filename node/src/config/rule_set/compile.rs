//! Rules as they are written to rules that run: what a schema cannot say is asked here.

use std::ops::RangeInclusive;
use std::sync::Arc;
use std::time::Duration;

use super::super::check::is_unit_name;
use super::super::problem::Problem;
use super::super::yaml::Node;
use super::document::{ClearsSpec, LineSpec, RuleSpec, ThresholdSpec};
use crate::finding;
use crate::rule::{self, Harmless, Pattern, Threshold, USER_PREFIX, UserClear, UserLine, UserRule};

/// Bytes of a code.
const CODE: RangeInclusive<usize> = USER_PREFIX.len() + 1..=64;
/// Bytes of a title, as those of the catalogue.
const TITLE: RangeInclusive<usize> = 1..=60;
/// Bytes of a fix.
const FIX: RangeInclusive<usize> = 1..=500;
/// Bytes of a text that lines hold; a shorter one would be in too many.
const TEXT: RangeInclusive<usize> = 4..=256;
/// Bytes of a regular expression.
const REGEX: RangeInclusive<usize> = 1..=1024;
/// Things in one list.
const LIST: RangeInclusive<usize> = 1..=16;
/// Sightings whose times are kept.
const HITS: RangeInclusive<usize> = 1..=100;
/// The longest time.
const LONGEST: Duration = Duration::from_hours(24);
/// By default sightings add up over this time, and silence of it takes a finding back.
const USUAL: Duration = Duration::from_mins(10);

/// What is wrong so far, and where we are.
struct Compiling<'a> {
    tree: &'a Node,
    path: Vec<String>,
    problems: Vec<Problem>,
}

/// The rules, and everything that is wrong with them.
pub(super) fn rules(specs: Vec<RuleSpec>, tree: &Node) -> (Vec<Arc<UserRule>>, Vec<Problem>) {
    let mut compiling = Compiling {
        tree,
        path: vec!["spec".to_owned(), "rules".to_owned()],
        problems: Vec::new(),
    };
    let mut rules: Vec<Arc<UserRule>> = Vec::new();
    if specs.len() > super::MAXIMUM_RULES {
        let most = super::MAXIMUM_RULES;
        compiling.problem(&format!("has more than {most} rules"), None);
        return (rules, compiling.problems);
    }
    for (index, spec) in specs.into_iter().enumerate() {
        compiling.path.push(format!("[{index}]"));
        if rules.iter().any(|rule| rule.code == spec.code) {
            compiling.below("code", |this| {
                this.problem("stands twice in this file", None);
            });
        }
        rules.push(Arc::new(compiling.rule(spec)));
        compiling.path.pop();
    }
    (rules, compiling.problems)
}

impl Compiling<'_> {
    fn problem(&mut self, detail: &str, help: Option<String>) {
        let path: Vec<&str> = self.path.iter().map(String::as_str).collect();
        let problem = Problem::fatal(&path, detail).with_help(help);
        self.problems.push(problem.located(self.tree));
    }

    fn below<T>(&mut self, step: &str, what: impl FnOnce(&mut Self) -> T) -> T {
        self.path.push(step.to_owned());
        let result = what(self);
        self.path.pop();
        result
    }

    fn length(&mut self, text: &str, allowed: &RangeInclusive<usize>) {
        if !allowed.contains(&text.len()) {
            let (least, most) = (allowed.start(), allowed.end());
            let detail = format!("has {} bytes where {least} to {most} may be", text.len());
            self.problem(&detail, None);
        }
    }

    fn count(&mut self, length: usize, allowed: &RangeInclusive<usize>) {
        if !allowed.contains(&length) {
            let (least, most) = (allowed.start(), allowed.end());
            self.problem(
                &format!("has {length} items where {least} to {most} may be"),
                None,
            );
        }
    }

    fn rule(&mut self, spec: RuleSpec) -> UserRule {
        self.below("code", |this| this.code(&spec.code));
        self.below("title", |this| this.length(&spec.title, &TITLE));
        self.below("fix", |this| this.length(&spec.fix, &FIX));
        let lines = self.below("match", |this| this.lines(spec.lines));
        let threshold = self.below("threshold", |this| this.threshold(&spec.threshold));
        let harmless = spec.harmless.map(|harmless| {
            self.below("harmless", |this| this.time("within", harmless.within));
            Harmless::Within(harmless.after.into(), harmless.within)
        });
        let (clears, over) = self.below("clears", |this| this.clears(spec.clears));
        UserRule {
            code: spec.code,
            severity: spec.severity,
            condition: spec.condition,
            title: spec.title,
            fix: spec.fix,
            lines,
            over,
            threshold,
            harmless,
            clears,
        }
    }

    fn code(&mut self, code: &str) {
        let is_allowed = |byte: u8| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'_' | b'.');
        let name = code.strip_prefix(USER_PREFIX);
        if name.is_some_and(|name| name.bytes().all(is_allowed)) {
            return self.length(code, &CODE);
        }
        let name: String = code
            .to_ascii_lowercase()
            .chars()
            .filter(|letter| letter.is_ascii_alphanumeric() || "_.".contains(*letter))
            .collect();
        let name = name.trim_start_matches(USER_PREFIX);
        let detail = if finding::by_code(code).is_some() {
            "is a code of the catalogue; one of your own begins with `user.`"
        } else {
            "is not `user.` and a name of `a-z`, `0-9`, `_` and `.`"
        };
        let help = (!name.is_empty()).then(|| format!("write `{USER_PREFIX}{name}`"));
        self.problem(detail, help);
    }

    fn lines(&mut self, specs: Vec<LineSpec>) -> Vec<UserLine> {
        self.count(specs.len(), &LIST);
        let specs = specs.into_iter().enumerate();
        specs
            .map(|(index, spec)| self.below(&format!("[{index}]"), |this| this.line(spec)))
            .collect()
    }

    fn line(&mut self, spec: LineSpec) -> UserLine {
        let units = self.below("units", |this| {
            this.count(spec.units.len(), &LIST);
            let units = spec.units.iter().enumerate();
            units
                .map(|(index, unit)| this.below(&format!("[{index}]"), |this| this.unit(unit)))
                .collect()
        });
        self.below("contains", |this| this.texts(&spec.contains, &LIST));
        self.below("excludes", |this| {
            this.texts(&spec.excludes, &(0..=*LIST.end()));
        });
        let pattern = spec.regex.and_then(|regex| {
            self.below("regex", |this| {
                this.length(&regex, &REGEX);
                match Pattern::new(&regex) {
                    Ok(pattern) => Some(pattern),
                    Err(error) => {
                        this.problem(&format!("is no regular expression: {error}"), None);
                        None
                    }
                }
            })
        });
        UserLine {
            units,
            speaker: spec.speaker.into(),
            identifier: spec.identifier,
            contains: spec.contains,
            excludes: spec.excludes,
            pattern,
        }
    }

    fn texts(&mut self, texts: &[String], allowed: &RangeInclusive<usize>) {
        self.count(texts.len(), allowed);
        for (index, text) in texts.iter().enumerate() {
            self.below(&format!("[{index}]"), |this| this.length(text, &TEXT));
        }
    }

    /// The source that is called so.
    fn unit(&mut self, name: &str) -> String {
        if !is_unit_name(name) || name.len() > 255 {
            self.problem("is not the name of a unit", None);
        }
        rule::source(name).into_owned()
    }

    fn time(&mut self, field: &str, time: Duration) {
        if time > LONGEST {
            self.below(field, |this| this.problem("is longer than `24h`", None));
        }
    }

    fn threshold(&mut self, spec: &ThresholdSpec) -> Threshold {
        let hits = spec
            .hits
            .map_or(1, |hits| usize::try_from(hits).unwrap_or(usize::MAX));
        if !HITS.contains(&hits) {
            let detail = format!("is not one of {} to {}", HITS.start(), HITS.end());
            self.below("hits", |this| this.problem(&detail, None));
        }
        let (within, lasting) = (
            spec.within.unwrap_or(USUAL),
            spec.lasting.unwrap_or_default(),
        );
        self.time("within", within);
        self.time("lasting", lasting);
        Threshold {
            hits,
            within,
            lasting,
        }
    }

    fn clears(&mut self, spec: Option<ClearsSpec>) -> (Vec<UserClear>, Vec<UserLine>) {
        let Some(spec) = spec else {
            return (vec![UserClear::Silence(USUAL)], Vec::new());
        };
        let mut clears = Vec::new();
        if let Some(time) = spec.silence {
            self.time("silence", time);
            clears.push(UserClear::Silence(time));
        }
        if let Some(active) = spec.unit_active {
            let unit = self.below("unitActive", |this| {
                this.time("for", active.time);
                this.below("unit", |this| this.unit(&active.unit))
            });
            clears.push(UserClear::UnitActive(unit, active.time));
        }
        let over = if spec.lines.is_empty() {
            Vec::new()
        } else {
            self.below("lines", |this| this.lines(spec.lines))
        };
        if clears.is_empty() && over.is_empty() {
            self.problem(
                "says nothing that takes the finding back",
                Some("without `clears` silence of ten minutes does".to_owned()),
            );
        }
        (clears, over)
    }
}
