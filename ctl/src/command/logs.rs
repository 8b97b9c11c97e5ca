//! `nodectl logs`: what the watched units of a node wrote, by its agent.

use jiff::Timestamp;
use tokio::sync::mpsc::unbounded_channel;

use super::error::{Error, written};
use super::planes;
use super::status::ask::{heeding, means};
use crate::cli::{AccessFlags, LogsArgs};
use crate::exit::Exit;
use crate::fleet;
use crate::print::Printer;
use crate::reach::agent::{Logs, Question};
use crate::reach::ask::{self, Wish};
use crate::reach::{Reach, Way};

pub(super) async fn run(
    args: &LogsArgs,
    access: &AccessFlags,
    now: Timestamp,
    printer: &mut Printer,
) -> Result<Exit, Error> {
    match args.reach.reach {
        Reach::Api => return Err(Error::NoLogs { reach: "api" }),
        Reach::Console => return Err(Error::NoLogs { reach: "console" }),
        Reach::Auto | Reach::Ssm | Reach::Forward => {}
    }
    let names = std::slice::from_ref(&args.name);
    let mut planes = planes::look(args.cluster.as_ref(), names, false, access, now).await?;
    let Some(row) = planes.row(&args.name, now, printer)? else {
        return Ok(Exit::Unchecked);
    };
    let wish = Wish {
        question: Question::Logs(Logs {
            units: args.units.clone(),
            since: args.since.clone(),
        }),
        reach: args.reach.reach,
        deadline: access.timeout,
    };
    let (told, heard) = unbounded_channel();
    let asking = ask::ask_for_text(
        means(&mut planes, &args.reach),
        fleet::subject(&row),
        wish,
        told,
    );
    let answer = heeding(asking, heard, printer).await;
    let (way, text) = answer.map_err(|failures| Error::Unreached {
        name: args.name.clone(),
        failures,
    })?;
    let (lines, is_cut) = match way {
        Way::Ssm => Logs::whole_lines(&text),
        _ => (text.as_str(), false),
    };
    if lines.trim().is_empty() {
        printer.note("the journal has no such line of this boot");
    } else {
        written(printer.data(&harmless(lines)))?;
    }
    if is_cut {
        printer.warning("older lines are left out: Systems Manager keeps 24,000 characters");
        printer.hint("a later `--since`, or `--reach forward`, which has no such limit");
    }
    Ok(Exit::Ok)
}

/// A node that was taken over must not move a terminal's cursor.
fn harmless(lines: &str) -> String {
    let is_harmless =
        |character: char| !character.is_control() || ['\n', '\t'].contains(&character);
    let shown = |character| {
        if is_harmless(character) {
            character
        } else {
            ' '
        }
    };
    lines.chars().map(shown).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_of_a_node_do_not_command_a_terminal() {
        assert_eq!(harmless("a\tb\n\u{1b}[2Jc\r"), "a\tb\n [2Jc ");
    }
}
