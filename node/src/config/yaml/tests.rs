use std::fmt::Write as _;
use std::time::{Duration, Instant};

use proptest::prelude::*;
use serde_json::{Value as Json, json};

use super::*;

fn json(text: &str) -> Json {
    parse(text, 0).unwrap().root.to_json()
}

fn detail(text: &str) -> String {
    let remark = parse(text, 0).unwrap_err();
    format!(
        "{}:{} {}",
        remark.place.line, remark.place.column, remark.detail
    )
}

/// Expected values are what `sigs.k8s.io/yaml` v1.4.0 makes of the same text (`YAMLToJSON`).
#[test]
fn scalars_are_read_as_go_reads_them() {
    let cases = [
        ("0644", json!(420)),
        ("-0644", json!(-420)),
        ("0", json!(0)),
        ("00", json!(0)),
        ("08", json!(8)),
        ("0o17", json!(15)),
        ("0x1F", json!(31)),
        ("0X1f", json!(31)),
        ("-0x1F", json!(-31)),
        ("0b1", json!(1)),
        ("0b-101", json!(-5)),
        ("0b12", json!("0b12")),
        ("0x", json!("0x")),
        ("1_000", json!(1000)),
        ("1__0_", json!(10)),
        ("+5", json!(5)),
        ("-5", json!(-5)),
        ("+", json!("+")),
        ("--5", json!("--5")),
        ("1.20", json!(1.2)),
        ("1.0", json!(1)),
        ("1.", json!(1)),
        (".5", json!(0.5)),
        (".5_91", json!(0.591)),
        (".5_", json!(".5_")),
        ("._5", json!("._5")),
        (".", json!(".")),
        ("..", json!("..")),
        ("1e3", json!(1000)),
        ("1E-2", json!(0.01)),
        ("1e", json!("1e")),
        ("1e400", json!("1e400")),
        ("1.2.3", json!("1.2.3")),
        ("12:30", json!("12:30")),
        ("0x1p-2", json!("0x1p-2")),
        ("9223372036854775807", json!(i64::MAX)),
        ("18446744073709551615", json!(u64::MAX)),
        ("+18446744073709551615", json!(18_446_744_073_709_551_615.0)),
        ("18446744073709551616", json!(18_446_744_073_709_551_616.0)),
        ("yes", json!(true)),
        ("Yes", json!(true)),
        ("YES", json!(true)),
        ("yEs", json!("yEs")),
        ("y", json!(true)),
        ("N", json!(false)),
        ("on", json!(true)),
        ("Off", json!(false)),
        ("TRUE", json!(true)),
        ("tRue", json!("tRue")),
        ("~", json!(null)),
        ("null", json!(null)),
        ("NULL", json!(null)),
        ("nULL", json!("nULL")),
        ("", json!(null)),
        ("2026-01-02", json!("2026-01-02")),
        ("2026-01-02T03:04:05Z", json!("2026-01-02T03:04:05Z")),
        ("'0644'", json!("0644")),
        ("\"yes\"", json!("yes")),
        ("|\n  0644\n", json!("0644\n")),
        (">-\n  yes\n", json!("yes")),
        ("!!str 5", json!("5")),
        ("!!str", json!("")),
        ("!!int '5'", json!(5)),
        ("!!float 5", json!(5)),
        ("!!bool 'on'", json!(true)),
        ("!!binary aGk=", json!("hi")),
        ("!!timestamp 2026-01-02", json!("2026-01-02")),
        ("!custom 5", json!("5")),
        ("! 5", json!("5")),
        ("<<", json!("<<")),
        ("a b", json!("a b")),
    ];
    for (text, value) in cases {
        assert_eq!(json(&format!("v: {text}")), json!({"v": value}), "{text}");
    }
}

#[test]
fn what_json_cannot_hold_is_refused() {
    for text in [".inf", "-.INF", ".NaN"] {
        assert_eq!(
            detail(&format!("v: {text}")),
            "1:4 an infinity or no number, which JSON cannot hold"
        );
    }
    assert_eq!(
        detail("v: !!int a"),
        "1:10 a scalar tagged `!!int` that cannot be read as one"
    );
}

#[test]
fn keys_that_are_no_text_become_it() {
    assert_eq!(
        json("{0644: a, yes: b, 1.50: c, -1: d, 1e5: e, 1e21: f, 1000000.5: g, 0.00001: h}"),
        json!({"420": "a", "true": "b", "1.5": "c", "-1": "d", "100000": "e", "1e+21": "f", "1.0000005e+06": "g", "1e-05": "h"})
    );
    assert_eq!(detail("~: a"), "1:1 nothing cannot be a key");
    assert_eq!(detail("? [a]\n: b"), "1:3 a list cannot be a key");
}

