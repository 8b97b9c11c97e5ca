//! The rows of `nodectl status` as a table, or as names.

use jiff::Timestamp;
use node::wire::SsmState;

use super::{Cell, Table, Tone};
use crate::fleet::{Health, Row, age};

/// Columns of every table, before and after those of the wide one.
const NARROW: [&str; 7] = [
    "NAME",
    "INSTANCE-ID",
    "TYPE",
    "STATUS",
    "AGE",
    "VERSION",
    "MAX-PODS",
];
const WIDE: [&str; 8] = [
    "ZONE",
    "INTERNAL-IP",
    "AMI",
    "NODE-GROUP",
    "LIFECYCLE",
    "ROLE",
    "AGENT",
    "SSM",
];
const LAST: &str = "REASON";

/// One line per row.
pub fn table(rows: &[Row], now: Timestamp, is_wide: bool, color: bool) -> String {
    let wide = if is_wide { WIDE.as_slice() } else { &[] };
    let mut table = Table::new(NARROW.iter().chain(wide).copied().chain([LAST]));
    for row in rows {
        let mut cells = narrow_cells(row, now);
        if is_wide {
            cells.extend(wide_cells(row));
        }
        cells.push(text(row.reason.as_deref()));
        table.push(cells);
    }
    table.render(color)
}

/// One line per row, in the form that kubectl gives to names.
pub fn names(rows: &[Row]) -> String {
    let name = |row: &Row| match (&row.name, &row.instance_id) {
        (Some(name), _) => format!("node/{name}\n"),
        (None, id) => format!("instance/{}\n", id.as_deref().unwrap_or_default()),
    };
    rows.iter().map(name).collect()
}

fn narrow_cells(row: &Row, now: Timestamp) -> Vec<Cell> {
    let node = row.kubernetes.as_ref();
    vec![
        text(row.name.as_deref()),
        text(row.instance_id.as_deref()),
        text(row.instance_type.as_deref()),
        Cell::toned(row.status(), tone(row.health)),
        row.created_at
            .map(|created_at| age(created_at, now))
            .unwrap_or_default()
            .into(),
        text(node.and_then(|node| node.kubelet_version.as_deref())),
        node.and_then(|node| node.max_pods)
            .map(|pods| pods.to_string())
            .unwrap_or_default()
            .into(),
    ]
}

fn wide_cells(row: &Row) -> Vec<Cell> {
    let instance = row.ec2.as_ref();
    let agent = row.kubernetes.as_ref().and_then(|node| node.agent.as_ref());
    let verdict = row
        .console
        .as_ref()
        .and_then(|console| console.verdict.as_ref());
    let version = agent
        .map(|agent| &agent.version)
        .or_else(|| verdict.map(|verdict| &verdict.agent_version));
    vec![
        text(row.zone.as_deref()),
        text(row.internal_ip.as_deref()),
        text(instance.and_then(|instance| instance.image_id.as_deref())),
        text(row.node_group.as_deref()),
        text(instance.map(|instance| instance.lifecycle.as_str())),
        text(row.role.as_deref()),
        text(version.map(String::as_str)),
        agent.map_or("", |agent| ssm(agent.ssm)).into(),
    ]
}

fn text(value: Option<&str>) -> Cell {
    value.unwrap_or_default().into()
}

fn ssm(state: SsmState) -> &'static str {
    match state {
        SsmState::Unknown => "unknown",
        SsmState::Running => "running",
        SsmState::Registered => "registered",
        SsmState::Stopped => "stopped",
        SsmState::Missing => "missing",
    }
}

fn tone(health: Health) -> Tone {
    match health {
        Health::Healthy => Tone::Good,
        Health::Pending | Health::Unknown => Tone::Warning,
        Health::Unhealthy => Tone::Bad,
        Health::Idle => Tone::Dim,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fleet::{NodeStatusList, fixture};
    use crate::print::document;

    #[test]
    fn the_table_has_a_row_and_a_reason_for_what_never_joined() {
        insta::assert_snapshot!(table(&fixture::rows(), fixture::now(), false, false), @r#"
        NAME                               INSTANCE-ID           TYPE       STATUS                     AGE    VERSION   MAX-PODS   REASON
        fargate-ip-10-0-0-9.ec2.internal   -                     -          Ready                      64m    v1.34.4   1
        ip-10-0-0-1.ec2.internal           i-0000000000000000a   m5.large   Ready,SchedulingDisabled   64m    v1.34.4   29
        ip-10-0-0-2.ec2.internal           i-0000000000000000b   m5.large   NotReady                   64m    v1.34.4   29         KubeletNotReady: container runtime network not ready (for 4m5s)
        -                                  i-0000000000000000c   m5.large   NotJoined                  5m     -         -          join.unauthorized: The cluster does not accept the node role
        -                                  i-0000000000000000d   m5.large   Stopped                    3m5s   -         -          Client.UserInitiatedShutdown: User initiated shutdown
        "#);
    }

    #[test]
    fn the_wide_table_adds_columns_before_the_reason() {
        insta::assert_snapshot!(table(&fixture::rows(), fixture::now(), true, false), @r#"
        NAME                               INSTANCE-ID           TYPE       STATUS                     AGE    VERSION   MAX-PODS   ZONE         INTERNAL-IP   AMI                     NODE-GROUP   LIFECYCLE   ROLE        AGENT   SSM       REASON
        fargate-ip-10-0-0-9.ec2.internal   -                     -          Ready                      64m    v1.34.4   1          us-east-1a   10.0.0.1      -                       blue         -           -           -       -
        ip-10-0-0-1.ec2.internal           i-0000000000000000a   m5.large   Ready,SchedulingDisabled   64m    v1.34.4   29         us-east-1a   10.0.0.1      ami-0123456789abcdef0   blue         on-demand   node-role   0.1.0   running
        ip-10-0-0-2.ec2.internal           i-0000000000000000b   m5.large   NotReady                   64m    v1.34.4   29         us-east-1a   10.0.0.1      ami-0123456789abcdef0   blue         on-demand   node-role   -       -         KubeletNotReady: container runtime network not ready (for 4m5s)
        -                                  i-0000000000000000c   m5.large   NotJoined                  5m     -         -          us-east-1a   10.0.0.3      ami-0123456789abcdef0   -            on-demand   stranger    0.1.0   -         join.unauthorized: The cluster does not accept the node role
        -                                  i-0000000000000000d   m5.large   Stopped                    3m5s   -         -          us-east-1a   10.0.0.3      ami-0123456789abcdef0   -            on-demand   node-role   -       -         Client.UserInitiatedShutdown: User initiated shutdown
        "#);
    }

    #[test]
    fn names_tell_nodes_from_instances() {
        insta::assert_snapshot!(names(&fixture::rows()), @r#"
        node/fargate-ip-10-0-0-9.ec2.internal
        node/ip-10-0-0-1.ec2.internal
        node/ip-10-0-0-2.ec2.internal
        instance/i-0000000000000000c
        instance/i-0000000000000000d
        "#);
    }

    #[test]
    fn the_document_is_a_contract_and_reads_back_as_it_was_written() {
        let list = NodeStatusList::new(
            "prod",
            "us-east-1",
            fixture::now(),
            &fixture::observations(),
            fixture::rows(),
        );
        let json = document::json(&list).unwrap();
        assert_eq!(serde_json::from_str::<NodeStatusList>(&json).unwrap(), list);
        insta::assert_snapshot!(json);
        let yaml = document::yaml(&list).unwrap();
        assert_eq!(
            serde_saphyr::from_str::<NodeStatusList>(&yaml).unwrap(),
            list
        );
    }
}
