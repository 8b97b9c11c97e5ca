//! Documents in, what a person is told out: one folder a case in `cases/`, and in `convert/cases/` for eksctl's.
//!
//! `UPDATE=1 make unit` writes what is told; read the difference before it is committed.

use std::path::{Path, PathBuf};

use node::config::{Document, excerpt};

use super::convert::convert;
use super::{Files, check, check_choices, checked, read};
use crate::generated;
use crate::observe::choices::Choices;

/// Folder of the repository in which the cases are.
const CHECKS: &str = "ctl/src/spec/cases";
const CONVERSIONS: &str = "ctl/src/spec/convert/cases";

/// Names of the cases in a folder.
fn names(folder: &str) -> Vec<String> {
    let entries = std::fs::read_dir(in_repository(folder)).unwrap();
    let mut names: Vec<String> = entries
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

fn in_repository(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(path)
}

fn file(folder: &str, case: &str, name: &str) -> Option<String> {
    std::fs::read_to_string(in_repository(folder).join(case).join(name)).ok()
}

/// The problems of a document as they are shown, those of the choices after those of the document.
fn told(text: &str, choices: Option<&str>, files: &Files) -> String {
    let document = Document {
        name: "cluster.yaml".to_owned(),
        text: text.to_owned(),
    };
    let (found, mut problems) = read(&document.name, text);
    if let Some((cluster, tree)) = &found {
        problems.extend(check(cluster, tree, files));
        if let Some(choices) = choices {
            let choices: Choices = serde_json::from_str(choices).unwrap();
            problems.extend(check_choices(cluster, tree, &choices));
        }
    }
    let documents = [document];
    problems
        .iter()
        .map(|problem| excerpt::render(problem, &documents) + "\n\n")
        .collect()
}

#[test]
fn every_case_is_told_as_it_was() {
    let cases = names(CHECKS);
    assert!(!cases.is_empty());
    for case in cases {
        let text = file(CHECKS, &case, "cluster.yaml").unwrap();
        let choices = file(CHECKS, &case, "choices.json");
        let files = ["first.sh", "second.sh"].into_iter().filter_map(|name| {
            let text = file(CHECKS, &case, name)?;
            Some((name.to_owned(), Ok(text)))
        });
        let told = told(&text, choices.as_deref(), &files.collect());
        generated::is_current(&format!("{CHECKS}/{case}/problems.txt"), &told);
    }
}

#[test]
fn every_conversion_is_what_it_was_and_our_document() {
    let cases = names(CONVERSIONS);
    assert!(!cases.is_empty());
    for case in cases {
        let text = file(CONVERSIONS, &case, "eksctl.yaml").unwrap();
        let converted = convert(&text).unwrap().to_yaml("eksctl.yaml").unwrap();
        generated::is_current(&format!("{CONVERSIONS}/{case}/cluster.yaml"), &converted);
        let (cluster, problems) = checked("cluster.yaml", &converted, |_| Files::new());
        let told: Vec<String> = problems.iter().map(ToString::to_string).collect();
        assert!(cluster.is_some(), "{case}: {told:#?}");
    }
}

#[test]
fn what_is_no_cluster_config_is_not_converted() {
    let problem = |text: &str| convert(text).unwrap_err().to_string();
    assert_eq!(
        problem("apiVersion: nodectl.dev/v1alpha1\nkind: Cluster\n"),
        "no ClusterConfig of eksctl; expected `apiVersion: eksctl.io/v1alpha5`, `kind: ClusterConfig`"
    );
    assert!(problem("{").contains("line") || !problem("{").is_empty());
}
