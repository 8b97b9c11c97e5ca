//! Some lines of ours in a file that is others': between two comments, replaced as a whole, the rest left byte for byte.

const BEGIN: &[u8] = b"# BEGIN nodeagent\n";
const END: &[u8] = b"# END nodeagent\n";

/// The content of the file with our lines, or without them. They stay where they are; new ones come last.
pub(super) fn with(existing: &[u8], lines: Option<&str>) -> Vec<u8> {
    let (before, after) = around(existing);
    let mut content = before.to_vec();
    if let Some(lines) = lines {
        if content.last().is_some_and(|last| *last != b'\n') {
            content.push(b'\n');
        }
        content.extend_from_slice(BEGIN);
        content.extend_from_slice(lines.as_bytes());
        content.extend_from_slice(END);
    }
    content.extend_from_slice(after);
    content
}

/// What stands before and after our lines. A block whose end someone took away is none.
fn around(existing: &[u8]) -> (&[u8], &[u8]) {
    let mut offset = 0;
    let mut begin = None;
    for line in existing.split_inclusive(|byte| *byte == b'\n') {
        let start = offset;
        offset += line.len();
        if is(line, BEGIN) {
            begin = Some(start);
        } else if let Some(begin) = begin
            && is(line, END)
        {
            let before = existing.get(..begin).unwrap_or_default();
            let after = existing.get(offset..).unwrap_or_default();
            return (before, after);
        }
    }
    (existing, &[])
}

/// The last line of a file may lack its end.
fn is(line: &[u8], marker: &[u8]) -> bool {
    line == marker || Some(line) == marker.strip_suffix(b"\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(existing: &str, lines: Option<&str>) -> String {
        String::from_utf8(with(existing.as_bytes(), lines)).unwrap()
    }

    #[test]
    fn lines_come_go_and_change_and_the_rest_stays() {
        let theirs = "127.0.0.1 localhost\n::1 localhost\n";
        let first = text(theirs, Some("10.0.0.1 a\n"));
        assert_eq!(
            first,
            format!("{theirs}# BEGIN nodeagent\n10.0.0.1 a\n# END nodeagent\n")
        );
        assert_eq!(text(&first, Some("10.0.0.1 a\n")), first);
        let appended = format!("{first}10.9.9.9 theirs");
        assert_eq!(
            text(&appended, Some("10.0.0.2 a\n")),
            format!("{theirs}# BEGIN nodeagent\n10.0.0.2 a\n# END nodeagent\n10.9.9.9 theirs")
        );
        assert_eq!(text(&appended, None), format!("{theirs}10.9.9.9 theirs"));
    }

    #[test]
    fn a_file_without_a_last_line_end_or_without_content_takes_them() {
        assert_eq!(
            text("a", Some("b\n")),
            "a\n# BEGIN nodeagent\nb\n# END nodeagent\n"
        );
        assert_eq!(
            text("", Some("b\n")),
            "# BEGIN nodeagent\nb\n# END nodeagent\n"
        );
        assert_eq!(text("a\r\n", None), "a\r\n");
    }

    #[test]
    fn a_block_without_its_end_takes_nothing_with_it() {
        let broken = "# BEGIN nodeagent\n10.0.0.1 a\n127.0.0.1 localhost\n";
        assert_eq!(text(broken, None), broken);
        assert_eq!(
            text(broken, Some("b\n")),
            format!("{broken}# BEGIN nodeagent\nb\n# END nodeagent\n")
        );
        // The nearest beginning counts on the next run.
        let repaired = text(broken, Some("b\n"));
        assert_eq!(text(&repaired, None), broken);
    }
}
