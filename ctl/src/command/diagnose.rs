//! `nodectl diagnose`: one node looked at from the instance up to its agent, which looks at everything anew; one cause.

use jiff::Timestamp;
use node::chain::Chain;

use super::error::{Error, within, written};
use super::planes::{self, Planes};
use super::status::ask;
use crate::cli::{AccessFlags, DiagnoseArgs, Output};
use crate::exit::Exit;
use crate::fleet::ladder::{self, Access, NodeDiagnosis, Seen};
use crate::fleet::{Health, Row};
use crate::observe::ec2::{self, Checks};
use crate::observe::eks;
use crate::print::{Printer, document, ladder_page, node_status};
use crate::reach::Reach;
use crate::reach::agent::{Document, Question};

pub(super) async fn run(
    args: &DiagnoseArgs,
    access: &AccessFlags,
    now: Timestamp,
    printer: &mut Printer,
) -> Result<Exit, Error> {
    let now = Timestamp::from_second(now.as_second()).unwrap_or(now);
    let names = std::slice::from_ref(&args.name);
    let all_consoles = args.reach.reach == Reach::Console;
    let cluster = args.cluster.name.as_ref();
    let mut planes = planes::look(cluster, names, all_consoles, access, now).await?;
    let Some(row) = planes.row(&args.name, now, printer)? else {
        return Ok(Exit::Unchecked);
    };
    let asked = ask::agents(
        &mut planes,
        vec![row],
        Question::Diagnosis,
        &args.reach,
        access.timeout,
        printer,
    )
    .await;
    let Some(row) = asked.into_iter().next() else {
        return Ok(Exit::Unchecked);
    };
    let seen = Seen {
        checks: checks(&planes, &row, access).await,
        access: role(&planes, &row, access).await,
        row,
        observations: &planes.observations,
    };
    let diagnosis = ladder::climb(seen, &planes.cluster, now);
    written(printer.data(&render(&diagnosis, args.output.output, now, printer)?))?;
    Ok(match diagnosis.health {
        Health::Healthy | Health::Idle => Exit::Ok,
        Health::Unhealthy => Exit::Unhealthy,
        Health::Pending | Health::Unknown => Exit::Unchecked,
    })
}

fn render(
    diagnosis: &NodeDiagnosis,
    output: Output,
    now: Timestamp,
    printer: &Printer,
) -> Result<String, Error> {
    Ok(match output {
        Output::Json => document::json(diagnosis)?,
        Output::Yaml => document::yaml(diagnosis)?,
        Output::Name => node_status::names(std::slice::from_ref(&diagnosis.node)),
        Output::Table | Output::Wide => ladder_page::page(diagnosis, now, printer.data_color()),
    })
}

async fn checks(
    planes: &Planes,
    row: &Row,
    access: &AccessFlags,
) -> Result<Option<Checks>, String> {
    let (Ok(aws), Some(id)) = (&planes.aws, &row.instance_id) else {
        return Ok(None);
    };
    let act = format!("reading the status checks of {id}");
    within(access.timeout, act, ec2::checks(aws, id))
        .await
        .map_err(|error| Chain(&error).to_string())
}

/// Asked for what has no Node, where it or its console tells the role.
async fn role(planes: &Planes, row: &Row, access: &AccessFlags) -> Option<Access> {
    let aws = planes.aws.as_ref().ok()?;
    if row.kubernetes.is_some() {
        return None;
    }
    let told = row
        .agent
        .as_ref()
        .and_then(|answer| answer.document.as_ref());
    let console = row.console.as_ref();
    let verdict = told
        .and_then(Document::verdict)
        .or_else(|| console.and_then(|console| console.verdict.as_ref()))?;
    let role_arn = Some(verdict.identity.role_arn.clone()).filter(|arn| !arn.is_empty())?;
    let asked = eks::access_entry(aws, &planes.cluster, &role_arn);
    let entry = within(access.timeout, "reading the access entry", asked).await;
    Some(Access {
        role_arn,
        entry: entry.map_err(|error| Chain(&error).to_string()),
    })
}