#[test]
fn aliases_and_merge_keys_are_expanded() {
    let text = "base: &b {a: 1, b: 2}\nother: &o {b: 3, c: 4}\none: {<<: *b, b: 5}\ntwo: {b: 5, <<: *b}\nmany: {<<: [*b, *o]}\nlist: [*b]\nquoted: {'<<': x}\n";
    assert_eq!(
        json(text),
        json!({
            "base": {"a": 1, "b": 2},
            "other": {"b": 3, "c": 4},
            "one": {"a": 1, "b": 5},
            // goyaml.v2 fills a map in the order of the text.
            "two": {"a": 1, "b": 2},
            "many": {"a": 1, "b": 2, "c": 4},
            "list": [{"a": 1, "b": 2}],
            "quoted": {"<<": "x"}
        })
    );
    assert_eq!(
        detail("<<: 5"),
        "1:5 a merge key `<<` needs a map or a list of maps"
    );
    assert!(detail("a: &a [*a]").starts_with("1:8 an alias that contains itself"));
    assert_eq!(
        detail("a: *b"),
        "1:4 not YAML: an alias names no anchor before it"
    );
}

#[test]
fn a_repeated_key_and_a_second_document_are_told() {
    let parsed = parse("a: 1\nb: {c: 1}\na: 2\nb: {d: 2}\n---\nx: 1\n", 3).unwrap();
    assert_eq!(parsed.root.to_json(), json!({"a": 2, "b": {"d": 2}}));
    let told: Vec<String> = parsed
        .warnings
        .iter()
        .map(|warning| format!("{} {}", warning.place.line, warning.detail))
        .collect();
    assert_eq!(
        told,
        [
            "3 duplicate key; the value of line 1 has no effect",
            "4 duplicate key; the value of line 2 has no effect",
            "5 a second document begins here and is not read"
        ]
    );
    assert!(parse("a: 1\n---\n[", 0).is_ok());
    assert_eq!(json("---\na: 1\n...\n"), json!({"a": 1}));
    assert_eq!(json("# nothing\n"), json!(null));
}

#[test]
fn what_follows_the_document_is_told_unless_it_is_a_comment() {
    for text in [
        "{\"a\": 1}",
        "{\"a\": 1}\n\n# end\n",
        "{\"a\": 1} # end",
        "a: 1\n...\n",
        "a: 1\n...\n# end\n",
        "a: 1\n \n\t\n# end",
    ] {
        let parsed = parse(text, 0).unwrap();
        assert_eq!(parsed.root.to_json(), json!({"a": 1}), "{text:?}");
        assert_eq!(parsed.warnings, [], "{text:?}");
    }
    for text in [
        "{\"a\": 1} x",
        "{\"a\": 1}\nx",
        "{\"a\": 1}\nx: y\n",
        "{\"a\": 1}\n{\"b\": 2}\n",
        "{\"a\": 1}, 5",
        "a: 1\n...\nx\n",
        "a: 1\n...\n]\n",
    ] {
        let parsed = parse(text, 0).unwrap_or_else(|error| panic!("{text:?}: {error:?}"));
        assert_eq!(parsed.root.to_json(), json!({"a": 1}), "{text:?}");
        let told = &parsed.warnings;
        assert_eq!(told.len(), 1, "{text:?}: {told:?}");
        assert!(told[0].detail.ends_with("not read"), "{text:?}: {told:?}");
    }
    // Without a mark, that the document has ended shows in what comes next.
    for text in ["{\"a\": 1}}", "{\"a\": 1}\n@", "{\"a\": 1} \"x"] {
        assert!(detail(text).contains("not YAML: "), "{text:?}");
    }
}

#[test]
fn every_value_and_key_has_its_place() {
    let parsed = parse("a:\n  - x\n  - b: |\n      text\n\u{e9}\u{e9}: {c: 1}\n", 7).unwrap();
    let place = |path: &[&str]| {
        let place = parsed.root.at(path).unwrap().place;
        (place.document, place.line, place.column)
    };
    assert_eq!(place(&["a", "[0]"]), (7, 2, 5));
    // A block begins with its first line and not with its `|`.
    assert_eq!(place(&["a", "[1]", "b"]), (7, 4, 7));
    assert_eq!(place(&["\u{e9}\u{e9}", "c"]), (7, 5, 9));
    assert_eq!(parsed.root.entries()[1].place.line, 5);
    assert_eq!(parsed.root.at(&["a", "[2]"]), None);
    assert_eq!(parsed.root.at(&["a", "x"]), None);
}

#[test]
fn json_is_yaml() {
    let text = "{\n\t\"a\": [1, -2.5e3, true, null, \"\\u00e9\\ud83d\\ude00\\/\\n\"],\n\t\"b\":{\"c\":\"yes\",\"d\":[]},\"e\":{}\n}\n";
    let expected: Json = serde_json::from_str(text).unwrap();
    let found = json(text);
    assert_eq!(found["a"][1], json!(-2500));
    assert_eq!(found["a"][4], expected["a"][4]);
    assert_eq!(found["b"], expected["b"]);
    assert_eq!(found["e"], expected["e"]);
    let long_key = format!("{{\"{}\": 1}}", "k".repeat(900));
    assert!(parse(&long_key, 0).is_ok());
    assert_eq!(json("\u{feff}{\"a\": 1}"), json!({"a": 1}));
    assert_eq!(json("a: 1\r\nb: 2\r\n"), json!({"a": 1, "b": 2}));
}

