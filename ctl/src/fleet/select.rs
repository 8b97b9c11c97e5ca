//! Which rows a person asked for.

use super::row::Row;

/// The rows that one of the names means, and the names that mean none. A name is a Node's name, an instance id, a private
/// address or a private DNS name. No names mean every row.
pub fn select(rows: Vec<Row>, names: &[String]) -> (Vec<Row>, Vec<String>) {
    if names.is_empty() {
        return (rows, Vec::new());
    }
    let missing = names
        .iter()
        .filter(|name| !rows.iter().any(|row| answers_to(row, name)))
        .cloned()
        .collect();
    let rows = rows
        .into_iter()
        .filter(|row| names.iter().any(|name| answers_to(row, name)))
        .collect();
    (rows, missing)
}

fn answers_to(row: &Row, name: &str) -> bool {
    let dns = row
        .ec2
        .as_ref()
        .and_then(|instance| instance.private_dns_name.as_deref());
    [
        row.name.as_deref(),
        row.instance_id.as_deref(),
        row.internal_ip.as_deref(),
        dns,
    ]
    .contains(&Some(name))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fleet::row::fixture;

    #[test]
    fn rows_are_found_by_any_of_their_names_and_strangers_are_reported() {
        let names = ["ip-10-0-0-1.ec2.internal", "i-0000000000000000c", "i-9"].map(String::from);
        let (rows, missing) = select(fixture::rows(), &names);
        let ids: Vec<_> = rows
            .iter()
            .filter_map(|row| row.instance_id.as_deref())
            .collect();
        assert_eq!(ids, ["i-0000000000000000a", "i-0000000000000000c"]);
        assert_eq!(missing, ["i-9"]);
    }
}
