//! The page of the metrics, `docs/reference/metrics.md`: written from the list, so that it cannot differ from it.

use std::fmt::Write as _;

use super::metric::ALL;
use crate::generated;

const HEAD: &str = "# Metrics

This page is generated from the list that the agent answers from; `UPDATE=1 make unit` writes it. `GET /metrics` answers in
the OpenMetrics text format. Counters begin at 0 when the agent starts. A metric of which nothing is known yet, such as
the time until the Node was Ready before it is, is not shown. Every code of the [catalogue](findings.md) and of the node's
own [rules](../guide/write-a-rule.md) is always shown, with 0 while nothing is open.

How to scrape it, a dashboard and alerts: [examples/prometheus](../../examples/prometheus),
[examples/grafana](../../examples/grafana).

| Metric | Type | Labels | Meaning |
|---|---|---|---|
";

fn page() -> String {
    let mut page = HEAD.to_owned();
    for metric in ALL {
        let labels: Vec<String> = metric
            .labels
            .iter()
            .map(|label| format!("`{label}`"))
            .collect();
        writeln!(
            page,
            "| `{}` | {} | {} | {} |",
            metric.name(),
            metric.kind.word(),
            labels.join(", "),
            metric.help
        )
        .unwrap();
    }
    page
}

#[test]
fn the_checked_in_page_is_that_of_the_metrics() {
    generated::is_current("docs/reference/metrics.md", &page());
}
