//! Expressions that people write, expressions that cannot be right, and hostile ones.

use proptest::prelude::*;

use super::*;

const M5_LARGE: Variables = Variables {
    limits: Some(Limits {
        enis: 3,
        ipv4_per_eni: 10,
    }),
    max_pods: 29,
    vcpus: Some(2),
    memory_mebibytes: Some(8192),
};

fn value(text: &str) -> Result<u32, Error> {
    compile(text)?.evaluate(&M5_LARGE)
}

/// Runs on a stack as large as that of the main thread, on which both programs run. The stack of a test's thread is a
/// quarter of it, and the frames of a debug build are ten times as large as those of a release build.
fn on_a_main_stack(body: impl FnOnce() + Send + 'static) {
    const MAIN_STACK: usize = 8 * 1024 * 1024;
    let thread = std::thread::Builder::new()
        .stack_size(MAIN_STACK)
        .spawn(body);
    if let Err(panic) = thread.unwrap().join() {
        std::panic::resume_unwind(panic);
    }
}

fn message(text: &str) -> String {
    value(text).unwrap_err().to_string()
}

#[test]
fn arithmetic_over_the_variables_gives_pods() {
    for (text, pods) in [
        ("max_pods", 29),
        ("max_pods - 4", 25),
        ("default_enis * (ips_per_eni - 1)", 27),
        ("(default_enis - 1) * (ips_per_eni - 1) + 2", 20),
        ("default_enis * ((ips_per_eni - 1) * 16) + 2", 434),
        ("max_pods > 20 ? 20 : max_pods", 20),
        ("vcpus > 30 ? 250 : 110", 110),
        ("physical_memory_mib / 512", 16),
        ("int(double(max_pods) * 0.5)", 14),
        ("double(max_pods) * 0.5", 14),
        ("uint(7)", 7),
        ("'42'", 42),
        (" max_pods\n // all of them\n", 29),
        ("type(max_pods) == int ? 5 : 6", 5),
    ] {
        assert_eq!(value(text), Ok(pods), "{text}");
    }
}

#[test]
fn a_wrong_expression_is_told_when_it_is_compiled() {
    let compiled = |text: &str| compile(text).unwrap_err().to_string();
    assert!(
        compiled("max_pods -").starts_with("it is no CEL expression: column "),
        "{}",
        compiled("max_pods -")
    );
    assert!(compiled("").starts_with("it is no CEL expression"));
    assert_eq!(
        compiled("max_pod - 1"),
        "it uses `max_pod`; there are only `default_enis`, `ips_per_eni`, `max_pods`, `vcpus`, `physical_memory_mib`"
    );
    assert!(compiled("smallest(max_pods, 110)").starts_with("it does not evaluate"));
    assert!(compiled("max_pods * 0.5").starts_with("it does not evaluate"));
    assert_eq!(
        compiled("max_pods > 110"),
        "its value is no number but a boolean"
    );
    assert_eq!(compiled("[1]"), "its value is no number but a list");
    assert_eq!(compiled("'many'"), "its value is no number but text");
    assert_eq!(
        compile("[1, 2].map(x, x * 2)[0]").unwrap_err(),
        Error::Macro
    );
    assert_eq!(
        compile("[[1].exists(x, x > 0)] == [] ? 1 : 2").unwrap_err(),
        Error::Macro
    );
}

#[test]
fn a_value_that_is_no_number_of_pods_is_told_when_it_is_evaluated() {
    assert_eq!(
        message("max_pods - 29"),
        "its value is 0, and max pods is from 1 to 2147483647"
    );
    assert_eq!(
        message("max_pods - 30"),
        "its value is -1, and max pods is from 1 to 2147483647"
    );
    assert!(message("max_pods * 1000000000").starts_with("its value is 29000000000,"));
    assert!(message("double(max_pods) * 1e300").starts_with("its value is 2"));
    assert!(message("0.0 / 0.0").starts_with("its value is NaN"));
    assert!(message("1 / (max_pods - 29)").starts_with("it does not evaluate"));
    assert!(message("9223372036854775807 + max_pods").starts_with("it does not evaluate"));
    assert!(message("(-9223372036854775807 - 1) / -1").starts_with("it does not evaluate"));
    assert!(message("(-9223372036854775807 - 1) % -1").starts_with("it"));
}

#[test]
fn what_is_not_known_can_be_left_unused() {
    let unknown = Variables {
        limits: None,
        vcpus: None,
        memory_mebibytes: None,
        max_pods: 110,
    };
    let evaluate = |text: &str| compile(text).unwrap().evaluate(&unknown);
    assert_eq!(evaluate("max_pods - 10"), Ok(100));
    assert_eq!(evaluate("58"), Ok(58));
    assert_eq!(
        evaluate("default_enis * 2"),
        Err(Error::NotKnown {
            variable: "default_enis"
        })
    );
}

