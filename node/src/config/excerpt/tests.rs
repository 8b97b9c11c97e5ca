use super::super::decode;
use super::*;

fn rendered(text: &str) -> Vec<String> {
    let document = Document {
        name: "the user data".to_owned(),
        text: text.to_owned(),
    };
    let (_, problems) = decode::read(&document, 0);
    let documents = [document];
    problems
        .iter()
        .map(|problem| render(problem, &documents))
        .collect()
}

fn at(text: &str, line: usize, column: usize) -> String {
    let documents = [Document {
        name: "x".to_owned(),
        text: text.to_owned(),
    }];
    let place = Place {
        document: 0,
        line,
        column,
    };
    render(&Problem::fatal(&[], "is wrong").at(place), &documents)
}

const HEAD: &str = "apiVersion: node.eks.aws/v1alpha1\nkind: NodeConfig\nspec:\n";

#[test]
fn a_value_of_the_environment_is_not_shown() {
    let text = format!(
        "{HEAD}  instance:\n    environment:\n      default:\n        PIN: 31337\n  kubelet: 5\n"
    );
    let rendered = rendered(&text);
    assert_eq!(
        rendered,
        [
            "error: `spec.instance.environment.default.PIN` is an integer where a string is expected\n --> the user data, line 7, column 14\n  |\n7 |         PIN: ***\n  |             ^\n  = help: put it in quotes",
            "error: `spec.kubelet` is an integer where a map is expected\n --> the user data, line 8, column 12\n  |\n8 |   kubelet: 5\n  |            ^"
        ]
    );
}

#[test]
fn secrets_are_masked_however_they_are_written() {
    let secret = "hunter2";
    for text in [
        "environment: {default: {A: hunter2}}\n",
        "spec:\n  environment:\n    default:\n      A: |\n        hunter2\n",
        "spec:\n  environment: {\n  default: {\n  A: hunter2\n  }}\n",
        "{\"environment\": {\"default\":\n{\"A\": \"hunter2\"}}}\n",
        "password: hunter2\n",
        "  - --proxy-password=hunter2 --x\n",
        "registryToken:\n- hunter2\n",
        "config: |\n  [auth]\n  auth = \"hunter2\"\n",
        "secret:\n  deep:\n    - hunter2\n",
        "proxy: http://me:hunter2@10.0.0.1\n",
        "MY_API_KEY: hunter2\n",
    ] {
        for line in 1..=text.lines().count() {
            let shown = at(text, line, 3);
            assert!(!shown.contains(secret), "{text}\n{shown}");
        }
    }
}

#[test]
fn what_follows_a_secret_is_shown_again() {
    let text = "spec:\n  environment:\n    default:\n      A: b\n  kubelet: visible\n";
    assert!(at(text, 5, 3).contains("kubelet: visible"));
    assert!(at("certificateAuthority: aGVsbG8=\n", 1, 1).contains("aGVsbG8="));
}

#[test]
fn a_long_line_is_cut_around_the_caret() {
    let text = format!("a: {}", "0123456789".repeat(60));
    let shown = at(&text, 1, 304);
    let lines: Vec<&str> = shown.lines().collect();
    let source = lines[3].strip_prefix("1 | ").unwrap();
    let caret = lines[4].strip_prefix("  | ").unwrap();
    assert!(source.chars().count() <= WIDTH + 2, "{shown}");
    assert_eq!(source.chars().nth(caret.chars().count() - 1), Some('0'));
}

#[test]
fn the_end_of_the_text_is_a_place_too() {
    assert!(at("a: [1\n", 2, 1).ends_with("2 | \n  | ^"));
}
