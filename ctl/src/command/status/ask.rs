//! The agents of named nodes asked, with progress, and what they said put into the rows.

use std::pin::pin;
use std::time::Duration;

use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};

use super::super::error::Error;
use super::super::planes::Planes;
use crate::cli::ReachFlags;
use crate::fleet::{self, Row};
use crate::print::Printer;
use crate::reach::Way;
use crate::reach::agent::{Failure, Question};
use crate::reach::ask::{self, Means, Wish};
use crate::reach::forward::Forward;
use crate::reach::ssm::Ssm;

/// The rows with what their agents said, or why none of them did.
pub(in crate::command) async fn agents(
    planes: &mut Planes,
    rows: Vec<Row>,
    question: Question,
    flags: &ReachFlags,
    deadline: Duration,
    printer: &mut Printer,
) -> Vec<Row> {
    let wish = Wish {
        question,
        reach: flags.reach,
        deadline,
    };
    let subjects = rows.iter().map(fleet::subject).collect();
    let (told, heard) = unbounded_channel();
    let asking = ask::ask(means(planes, flags), subjects, wish, told);
    let answers = heeding(asking, heard, printer).await;
    let consoles = &planes.observations.consoles;
    rows.into_iter()
        .zip(answers)
        .map(|(row, answer)| {
            let id = row.instance_id.as_ref();
            let told = id.and_then(|id| consoles.get(id));
            fleet::answered(row, answer, told, flags.reach)
        })
        .collect()
}

/// Lets the work go on and prints what it tells.
pub(in crate::command) async fn heeding<T>(
    work: impl Future<Output = T>,
    mut heard: UnboundedReceiver<String>,
    printer: &mut Printer,
) -> T {
    let mut work = pin!(work);
    loop {
        tokio::select! {
            biased;
            Some(line) = heard.recv() => printer.note(&line),
            done = &mut work => return done,
        }
    }
}

/// The ways to the agents of a cluster.
pub(in crate::command) fn means(planes: &mut Planes, flags: &ReachFlags) -> Means {
    let ssm = match &planes.aws {
        Ok(aws) => Ok(Ssm::new(aws)),
        Err(error) => Err(failure(Way::Ssm, error)),
    };
    let forward = match planes.connection.take() {
        Some(connection) => Ok(Forward::new(
            connection,
            flags.service_account.clone(),
            flags.agent_port,
        )),
        None => Err(Failure {
            reach: Way::Forward,
            error: "the API server, which issues the token for it, did not answer".to_owned(),
            hints: Vec::new(),
        }),
    };
    Means { ssm, forward }
}

fn failure(way: Way, error: &Error) -> Failure {
    ask::failure(way, error, error.hints())
}
