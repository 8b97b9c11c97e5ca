//! Files that were cut, or into which something fell.

use super::super::super::excerpt;
use super::*;

proptest::proptest! {
    #![proptest_config(proptest::test_runner::Config::with_cases(200))]

    /// A file that was cut, or into which something fell, is read or refused; what is read runs.
    #[test]
    fn a_damaged_file_harms_nothing(
        from in 0_usize..700,
        length in 0_usize..60,
        put in "[\\x00-\\x7f\u{e9}\u{1f980}]{0,20}",
    ) {
        let text = format!("{HEAD}{SENSOR}");
        let cut = |at: usize| text.floor_char_boundary(at.min(text.len()));
        let head = text.get(..cut(from)).unwrap();
        let tail = text.get(cut(from + length)..).unwrap();
        let damaged = Document {
            name: "a".to_owned(),
            text: format!("{head}{put}{tail}"),
        };
        let (rules, problems) = read(&damaged, 0);
        assert!(!rules.is_empty() || !problems.is_empty() || !damaged.text.contains("code"));
        for problem in &problems {
            excerpt::render(problem, std::slice::from_ref(&damaged));
        }
        // Compiling all rules of the program takes long in a debug build.
        for rule in rules {
            for (place, _) in rule.all_lines().enumerate() {
                rule.matching(place, &Record {
                    unit: "sensor.service",
                    identifier: "sensord",
                    message: BLIND,
                    at: jiff::Timestamp::UNIX_EPOCH,
                });
            }
        }
    }
}
