//! `nodectl logs`: what the watched units of a node wrote, by its agent.

use std::ops::ControlFlow;

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
use crate::reach::ask::{self, Means, Subject, Wish};
use crate::reach::{Reach, Way};

pub(super) async fn run(
    args: &LogsArgs,
    access: &AccessFlags,
    now: Timestamp,
    printer: &mut Printer,
) -> Result<Exit, Error> {
    can_have_logs(args.reach.reach, args.follow)?;
    let names = std::slice::from_ref(&args.name);
    let mut planes = planes::look(args.cluster.name.as_ref(), names, false, access, now).await?;
    let Some(row) = planes.row(&args.name, now, printer)? else {
        return Ok(Exit::Unchecked);
    };
    let logs = Logs {
        units: args.units.clone(),
        since: args.since.clone(),
    };
    let means = means(&mut planes, &args.reach);
    let subject = fleet::subject(&row);
    if args.follow {
        return follow(means, &subject, &logs, access, printer).await;
    }
    let wish = Wish {
        question: Question::Logs(logs),
        reach: args.reach.reach,
        deadline: access.timeout,
    };
    let (told, heard) = unbounded_channel();
    let asking = ask::ask_for_text(means, subject, wish, told);
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

fn can_have_logs(reach: Reach, is_following: bool) -> Result<(), Error> {
    let no_logs = |reach| {
        Err(Error::NoLogs {
            reach,
            is_following,
        })
    };
    match reach {
        Reach::Api => no_logs("api"),
        Reach::Console => no_logs("console"),
        Reach::Ssm if is_following => no_logs("ssm"),
        Reach::Auto | Reach::Ssm | Reach::Forward => Ok(()),
    }
}

/// Goes on until the agent ends it, or nobody reads.
async fn follow(
    means: Means,
    subject: &Subject,
    logs: &Logs,
    access: &AccessFlags,
    printer: &mut Printer,
) -> Result<Exit, Error> {
    let unreached = |failure| Error::Unreached {
        name: subject.name.clone(),
        failures: vec![failure],
    };
    let forward = means.forward.map_err(unreached)?;
    let Some(address) = &subject.address else {
        return Err(unreached(ask::without_node()));
    };
    let route = format!("{}&follow=true", logs.route());
    let mut outcome = Ok(());
    forward
        .follow(address, &route, access.timeout, |lines| {
            outcome = written(printer.data(&harmless(lines)));
            match outcome {
                Ok(()) => ControlFlow::Continue(()),
                Err(_) => ControlFlow::Break(()),
            }
        })
        .await?;
    outcome?;
    printer.warning("the agent has ended the log");
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
