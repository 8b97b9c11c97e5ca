//! `nodectl explain`: the catalogue of findings, for people.

use node::finding::{self, Finding, Severity, catalogue};
use node::wire::API_VERSION;
use serde::Serialize;

use super::error::{Error, written};
use crate::cli::{ExplainArgs, Output};
use crate::exit::Exit;
use crate::print::{Cell, Printer, Table, Tone, document};

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct FindingList {
    api_version: &'static str,
    kind: &'static str,
    items: Vec<Explanation>,
}

#[derive(Serialize)]
struct Explanation {
    code: &'static str,
    severity: Severity,
    title: &'static str,
    cause: &'static str,
    fix: &'static str,
}

pub(super) fn run(args: &ExplainArgs, printer: &mut Printer) -> Result<Exit, Error> {
    let one = args.code.as_deref().map(by_code).transpose()?;
    let findings: Vec<&Finding> = match one {
        Some(finding) => vec![finding],
        None => catalogue().collect(),
    };
    let text = match args.output.output {
        Output::Json => document::json(&list(&findings))?,
        Output::Yaml => document::yaml(&list(&findings))?,
        Output::Name => {
            let codes: Vec<&str> = findings.iter().map(|finding| finding.code).collect();
            codes.join("\n")
        }
        Output::Table | Output::Wide => {
            one.map_or_else(|| table(&findings, printer.data_color()), page)
        }
    };
    written(printer.data(&text))?;
    Ok(Exit::Ok)
}

fn by_code(code: &str) -> Result<&'static Finding, Error> {
    finding::by_code(code).ok_or_else(|| {
        let codes: Vec<&str> = catalogue().map(|finding| finding.code).collect();
        let nearest = node::nearest::nearest(code, &codes).map(str::to_owned);
        Error::UnknownCode {
            code: code.to_owned(),
            nearest,
        }
    })
}

fn list(findings: &[&Finding]) -> FindingList {
    let items = findings.iter().map(|finding| Explanation {
        code: finding.code,
        severity: finding.severity,
        title: finding.title,
        cause: finding.cause,
        fix: finding.fix,
    });
    FindingList {
        api_version: API_VERSION,
        kind: "FindingList",
        items: items.collect(),
    }
}

fn table(findings: &[&Finding], color: bool) -> String {
    let mut table = Table::new(["CODE", "SEVERITY", "TITLE"]);
    for finding in findings {
        let tone = match finding.severity {
            Severity::Fatal => Tone::Bad,
            Severity::Warning => Tone::Warning,
            Severity::Info => Tone::Plain,
        };
        table.push([
            finding.code.into(),
            Cell::toned(finding.severity.as_str(), tone),
            finding.title.into(),
        ]);
    }
    table.render(color)
}

fn page(finding: &Finding) -> String {
    format!(
        "{}: {}\n\nSeverity: {}\nCause:    {}\nFix:      {}\n",
        finding.code,
        finding.title,
        finding.severity.as_str(),
        finding.cause,
        finding.fix
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_finding_is_one_page() {
        let page = page(by_code("join.unauthorized").unwrap());
        assert!(page.starts_with("join.unauthorized: "), "{page}");
        assert!(
            page.contains("\nFix:      aws eks create-access-entry"),
            "{page}"
        );
    }

    #[test]
    fn every_finding_has_a_line() {
        let findings: Vec<&Finding> = catalogue().collect();
        assert_eq!(table(&findings, false).lines().count(), findings.len() + 1);
    }

    #[test]
    fn a_misspelt_code_names_the_right_one() {
        let Err(error) = by_code("join.unauthorised") else {
            panic!("there is no such code")
        };
        assert_eq!(error.hints(), ["did you mean `join.unauthorized`?"]);
        let Err(error) = by_code("user.sensor_blind") else {
            panic!("it is not of the catalogue")
        };
        assert!(error.hints()[0].contains("rule of the node's owner"));
    }
}
