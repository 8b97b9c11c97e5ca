//! The page of a plan: what happens to each thing, then what it comes to. Pure.

mod detail;
mod line_diff;
mod markdown;
mod value;

use std::collections::BTreeSet;

pub use markdown::markdown;

use super::Tone;
use super::table::printable;
use crate::plan::addresses::{Addresses, SubnetAddresses};
use crate::plan::change::{Action, Change, FieldChange, Summary};
use crate::plan::cost::{Cost, HOURS_OF_A_MONTH, Money};
use crate::plan::saved::PlanDocument;
use crate::resource::{Kind, Status};
use detail::detail;
use line_diff::lines;
use value::{Shown, shown};

/// Width of the addresses of things.
const ADDRESSES: usize = 42;

/// What a plan is made of, under the headings of its page.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Heading {
    Network,
    Identity,
    ControlPlane,
    Addons,
    Nodes,
}

impl Heading {
    const ALL: [Self; 5] = [
        Self::Network,
        Self::Identity,
        Self::ControlPlane,
        Self::Addons,
        Self::Nodes,
    ];

    fn of(kind: Kind) -> Self {
        match kind {
            Kind::Vpc
            | Kind::InternetGateway
            | Kind::Subnet
            | Kind::SubnetTags
            | Kind::ElasticIp
            | Kind::NatGateway
            | Kind::RouteTable
            | Kind::SecurityGroup => Self::Network,
            Kind::Role
            | Kind::InstanceProfile
            | Kind::OidcProvider
            | Kind::AccessEntry
            | Kind::AwsAuthRole => Self::Identity,
            Kind::LogGroup | Kind::Cluster => Self::ControlPlane,
            Kind::Addon | Kind::PodIdentityAssociation => Self::Addons,
            Kind::LaunchTemplate | Kind::NodeGroup | Kind::AutoScalingGroup => Self::Nodes,
        }
    }

    fn text(self) -> &'static str {
        match self {
            Self::Network => "network",
            Self::Identity => "identity and access",
            Self::ControlPlane => "control plane",
            Self::Addons => "add-ons",
            Self::Nodes => "nodes",
        }
    }
}

/// The changes under their headings, without those that stay as they are and headings without any.
fn headed(document: &PlanDocument) -> Vec<(Heading, Vec<&Change>)> {
    let under = |heading: Heading| {
        let changes = document.plan.changes.iter();
        changes
            .filter(|change| change.action != Action::Keep)
            .filter(|change| Heading::of(change.address.kind) == heading)
            .collect::<Vec<_>>()
    };
    let summary = &document.summary;
    let mut headings = Heading::ALL;
    if summary.create + summary.change + summary.replace == 0 {
        // Nodes go first.
        headings.reverse();
    }
    headings
        .into_iter()
        .map(|heading| (heading, under(heading)))
        .filter(|(_, changes)| !changes.is_empty())
        .collect()
}

/// The page for people. Symbols say everything that colour does.
pub fn page(document: &PlanDocument, color: bool) -> String {
    let mut page = Page {
        text: String::new(),
        color,
    };
    let plan = &document.plan;
    let head = format!(
        "cluster {} in {}, account {}",
        plan.cluster, plan.region, plan.account
    );
    page.line(&head, Tone::Plain);
    for (heading, changes) in headed(document) {
        page.line(&format!("\n{}", heading.text()), Tone::Plain);
        for change in changes {
            page.change(change);
        }
    }
    page.line("", Tone::Plain);
    for line in totals(document) {
        page.line(&line, Tone::Plain);
    }
    for warning in &plan.warnings {
        page.line(&format!("warning: {}", printable(warning)), Tone::Warning);
    }
    page.text
}

struct Page {
    text: String,
    color: bool,
}

impl Page {
    fn line(&mut self, line: &str, tone: Tone) {
        if self.color && !line.is_empty() {
            self.text.push_str(&tone.paint(line));
        } else {
            self.text.push_str(line);
        }
        self.text.push('\n');
    }

    fn change(&mut self, change: &Change) {
        let address = change.address.to_string();
        let line = format!(
            "  {:<3} {address:<ADDRESSES$} {}",
            symbol(change.action),
            said(change)
        );
        self.line(line.trim_end(), tone(change.action));
        if matches!(change.action, Action::Change | Action::Replace) {
            for field in &change.fields {
                self.field(field);
            }
        }
    }

    fn field(&mut self, field: &FieldChange) {
        let replaces = if field.replaces {
            "  (made anew for it)"
        } else {
            ""
        };
        match field_lines(field) {
            FieldLines::One(line) => {
                self.line(
                    &format!("        {}: {line}{replaces}", field.path),
                    Tone::Plain,
                );
            }
            FieldLines::Several(lines) => {
                self.line(&format!("        {}:{replaces}", field.path), Tone::Plain);
                for line in lines {
                    self.line(&format!("          {line}"), Tone::Plain);
                }
            }
        }
    }
}

/// A property that differs, on one line or as the lines that differ.
enum FieldLines {
    One(String),
    Several(Vec<String>),
}