#[test]
fn an_expression_that_is_too_large_is_refused_before_it_is_parsed() {
    assert_eq!(
        compile(&"1".repeat(1001)).unwrap_err(),
        Error::TooLong { length: 1001 }
    );
    assert_eq!(
        compile(&format!("1{}", "+1".repeat(201))).unwrap_err(),
        Error::TooManyOperators { operators: 201 }
    );
    on_a_main_stack(|| {
        let nested = |depth| format!("{}1{}", "(".repeat(depth), ")".repeat(depth));
        assert_eq!(value(&nested(15)), Ok(1));
        assert_eq!(compile(&nested(17)).unwrap_err(), Error::TooDeep);
        assert_eq!(compile(&nested(90)).unwrap_err(), Error::TooDeep);
        let choices = |count| format!("{}7", "max_pods < 2 ? 1 : ".repeat(count));
        assert_eq!(value(&choices(12)), Ok(7));
        assert_eq!(compile(&choices(40)).unwrap_err(), Error::TooDeep);
    });
}

/// Long without brackets: what a parser or an evaluator that recurses would overflow its stack with.
#[test]
fn a_long_chain_does_not_exhaust_the_stack() {
    on_a_main_stack(|| {
        for text in long_chains() {
            // That it returns is what counts: a panic or an overflow would end the test.
            drop(value(&text));
        }
    });
}

fn long_chains() -> Vec<String> {
    vec![
        format!("1{}", "+1".repeat(200)),
        format!("true{}", "||true".repeat(100)),
        format!("true{}", "&&true".repeat(100)),
        format!("1{}", "==1".repeat(100)),
        format!("{}1", "-".repeat(200)),
        format!("{}true", "!".repeat(200)),
        format!("max_pods{}", ".a".repeat(200)),
        format!("max_pods{}", "[0]".repeat(100)),
        format!("max_pods{}", ".a()".repeat(66)),
        format!("{}1", "1?1:".repeat(100)),
        format!("{}1", "1?".repeat(200)),
        format!("[{}1]", "1,".repeat(190)),
        format!("{{{}1:1}}", "1:1,".repeat(90)),
        "'".repeat(200),
        "\"".repeat(199),
        "\\".repeat(200),
        "`".repeat(200),
        "a.".repeat(200),
        "(".repeat(16),
        "[{(".repeat(5),
        "\u{1f980}".repeat(250),
        "\0".repeat(1000),
        "r'''".to_owned(),
        "b'\\xff'".to_owned(),
        "'\\u'".to_owned(),
        "'\\U0011FFFF'".to_owned(),
        "'\\ud800'".to_owned(),
        "-9223372036854775808".to_owned(),
        "--9223372036854775808".to_owned(),
        "9223372036854775808".to_owned(),
        "99999999999999999999999999u".to_owned(),
        "1e999".to_owned(),
        "0x".to_owned(),
        "{}.x".to_owned(),
        "a{b:1}".to_owned(),
        "[].map()".to_owned(),
        "has(1)".to_owned(),
        "x.map(1, 2)".to_owned(),
        "x.all(x.y, true)".to_owned(),
        "'a' < 1".to_owned(),
        "size('a', 'b')".to_owned(),
        "int('x')".to_owned(),
        "int(1e300)".to_owned(),
        "uint(-1)".to_owned(),
        "double('')".to_owned(),
        "[1][9223372036854775807]".to_owned(),
        "[1][-1]".to_owned(),
        "{1:2}[3]".to_owned(),
        "'é'.size()".to_owned(),
        "optional.of(1).value()".to_owned(),
    ]
}

/// Pieces of which expressions consist, so that random ones reach further than the first character.
fn pieces() -> impl Strategy<Value = String> {
    let piece = prop::sample::select(vec![
        "max_pods",
        "default_enis",
        "x",
        "1",
        "0",
        "-1",
        "1.5",
        "1u",
        "0x1F",
        "1e9",
        "9223372036854775807",
        "true",
        "null",
        "'a'",
        "\"b\"",
        "r'c'",
        "b'd'",
        "'",
        "\\",
        "(",
        ")",
        "[",
        "]",
        "{",
        "}",
        "+",
        "-",
        "*",
        "/",
        "%",
        "!",
        "==",
        "!=",
        "<",
        "<=",
        ">",
        ">=",
        "&&",
        "||",
        "?",
        ":",
        ",",
        ".",
        "in",
        " ",
        "\n",
        "//",
        "`",
        "int(",
        "uint(",
        "double(",
        "string(",
        "bytes(",
        "bool(",
        "type(",
        "size(",
        "has(",
        ".map(x,",
        ".filter(x,",
        ".all(x,",
        ".exists(x,",
        ".exists_one(x,",
        ".size()",
        ".contains(",
        ".startsWith(",
        ".matches(",
        "dyn(",
        "min(",
        "max(",
        "optional.of(",
        "duration(",
        "timestamp(",
        "é",
        "\u{0}",
    ]);
    prop::collection::vec(piece, 0..40).prop_map(|pieces| pieces.concat())
}

proptest! {
    #[test]
    fn hostile_pieces_end_in_a_number_or_an_error(text in pieces()) {
        on_a_main_stack(move || drop(value(&text)));
    }

    #[test]
    fn hostile_text_ends_in_a_number_or_an_error(text in any::<String>()) {
        on_a_main_stack(move || drop(value(&text)));
    }
}
