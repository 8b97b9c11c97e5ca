//! What the lab says while it works: one line per step with how long it took, on standard error.
//! Data goes to standard output through [`data`]. Nothing else in the lab prints.

use std::{
    fmt::Display,
    io::{self, IsTerminal, Write},
    time::{Duration, Instant},
};

/// A step that is under way. Said when it begins on a terminal, always when it ends.
#[derive(Debug)]
#[must_use = "a step is reported when it is done"]
pub struct Step {
    title: String,
    began: Instant,
}

/// Begins a step.
pub fn step(title: impl Into<String>) -> Step {
    let title = title.into();
    if io::stderr().is_terminal() {
        say(&format_args!("  …        {title}"));
    }
    Step {
        title,
        began: Instant::now(),
    }
}

impl Step {
    /// How long the step has taken so far.
    pub fn elapsed(&self) -> Duration {
        self.began.elapsed()
    }

    /// The step is over.
    pub fn done(self) -> Duration {
        let took = self.began.elapsed();
        say(&format_args!("  {:>7}  {}", seconds(took), self.title));
        took
    }

    /// The step is over and there is something to say of it.
    pub fn done_with(self, remark: impl Display) -> Duration {
        let took = self.began.elapsed();
        say(&format_args!(
            "  {:>7}  {}: {remark}",
            seconds(took),
            self.title
        ));
        took
    }
}

/// A duration as steps show it.
pub fn seconds(duration: Duration) -> String {
    format!("{:.1} s", duration.as_secs_f64())
}

/// A line for the person at the terminal.
pub fn say(line: &impl Display) {
    // Nobody left to read is no reason to stop.
    drop(writeln!(io::stderr().lock(), "{line}"));
}

/// A line for the program that reads standard output.
pub fn data(line: &impl Display) -> io::Result<()> {
    writeln!(io::stdout().lock(), "{line}")
}
