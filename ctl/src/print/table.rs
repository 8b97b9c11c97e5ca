//! Tables in kubectl's manner: upper-case header, three spaces between columns, no borders.

/// What a cell's colour says.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Tone {
    /// Nothing in particular.
    #[default]
    Plain,
    /// All is well.
    Good,
    /// Someone should look.
    Warning,
    /// Something is wrong.
    Bad,
    /// Advice.
    Hint,
    /// Of no interest at the moment.
    Dim,
}

impl Tone {
    /// `text` between the escape sequences of this tone.
    pub fn paint(self, text: &str) -> String {
        let code = match self {
            Self::Plain => return text.to_owned(),
            Self::Good => "32",
            Self::Warning => "33",
            Self::Bad => "31",
            Self::Hint => "36",
            Self::Dim => "2",
        };
        format!("\u{1b}[{code}m{text}\u{1b}[0m")
    }
}

/// A text as one line that is no terminal command, whatever an API answered.
pub(super) fn printable(text: &str) -> String {
    text.chars()
        .map(|character| {
            if character.is_control() {
                ' '
            } else {
                character
            }
        })
        .collect()
}

/// One field of a row. Empty text is shown as `-`, except in the last column.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Cell {
    text: String,
    tone: Tone,
}

impl Cell {
    /// A cell with a tone.
    pub fn toned(text: impl Into<String>, tone: Tone) -> Self {
        let text = printable(&text.into());
        Self { text, tone }
    }
}

impl<T: Into<String>> From<T> for Cell {
    fn from(text: T) -> Self {
        Self::toned(text, Tone::Plain)
    }
}

/// Rows under a header.
#[derive(Debug, Clone)]
pub struct Table {
    header: Vec<&'static str>,
    rows: Vec<Vec<Cell>>,
}

impl Table {
    /// A table without rows.
    pub fn new(header: impl IntoIterator<Item = &'static str>) -> Self {
        Self {
            header: header.into_iter().collect(),
            rows: Vec::new(),
        }
    }

    /// Adds a row; missing cells are empty.
    pub fn push(&mut self, row: impl IntoIterator<Item = Cell>) {
        self.rows.push(row.into_iter().collect());
    }

    /// The whole table, without trailing spaces.
    pub fn render(&self, color: bool) -> String {
        let last = self.header.len().saturating_sub(1);
        let header: Vec<Cell> = self.header.iter().copied().map(Cell::from).collect();
        let mut widths = vec![0; self.header.len()];
        for row in self.rows.iter().chain([&header]) {
            for (width, cell) in widths.iter_mut().zip(row) {
                *width = (*width).max(cell.text.chars().count()).max(1);
            }
        }
        let mut out = String::new();
        for row in [&header].into_iter().chain(&self.rows) {
            let mut line = String::new();
            for (column, width) in widths.iter().enumerate() {
                let cell = row.get(column).cloned().unwrap_or_default();
                let text = if cell.text.is_empty() && column < last {
                    "-"
                } else {
                    cell.text.as_str()
                };
                line.push_str(&if color {
                    cell.tone.paint(text)
                } else {
                    text.to_owned()
                });
                if column < last {
                    line.push_str(&" ".repeat(width - text.chars().count() + 3));
                }
            }
            out.push_str(line.trim_end());
            out.push('\n');
        }
        out
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table() -> Table {
        let mut table = Table::new(["NAME", "STATUS", "REASON"]);
        table.push([
            Cell::from("ip-10-0-0-1"),
            Cell::toned("Ready", Tone::Good),
            Cell::from(""),
        ]);
        table.push([
            Cell::from(""),
            Cell::toned("NotJoined", Tone::Bad),
            Cell::from("two\nlines\u{1b}[31m"),
        ]);
        table
    }

    #[test]
    fn columns_line_up_and_nothing_trails() {
        insta::assert_snapshot!(table().render(false), @r"
        NAME          STATUS      REASON
        ip-10-0-0-1   Ready
        -             NotJoined   two lines [31m
        ");
    }

    #[test]
    fn colour_does_not_move_columns() {
        let plain = table().render(false);
        let colored = table().render(true);
        let stripped = colored
            .replace("\u{1b}[32m", "")
            .replace("\u{1b}[31m", "")
            .replace("\u{1b}[0m", "");
        assert_ne!(plain, colored);
        assert_eq!(plain, stripped);
    }
}
