mod damage;

use std::path::PathBuf;
use std::time::Duration;

use super::super::Document;
use super::*;
use crate::rule::{Engine, Record, RuleSet};

const HEAD: &str = "apiVersion: nodectl.dev/v1alpha1\nkind: RuleSet\nspec:\n  rules:\n";

const SENSOR: &str = "
    - code: user.sensor_blind
      severity: warning
      title: The sensor does not see this kernel
      fix: Update the sensor's package on NODE
      match:
        - units: [sensor]
          contains: [reduced functionality mode, kernel module is not supported]
          excludes: [dry run]
          regex: 'kernel (?<object>[0-9.]+)'
      threshold: {hits: 2, within: 5m}
      clears:
        silence: 30m
        lines:
          - units: [sensor]
            contains: [full functionality]
";

fn document(rules: &str) -> Document {
    Document {
        name: "`/etc/nodeagent/rules.d/a.yaml`".to_owned(),
        text: format!("{HEAD}{rules}"),
    }
}

fn told(rules: &str) -> Vec<String> {
    let document = document(rules);
    let (_, problems) = read(&document, 0);
    let documents = [document];
    problems
        .iter()
        .map(|problem| problem.told(&documents))
        .collect()
}

struct Node {
    engine: Engine,
    second: i64,
}

impl Node {
    fn with(rules: &str) -> Self {
        let (rules, problems) = read(&document(rules), 0);
        assert_eq!(problems, []);
        Self {
            engine: Engine::with(Arc::new(RuleSet::new(&rules, &[].into()))),
            second: 0,
        }
    }

    fn says(&mut self, seconds: i64, message: &str) -> Vec<String> {
        self.second += seconds;
        let at = jiff::Timestamp::from_second(self.second).unwrap();
        self.engine.record(&Record {
            unit: "sensor.service",
            identifier: "sensord",
            message,
            at,
        });
        self.engine.tick(at);
        let open = self.engine.open().into_iter();
        open.map(|finding| format!("{} {}", finding.code, finding.object))
            .collect()
    }
}

const BLIND: &str = "entering reduced functionality mode: kernel 6.12.1";

#[test]
fn a_rule_finds_counts_and_clears_as_it_says() {
    let mut node = Node::with(SENSOR);
    let open = ["user.sensor_blind 6.12.1".to_owned()];
    assert_eq!(node.says(0, BLIND), [""; 0], "once is not enough");
    assert_eq!(
        node.says(1, "reduced functionality mode (dry run): kernel 6.12.1"),
        [""; 0]
    );
    assert_eq!(
        node.says(1, "reduced functionality mode"),
        [""; 0],
        "no kernel"
    );
    assert_eq!(node.says(1, BLIND), open);
    let finding = node.engine.open().remove(0);
    assert_eq!((finding.count, finding.evidence.len()), (2, 1));
    assert_eq!(node.says(1799, "nothing"), open);
    assert_eq!(node.says(1, "nothing"), [""; 0]);
    node.says(1, BLIND);
    assert_eq!(node.says(1, BLIND), open);
    assert_eq!(node.says(1, "back to full functionality"), [""; 0]);
    assert_eq!(node.engine.take_cleared().len(), 2);
}

#[test]
fn the_fix_of_a_rule_names_what_the_node_knows() {
    let mut node = Node::with(SENSOR);
    node.engine.set_identity(crate::wire::Identity {
        node_name: "ip-10-0-0-1".into(),
        ..Default::default()
    });
    node.says(0, BLIND);
    node.says(0, BLIND);
    let finding = node.engine.open().remove(0);
    assert_eq!(finding.fix, "Update the sensor's package on ip-10-0-0-1");
}

#[test]
fn a_unit_that_was_started_again_takes_it_back() {
    let rules = SENSOR.replace("silence: 30m", "unitActive: {unit: sensor, for: 20s}");
    let mut node = Node::with(&rules);
    let manager = |node: &mut Node, message: &str| {
        let at = jiff::Timestamp::from_second(node.second).unwrap();
        node.engine.record(&Record {
            unit: "sensor.service",
            identifier: "systemd",
            message,
            at,
        });
    };
    manager(&mut node, "Started sensor.service - The sensor.");
    node.says(30, BLIND);
    assert_eq!(node.says(0, BLIND).len(), 1, "it was up before");
    assert_eq!(node.says(7200, "nothing").len(), 1);
    manager(&mut node, "Stopped sensor.service - The sensor.");
    manager(&mut node, "Started sensor.service - The sensor.");
    assert_eq!(node.says(19, "nothing").len(), 1);
    assert_eq!(node.says(1, "nothing").len(), 0);
}