fn field_lines(field: &FieldChange) -> FieldLines {
    let (from, to) = (shown(field.from.as_ref()), shown(field.to.as_ref()));
    match (from, to) {
        (Shown::Items(from), Shown::Items(to)) => FieldLines::Several(lines(&from, &to)),
        (Shown::Text(old), Shown::Text(new)) if is_long(&old) || is_long(&new) => {
            let old = field.from.as_ref().map_or_else(Vec::new, |_| split(&old));
            let new = field.to.as_ref().map_or_else(Vec::new, |_| split(&new));
            FieldLines::Several(lines(&old, &new))
        }
        (from, to) => FieldLines::One(format!("{} -> {}", from.into_line(), to.into_line())),
    }
}

fn is_long(text: &str) -> bool {
    text.contains('\n')
}

/// Lines of a text.
fn split(text: &str) -> Vec<String> {
    text.lines().map(printable).collect()
}

fn symbol(action: Action) -> &'static str {
    match action {
        Action::Keep => "",
        Action::Wait => "...",
        Action::Create => "+",
        Action::Change => "~",
        Action::Replace => "-/+",
        Action::Delete => "-",
    }
}

fn tone(action: Action) -> Tone {
    match action {
        Action::Keep => Tone::Plain,
        Action::Wait => Tone::Dim,
        Action::Create => Tone::Good,
        Action::Change => Tone::Warning,
        Action::Replace | Action::Delete => Tone::Bad,
    }
}

/// What stands behind the address of a thing.
fn said(change: &Change) -> String {
    let there = change.observed.as_ref();
    let body = change
        .wanted
        .as_ref()
        .or_else(|| there.map(|there| &there.body));
    let status = there.map(|there| &there.status);
    let mut said = match change.action {
        Action::Wait => "waited for: it is still being made or changed".to_owned(),
        Action::Create | Action::Delete => body.map(detail).unwrap_or_default(),
        Action::Keep | Action::Change | Action::Replace => String::new(),
    };
    let mut add = |text: &str| {
        if !said.is_empty() {
            said.push_str("; ");
        }
        said.push_str(text);
    };
    match (change.action, status) {
        (Action::Create, Some(_)) => add("when the one that is being deleted is gone"),
        (Action::Replace, Some(Status::Failed { reason })) => {
            add(&format!("failed: {}", printable(reason)));
        }
        _ => {}
    }
    if let Some(nodes) = change.rolls_nodes {
        add(&format!("rolls {}", counted(nodes, "node")));
    }
    said
}

fn counted(count: u32, what: &str) -> String {
    let plural = if count == 1 { "" } else { "s" };
    format!("{count} {what}{plural}")
}

/// What the plan comes to, line by line.
fn totals(document: &PlanDocument) -> Vec<String> {
    let mut lines = vec![summary(&document.summary)];
    if !document.plan.is_empty() {
        lines.extend(cost(&document.cost));
        lines.extend(addresses(&document.addresses));
    }
    lines
}

fn summary(summary: &Summary) -> String {
    let Summary {
        create,
        change,
        replace,
        delete,
        wait,
        rolls_nodes,
    } = *summary;
    if create + change + replace + delete + wait == 0 {
        return "No changes: everything is as the document says.".to_owned();
    }
    let waits = match wait {
        0 => String::new(),
        wait => format!(", {wait} to wait for"),
    };
    let rolls = match rolls_nodes {
        0 => String::new(),
        nodes => format!("; rolls {}", counted(nodes, "node")),
    };
    format!(
        "Plan: {create} to create, {change} to change, {replace} to replace, {delete} to delete{waits}{rolls}"
    )
}

fn cost(cost: &Cost) -> Vec<String> {
    if cost.per_hour == Money::default() && cost.unknown.is_empty() {
        return vec!["Cost: as before".to_owned()];
    }
    let mut lines = vec![format!(
        "Cost: {} USD an hour, {} USD a month of {HOURS_OF_A_MONTH} hours (list prices of us-east-1, {})",
        cost.per_hour.signed(4),
        cost.per_month.signed(2),
        cost.prices_of
    )];
    let list = |names: &BTreeSet<String>| {
        names
            .iter()
            .map(String::as_str)
            .collect::<Vec<_>>()
            .join(", ")
    };
    if !cost.unknown.is_empty() {
        lines.push(format!(
            "  without {}, whose price is not known here",
            list(&cost.unknown)
        ));
    }
    if !cost.spot.is_empty() {
        lines.push(format!(
            "  {} on the spot market, counted at the on-demand price",
            list(&cost.spot)
        ));
    }
    lines
}

fn addresses(addresses: &Addresses) -> Vec<String> {
    let mut lines = Vec::new();
    if !addresses.subnets.is_empty() {
        lines.push("IPv4 addresses:".to_owned());
    }
    for (name, subnet) in &addresses.subnets {
        let SubnetAddresses {
            at_once,
            at_most,
            free,
        } = subnet;
        let free = free.map_or_else(String::new, |free| format!(", {free} free"));
        let short = if subnet.is_short() { " (too few)" } else { "" };
        lines.push(format!(
            "  {name:<width$} {at_once:+} with pods, {at_most:+} at most{free}{short}",
            width = ADDRESSES - 8
        ));
    }
    for unknown in &addresses.unknown {
        lines.push(format!(
            "  without nodes of {unknown}, whose network interfaces are not known here"
        ));
    }
    lines
}

#[cfg(test)]
mod tests;
