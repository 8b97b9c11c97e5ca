//! The lines in which two texts differ.

/// The lines that went with `- ` before them and those that came with `+ `, in their order. Those that both have are left
/// out.
pub(super) fn lines(from: &[String], to: &[String]) -> Vec<String> {
    let common = common_lengths(from, to);
    let at = |row: usize, column: usize| {
        common
            .get(row)
            .and_then(|row| row.get(column))
            .copied()
            .unwrap_or_default()
    };
    let (mut row, mut column) = (0, 0);
    let mut lines = Vec::new();
    loop {
        match (from.get(row), to.get(column)) {
            (Some(old), Some(new)) if old == new => {
                row += 1;
                column += 1;
            }
            (Some(old), new) if new.is_none() || at(row + 1, column) >= at(row, column + 1) => {
                lines.push(format!("- {old}"));
                row += 1;
            }
            (_, Some(new)) => {
                lines.push(format!("+ {new}"));
                column += 1;
            }
            (_, None) => return lines,
        }
    }
}

/// How many lines the rests of both texts have in common, in order: by the beginning of the one, then of the other.
fn common_lengths(from: &[String], to: &[String]) -> Vec<Vec<u32>> {
    let mut below = vec![0; to.len() + 1];
    let mut rows = vec![below.clone()];
    for old in from.iter().rev() {
        let mut row = vec![0; to.len() + 1];
        let mut right = 0;
        for (column, new) in to.iter().enumerate().rev() {
            let diagonal: u32 = below.get(column + 1).copied().unwrap_or_default();
            let down = below.get(column).copied().unwrap_or_default();
            right = if old == new {
                diagonal + 1
            } else {
                down.max(right)
            };
            if let Some(cell) = row.get_mut(column) {
                *cell = right;
            }
        }
        rows.push(row.clone());
        below = row;
    }
    rows.reverse();
    rows
}

#[cfg(test)]
mod tests {
    use super::*;

    fn diff(from: &str, to: &str) -> String {
        let split = |text: &str| text.split(' ').map(str::to_owned).collect::<Vec<_>>();
        lines(&split(from), &split(to)).join(" ")
    }

    #[test]
    fn only_lines_that_differ_are_told() {
        assert_eq!(diff("a b c", "a b c"), "");
        assert_eq!(diff("a b c", "a x c"), "- b + x");
        assert_eq!(diff("a b c", "a c"), "- b");
        assert_eq!(diff("a c", "a b c d"), "+ b + d");
        assert_eq!(diff("a b", "b a"), "- a + a");
    }

    #[test]
    fn one_side_may_be_empty() {
        let text = vec!["a".to_owned()];
        assert_eq!(lines(&[], &text), ["+ a"]);
        assert_eq!(lines(&text, &[]), ["- a"]);
        assert!(lines(&[], &[]).is_empty());
    }
}