#[test]
fn rules_are_exchanged_and_what_is_open_stays_open_unless_its_rule_is_gone() {
    let mut node = Node::with(SENSOR);
    node.says(0, BLIND);
    node.says(0, BLIND);
    let at = jiff::Timestamp::from_second(node.second).unwrap();
    let (rules, _) = read(&document(&SENSOR.replace("hits: 2", "hits: 1")), 0);
    let set = |disabled: &[&str]| {
        let disabled = disabled.iter().map(|code| (*code).to_owned()).collect();
        Arc::new(RuleSet::new(&rules, &disabled))
    };
    let before = node.engine.open();
    node.engine.set_rules(set(&["join.unauthorized"]), at);
    assert_eq!(node.engine.open(), before);
    let snapshot = node.engine.snapshot();
    node.engine.set_rules(set(&["user.sensor_blind"]), at);
    assert_eq!(node.engine.open(), []);
    assert_eq!(node.engine.take_cleared().len(), 1);
    // A restart of the program keeps it, if the rule is still there.
    let mut next = Engine::with(set(&[]));
    next.restore(snapshot.clone(), at);
    assert_eq!(next.open(), before);
    let mut next = Engine::new();
    next.restore(snapshot, at);
    assert_eq!(next.open(), []);
}

#[test]
fn a_disabled_rule_of_the_program_finds_nothing() {
    let refused = Record {
        unit: "kubelet.service",
        identifier: "kubelet",
        message: r#"E0102 03:04:05.1 1 a.go:1] "Unable to register" err="Unauthorized""#,
        at: jiff::Timestamp::UNIX_EPOCH,
    };
    for (disabled, open) in [(vec![], 1), (vec!["join.unauthorized".to_owned()], 0)] {
        let rules = RuleSet::new(&[], &disabled.into_iter().collect());
        let mut engine = Engine::with(Arc::new(rules));
        engine.record(&refused);
        assert_eq!(engine.open().len(), open);
    }
}

#[test]
fn objects_without_end_leave_room_for_the_rules_of_the_program() {
    let say_all = |node: &mut Node| {
        for index in 0..1000 {
            node.says(0, &format!("reduced functionality mode: kernel {index}"));
        }
        node.engine.open().len()
    };
    let mut alone = Node::with(&SENSOR.replace("hits: 2", "hits: 1"));
    assert_eq!(say_all(&mut alone), 32);
    let mut rules = String::new();
    for index in 0..10 {
        let rule = SENSOR.replace("sensor_blind", &format!("sensor_{index}"));
        rules.push_str(&rule.replace("hits: 2", "hits: 1"));
    }
    let mut node = Node::with(&rules);
    assert_eq!(say_all(&mut node), 128);
    assert_eq!(node.engine.refused(), 10 * 1000 - 128);
    node.engine.record(&Record {
        unit: "kubelet.service",
        identifier: "kubelet",
        message: r#"E0102 03:04:05.1 1 a.go:1] "Unable to register" err="Unauthorized""#,
        at: jiff::Timestamp::UNIX_EPOCH,
    });
    assert_eq!(node.engine.open().len(), 129);
}

#[test]
fn what_is_wrong_is_told_with_its_place_and_what_was_meant() {
    const FILE: &str = "`/etc/nodeagent/rules.d/a.yaml`";
    let cases = [
        (
            "severity: warning",
            "severety: warning",
            "line 7, column 7: `spec.rules[0].severety` is not a field of RuleSet; did you mean `severity`?",
        ),
        (
            "severity: warning",
            "severity: fatl",
            "line 7, column 17: `spec.rules[0].severity` is none of `info`, `warning`, `fatal`; did you mean `fatal`?",
        ),
        (
            "user.sensor_blind",
            "join.unauthorized",
            "line 6, column 13: `spec.rules[0].code` is a code of the catalogue; one of your own begins with `user.`; write `user.join.unauthorized`",
        ),
        (
            "user.sensor_blind",
            "Sensor blind",
            "line 6, column 13: `spec.rules[0].code` is not `user.` and a name of `a-z`, `0-9`, `_` and `.`; write `user.sensorblind`",
        ),
        (
            "[0-9.]+)",
            "[0-9.]+",
            "line 14, column 18: `spec.rules[0].match[0].regex` is no regular expression: ",
        ),
        (
            "[dry run]",
            "[dry]",
            "line 13, column 22: `spec.rules[0].match[0].excludes[0]` has 3 bytes where 4 to 256 may be",
        ),
        (
            "hits: 2",
            "hits: 0",
            "line 15, column 25: `spec.rules[0].threshold.hits` is not one of 1 to 100",
        ),
        (
            "silence: 30m",
            "silence: 25h",
            "line 17, column 18: `spec.rules[0].clears.silence` is longer than `24h`",
        ),
        (
            "silence: 30m",
            "silence: soon",
            "line 17, column 18: `spec.rules[0].clears.silence` is not a duration such as `90s` or `10m`",
        ),
        (
            "- units: [sensor]",
            "- units: []",
            "line 11, column 18: `spec.rules[0].match[0].units` has 0 items where 1 to 16 may be",
        ),
        (
            "- units: [sensor]",
            "- units: ['a b']",
            "line 11, column 19: `spec.rules[0].match[0].units[0]` is not the name of a unit",
        ),
    ];
    for (right, wrong, expected) in cases {
        assert!(SENSOR.contains(right), "{right}");
        let told = told(&SENSOR.replacen(right, wrong, 1));
        let expected = format!("{FILE}, {expected}");
        assert!(
            told.iter().any(|told| told.starts_with(&expected)),
            "{told:#?}\nhas not\n{expected}"
        );
    }
}

