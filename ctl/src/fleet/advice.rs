//! What to do about the rows that are not well: one piece of advice for each fault, however many rows have it.

use super::health::Health;
use super::row::Row;

/// What to do about one fault.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Advice {
    /// The first row that has the fault, and how many more do.
    pub subject: String,
    /// What the agent of that row saw last: a cause is general, this is the very message.
    pub evidence: Option<String>,
    /// What a person does next.
    pub fix: String,
}

/// Advice for the unhealthy rows, in their order; a fault is told by its code.
pub fn advice(rows: &[Row]) -> Vec<Advice> {
    let mut faults: Vec<(&Row, usize)> = Vec::new();
    for row in rows
        .iter()
        .filter(|row| row.health == Health::Unhealthy && row.fix.is_some())
    {
        match faults.iter_mut().find(|(first, _)| first.code == row.code) {
            Some((_, more)) => *more += 1,
            None => faults.push((row, 0)),
        }
    }
    faults
        .into_iter()
        .filter_map(|(row, more)| of_row(row, more))
        .collect()
}

fn of_row(row: &Row, more: usize) -> Option<Advice> {
    let name = row.name.as_ref().or(row.instance_id.as_ref())?;
    let verdict = row
        .console
        .as_ref()
        .and_then(|console| console.verdict.as_ref());
    let root = verdict.and_then(|verdict| verdict.root_cause.as_ref());
    Some(Advice {
        subject: match more {
            0 => name.clone(),
            more => format!("{name} and {more} more"),
        },
        evidence: root.and_then(|root| root.evidence.last().cloned()),
        fix: row.fix.clone()?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fleet::row::fixture;

    #[test]
    fn a_fault_of_many_rows_is_told_once_with_its_newest_evidence() {
        let mut rows = fixture::rows();
        let again = Row {
            instance_id: Some("i-0000000000000000e".into()),
            ..rows[3].clone()
        };
        rows.push(again);
        assert_eq!(
            advice(&rows),
            [Advice {
                subject: "i-0000000000000000c and 1 more".into(),
                evidence: Some("401 Unauthorized".into()),
                fix: fixture::unauthorized().fix,
            }]
        );
    }
}
