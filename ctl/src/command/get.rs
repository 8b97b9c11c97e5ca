//! `nodectl get`: clusters, node groups and add-ons, a line each.

use std::collections::BTreeSet;

use jiff::Timestamp;
use node::wire::API_VERSION;
use serde::Serialize;

use super::error::{Error, within, written};
use super::ground::Ground;
use super::target;
use crate::cli::{AccessFlags, GetArgs, Output, What};
use crate::exit::Exit;
use crate::fleet;
use crate::observe::overview::{self, AddonRow, ClusterRow, NodeGroupRow};
use crate::print::{Cell, Printer, Table, Tone, document};
use crate::resource::Scaling;
use crate::spec::GroupKind;

/// Answers that one list may need one after the other.
const ANSWERS: u32 = 4;

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct List<T> {
    api_version: &'static str,
    kind: &'static str,
    items: Vec<T>,
}

pub(super) async fn run(
    args: &GetArgs,
    access: &AccessFlags,
    now: Timestamp,
    printer: &mut Printer,
) -> Result<Exit, Error> {
    let (ground, cluster) = match args.what {
        What::Clusters => (Ground::new(access, None).await?, String::new()),
        What::Nodegroups | What::Addons => {
            let target = target::target(&args.cluster, access)?;
            (target::ground(&target, access).await?, target.cluster)
        }
    };
    let clients = &ground.clients;
    let patience = access.timeout * ANSWERS;
    match args.what {
        What::Clusters => {
            let rows = within(patience, "listing clusters", overview::clusters(clients)).await?;
            show(rows, "ClusterList", args, now, printer)
        }
        What::Nodegroups => {
            let asked = overview::node_groups(clients, &cluster);
            let rows = within(patience, "listing node groups", asked).await?;
            show(rows, "NodeGroupList", args, now, printer)
        }
        What::Addons => {
            let asked = overview::addons(clients, &cluster);
            let rows = within(patience, "listing add-ons", asked).await?;
            show(rows, "AddonList", args, now, printer)
        }
    }
}

fn show<T: Line + Serialize>(
    rows: Vec<T>,
    kind: &'static str,
    args: &GetArgs,
    now: Timestamp,
    printer: &mut Printer,
) -> Result<Exit, Error> {
    let known: BTreeSet<String> = rows.iter().map(|row| row.name().to_owned()).collect();
    let missing: Vec<&String> = args
        .names
        .iter()
        .filter(|name| !known.contains(*name))
        .collect();
    for name in &missing {
        printer.error(&format!("there is no `{name}`"));
    }
    let items: Vec<T> = rows
        .into_iter()
        .filter(|row| args.names.is_empty() || args.names.iter().any(|name| name == row.name()))
        .collect();
    let is_wide = args.output.output == Output::Wide;
    let text = match args.output.output {
        Output::Json | Output::Yaml => {
            let list = List {
                api_version: API_VERSION,
                kind,
                items,
            };
            if args.output.output == Output::Json {
                document::json(&list)?
            } else {
                document::yaml(&list)?
            }
        }
        Output::Name => {
            let names: Vec<&str> = items.iter().map(Line::name).collect();
            names.join("\n")
        }
        Output::Table | Output::Wide if items.is_empty() => {
            printer.note("there is none");
            String::new()
        }
        Output::Table | Output::Wide => {
            let mut table = Table::new(T::HEADER.iter().chain(T::wide(is_wide)).copied());
            for item in &items {
                table.push(item.cells(now, is_wide));
            }
            table.render(printer.data_color())
        }
    };
    written(printer.data_unless_empty(&text))?;
    Ok(if missing.is_empty() {
        Exit::Ok
    } else {
        Exit::Failed
    })
}