#[test]
fn what_must_be_there_is_missed_and_what_is_too_much_is_refused() {
    let missing = told(&SENSOR.replace("      title: The sensor does not see this kernel\n", ""));
    assert_eq!(missing.len(), 1, "{missing:?}");
    assert!(
        missing[0].ends_with("line 6, column 7: `spec.rules[0].title` is missing"),
        "{missing:?}"
    );
    let empty = told(&SENSOR.replace("title: The sensor does not see this kernel", "title:"));
    assert_eq!(empty, missing);
    let twice = told(&format!("{SENSOR}{SENSOR}"));
    assert!(
        twice[0].contains("`spec.rules[1].code` stands twice in this file"),
        "{twice:?}"
    );
    let many: String = (0..201)
        .map(|index| SENSOR.replace("blind", &index.to_string()))
        .collect();
    assert!(told(&many)[0].contains("`spec.rules` has more than 200 rules"));
    // Counted repetitions are what makes a small expression large.
    let large = told(&SENSOR.replace("[0-9.]+", "(?:[a-z]{1,99}x){1,99}"));
    assert!(
        large[0].contains("`spec.rules[0].match[0].regex` is no regular expression"),
        "{large:?}"
    );
    let nothing = SENSOR.split("      clears:").next().unwrap().to_owned() + "      clears: {}\n";
    assert!(told(&nothing)[0].contains("says nothing that takes the finding back"));
}

#[test]
fn another_document_is_named_and_not_half_used() {
    let kind = |text: &str| {
        let document = Document {
            name: "a".to_owned(),
            text: text.to_owned(),
        };
        let (rules, problems) = read(&document, 0);
        assert_eq!(rules.len(), 0);
        problems[0].to_string()
    };
    let expected = "expected `apiVersion: nodectl.dev/v1alpha1`, `kind: RuleSet`";
    assert_eq!(
        kind("apiVersion: nodectl.dev/v1alpha1\nkind: AgentConfig\n"),
        format!("`kind` is not that of a RuleSet; {expected}")
    );
    assert_eq!(
        kind("kind: RuleSet\n"),
        format!("`apiVersion` is missing; {expected}")
    );
    assert_eq!(kind("[]"), format!("a list and no RuleSet; {expected}"));
    assert!(kind(&format!("{HEAD}{SENSOR}---\n{HEAD}")).contains("document"));
    assert!(is_one("kind: ruleset") && !is_one("kind: NodeConfig") && !is_one("["));
}

#[test]
fn a_code_of_two_files_is_used_once() {
    let (rules, _) = read(&document(SENSOR), 0);
    let (together, left_out) =
        together([("a.yaml", rules.as_slice()), ("b.yaml", rules.as_slice())]);
    assert_eq!(together.len(), 1);
    assert_eq!(
        left_out,
        ["b.yaml: `user.sensor_blind` is in a.yaml already and is not used"]
    );
}

#[test]
fn without_more_words_a_rule_takes_one_line_and_ten_minutes_of_silence() {
    let (short, _) = SENSOR.split_once("      threshold:").unwrap();
    let (rules, problems) = read(&document(short), 0);
    assert_eq!(problems, []);
    assert_eq!((rules[0].threshold.hits, rules[0].over.len()), (1, 0));
    assert_eq!(
        rules[0].clears,
        [crate::rule::UserClear::Silence(Duration::from_mins(10))]
    );
}

/// Every example can be used as it is.
#[test]
fn the_examples_are_right() {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../examples/rules");
    let mut seen = 0;
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let document = Document {
            name: path.display().to_string(),
            text: std::fs::read_to_string(&path).unwrap(),
        };
        let (rules, problems) = read(&document, 0);
        assert_eq!(problems, [], "{}", document.name);
        seen += rules.len();
    }
    assert!(seen >= 3);
}