#[test]
fn what_is_no_yaml_is_told_with_its_place() {
    let cases = [
        ("a: [1, 2", "not YAML: "),
        ("a: b: c", "1:5 not YAML: a `:` cannot stand here"),
        ("a:\n\t- b", "2:2 not YAML: a tab stands where only spaces"),
        ("a: @b", "1:4 not YAML: a value cannot begin with `@`"),
        ("a: \"b", "not YAML: "),
        ("a: 1\n b: 2", "not YAML: "),
        ("a\u{0}b: c", "1:2 not YAML: the control character U+0000"),
        (
            "x: 1\ny: \u{1b}[31m",
            "2:4 not YAML: the control character U+001B",
        ),
    ];
    for (text, expected) in cases {
        let found = detail(text);
        assert!(found.contains(expected), "{text:?}: {found}");
    }
}

fn bombs() -> Vec<(&'static str, String)> {
    let mut aliases = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n".to_owned();
    for level in 1..20 {
        let before = format!("*a{}", level - 1);
        let items = vec![before; 10].join(", ");
        writeln!(aliases, "a{level}: &a{level} [{items}]").unwrap();
    }
    let merges = (1..20).fold("a0: &a0 {x: 1}\n".to_owned(), |text, level| {
        let before = format!("*a{}", level - 1);
        let items = vec![before; 10].join(", ");
        text + &format!("a{level}: &a{level} {{<<: [{items}], y{level}: 1}}\n")
    });
    let chain = (1..2000).fold("a0: &a0 [x]\n".to_owned(), |text, level| {
        text + &format!("a{level}: &a{level} [*a{}]\n", level - 1)
    });
    let size = 1024 * 1024;
    vec![
        ("aliases", aliases),
        ("merges", merges),
        ("a chain of aliases", chain),
        (
            "one long text many times",
            format!(
                "a: &a {}\nb: [{}]\n",
                "x".repeat(500_000),
                vec!["*a"; 10_000].join(",")
            ),
        ),
        ("brackets", "[".repeat(size)),
        ("braces", "{".repeat(size)),
        ("braces with keys", "{a: ".repeat(size / 4)),
        ("dashes", "- ".repeat(size / 2)),
        ("question marks", "? ".repeat(size / 2)),
        (
            "indentation",
            (0..1000).fold(String::new(), |text, level| {
                text + &" ".repeat(level) + "a:\n"
            }),
        ),
        ("many values", format!("[{}]", "a,".repeat(size / 2 - 2))),
        (
            "many keys",
            (0..90_000).fold(String::new(), |text, number| {
                text + &format!("k{number}: 1\n")
            }),
        ),
        ("anchors", "&a ".repeat(size / 3)),
        ("tags", "!a ".repeat(size / 3)),
        ("quotes", format!("\"{}", "\\\"".repeat(size / 2 - 1))),
        ("a long key", format!("{}: 1", "k".repeat(size - 4))),
        ("colons", ": ".repeat(size / 2)),
        ("directives", "%A b\n".repeat(size / 5)),
        ("documents", "---\n".repeat(size / 4)),
        ("comments", "#\n".repeat(size / 2)),
        ("tabs", "\t".repeat(size)),
    ]
}

/// A debug build is many times slower than a release build; the bound holds for both.
#[test]
fn hostile_documents_end_quickly_with_a_clear_answer() {
    for (name, text) in bombs() {
        let begin = Instant::now();
        let parsed = parse(&text, 0);
        let took = begin.elapsed();
        assert!(took < Duration::from_secs(5), "{name}: {took:?}");
        match parsed {
            Ok(parsed) => assert!(
                [Value::Null, Value::Text(String::new())].contains(&parsed.root.value),
                "{name}"
            ),
            Err(remark) => assert!(remark.detail.len() < 120, "{name}: {}", remark.detail),
        }
    }
}

#[test]
fn a_document_cut_anywhere_is_no_panic() {
    let text =
        "a: &x {b: [1, \"two\", 'three'], <<: {c: d}}\ne: |\n  f\n  g\nh: *x\n? i\n: !!str j\n";
    for end in 0..text.len() {
        drop(parse(text.get(..end).unwrap(), 0));
    }
}

proptest! {
    #[test]
    fn any_text_is_read_or_refused(text in any::<String>()) {
        drop(parse(&text, 0));
    }

    #[test]
    fn any_yaml_like_text_is_read_or_refused(text in "[-a:,\\[\\]{}&*!|>'\"%@#? \n\t0-9]{0,60}") {
        drop(parse(&text, 0));
    }
}