/// A thing in one line.
trait Line {
    /// The columns.
    const HEADER: &'static [&'static str];
    /// The columns that are only shown when they are asked for.
    const WIDE: &'static [&'static str];

    fn wide(is_wide: bool) -> &'static [&'static str] {
        if is_wide { Self::WIDE } else { &[] }
    }

    fn name(&self) -> &str;

    fn cells(&self, now: Timestamp, is_wide: bool) -> Vec<Cell>;
}

impl Line for ClusterRow {
    const HEADER: &'static [&'static str] = &["NAME", "STATUS", "VERSION", "ENDPOINT", "AGE"];
    const WIDE: &'static [&'static str] = &["PLATFORM", "VPC", "HEALTH"];

    fn name(&self) -> &str {
        &self.name
    }

    fn cells(&self, now: Timestamp, is_wide: bool) -> Vec<Cell> {
        let mut cells = vec![
            self.name.as_str().into(),
            status(&self.status, self.health.as_ref()),
            self.version.as_str().into(),
            self.endpoint.as_str().into(),
            since(self.created_at, now),
        ];
        if is_wide {
            cells.extend([
                self.platform_version.as_str().into(),
                self.vpc.as_str().into(),
                or_dash(self.health.as_deref()),
            ]);
        }
        cells
    }
}

impl Line for NodeGroupRow {
    const HEADER: &'static [&'static str] = &[
        "NAME", "KIND", "STATUS", "NODES", "MIN", "MAX", "TYPES", "AGE",
    ];
    const WIDE: &'static [&'static str] =
        &["CAPACITY", "AMI", "VERSION", "AUTO-SCALING-GROUP", "HEALTH"];

    fn name(&self) -> &str {
        &self.name
    }

    fn cells(&self, now: Timestamp, is_wide: bool) -> Vec<Cell> {
        let Scaling { min, max, desired } = self.scaling;
        let kind = match self.kind {
            GroupKind::Managed => "managed",
            GroupKind::SelfManaged => "self-managed",
        };
        let desired = desired.map_or_else(|| "-".to_owned(), |desired| desired.to_string());
        let mut cells = vec![
            self.name.as_str().into(),
            kind.into(),
            status(&self.status, self.health.as_ref()),
            desired.into(),
            min.to_string().into(),
            max.to_string().into(),
            self.instance_types.join(",").into(),
            since(self.created_at, now),
        ];
        if is_wide {
            cells.extend([
                self.capacity_type.as_str().into(),
                or_dash(self.ami.as_deref().or(self.ami_type.as_deref())),
                or_dash(self.version.as_deref()),
                or_dash(self.auto_scaling_group.as_deref()),
                or_dash(self.health.as_deref()),
            ]);
        }
        cells
    }
}

impl Line for AddonRow {
    const HEADER: &'static [&'static str] = &["NAME", "STATUS", "VERSION", "AGE"];
    const WIDE: &'static [&'static str] = &["ROLE", "HEALTH"];

    fn name(&self) -> &str {
        &self.name
    }

    fn cells(&self, now: Timestamp, is_wide: bool) -> Vec<Cell> {
        let mut cells = vec![
            self.name.as_str().into(),
            status(&self.status, self.health.as_ref()),
            self.version.as_str().into(),
            since(self.created_at, now),
        ];
        if is_wide {
            cells.extend([
                or_dash(self.service_account_role.as_deref()),
                or_dash(self.health.as_deref()),
            ]);
        }
        cells
    }
}

fn status(status: &str, health: Option<&String>) -> Cell {
    let tone = match status {
        "ACTIVE" if health.is_none() => Tone::Good,
        "CREATING" | "UPDATING" | "DELETING" | "ACTIVE" => Tone::Warning,
        _ => Tone::Bad,
    };
    Cell::toned(status, tone)
}

fn since(time: Option<Timestamp>, now: Timestamp) -> Cell {
    time.map_or_else(|| "-".into(), |time| fleet::age(time, now).into())
}

fn or_dash(text: Option<&str>) -> Cell {
    text.unwrap_or("-").into()
}
