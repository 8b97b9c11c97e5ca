//! Writes the progress of a run to standard error: live on a terminal, else line by line.

use std::time::Duration;

use terminal_size::{Height, Width, terminal_size_of};

use super::{Line, Progress, Size};
use crate::apply::event::{Event, Observer};
use crate::print::Printer;
use crate::resource::Address;

/// Of a terminal that does not say.
const USUAL: Size = Size {
    columns: 80,
    lines: 24,
};

/// The watcher of a run that shows it to a person.
#[derive(Debug)]
pub struct Live<'a> {
    printer: &'a mut Printer,
    progress: Progress,
    /// Lines on the terminal that are drawn anew.
    drawn: usize,
}

impl<'a> Live<'a> {
    /// Shows a run of so many steps.
    pub fn new(printer: &'a mut Printer, steps: usize) -> Self {
        Self {
            printer,
            progress: Progress::new(steps),
            drawn: 0,
        }
    }

    fn draw(&mut self, stays: &[Line], at: Duration) {
        self.printer.erase(self.drawn);
        self.drawn = 0;
        for line in stays {
            self.printer.line(&line.text, line.tone);
        }
        if self.printer.stderr_is_live {
            let lines = self.progress.live(at, size());
            for line in &lines {
                self.printer.line(&line.text, line.tone);
            }
            self.drawn = lines.len();
        }
    }
}

impl Observer for Live<'_> {
    fn see(&mut self, address: &Address, event: &Event, at: Duration) {
        let is_live = self.printer.stderr_is_live;
        let stays = self.progress.see(address, event, at, is_live);
        self.draw(stays.as_slice(), at);
    }

    fn tick(&mut self, at: Duration) {
        let stays = if self.printer.stderr_is_live {
            Vec::new()
        } else {
            self.progress.reminders(at)
        };
        self.draw(&stays, at);
    }
}

/// What a run that ends in the middle has drawn must not stay.
impl Drop for Live<'_> {
    fn drop(&mut self) {
        self.printer.erase(self.drawn);
    }
}

fn size() -> Size {
    terminal_size_of(std::io::stderr()).map_or(USUAL, |(Width(columns), Height(lines))| Size {
        columns: columns.into(),
        lines: lines.into(),
    })
}

#[cfg(test)]
mod tests {
    use std::io::{self, Write};
    use std::sync::{Arc, Mutex};

    use super::*;
    use crate::apply::event::Act;
    use crate::resource::Kind;

    #[derive(Clone, Default)]
    struct Screen(Arc<Mutex<Vec<u8>>>);

    impl Write for Screen {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().write(bytes)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    /// Standard error of a run of one step that is interrupted in its second.
    fn shown(is_live: bool) -> String {
        let screen = Screen::default();
        let mut printer = Printer::new(Box::new(io::sink()), Box::new(screen.clone()));
        printer.stderr_is_live = is_live;
        let mut live = Live::new(&mut printer, 1);
        let vpc = Address::new(Kind::Vpc, "main");
        live.see(&vpc, &Event::Begun { act: Act::Create }, Duration::ZERO);
        live.tick(Duration::from_secs(1));
        drop(live);
        let bytes = screen.0.lock().unwrap().clone();
        String::from_utf8(bytes).unwrap()
    }

    #[test]
    fn a_terminal_is_drawn_over_and_left_clean() {
        let frame = |seconds: &str| {
            format!("creating vpc/main         {seconds} s\n0 of 1 done after {seconds} s\n")
        };
        let erase = "\u{1b}[2F\u{1b}[J";
        assert_eq!(
            shown(true),
            format!("{}{erase}{}{erase}", frame("0.0"), frame("1.0"))
        );
    }

    #[test]
    fn a_file_gets_lines_only() {
        assert_eq!(shown(false), "creating vpc/main\n");
    }
}
