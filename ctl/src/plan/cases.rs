//! Cases in `tests/cases/plan`, one folder each: a `cluster.yaml` with the `choices.json` that were made for it gives the
//! `wanted.json` and the page `plan.txt`. Where there is a `before.yaml` (with a `before-choices.json` when these changed), it
//! is what was applied before, and there is no `wanted.json`. `UPDATE=1` writes what comes out.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use super::change::Origin;
use super::difference;
use super::fixture::{as_observed, document, origin};
use super::saved::PlanDocument;
use super::wanted::wanted;
use crate::observe::choices::Choices;
use crate::print::plan_page::page;
use crate::resource::Wanted;

fn folders() -> Vec<PathBuf> {
    let all = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/cases/plan");
    let mut folders: Vec<PathBuf> = fs::read_dir(all)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    folders.sort();
    folders
}

fn choices(folder: &Path, name: &str) -> Choices {
    serde_json::from_str(&fs::read_to_string(folder.join(name)).unwrap()).unwrap()
}

fn files(folder: &Path) -> BTreeMap<String, String> {
    ["prepare.sh"]
        .into_iter()
        .filter_map(|name| Some((name.to_owned(), fs::read_to_string(folder.join(name)).ok()?)))
        .collect()
}

/// What a document of a folder asks for.
fn asked(folder: &Path, name: &str, choices: &Choices) -> Vec<Wanted> {
    let text = fs::read_to_string(folder.join(name)).unwrap();
    wanted(&document(&text), choices, &files(folder))
}

fn page_of(folder: &Path, wanted: &[Wanted], choices: &Choices) -> String {
    let observed = if folder.join("before.yaml").exists() {
        let name = "before-choices.json";
        let before = if folder.join(name).exists() {
            self::choices(folder, name)
        } else {
            choices.clone()
        };
        as_observed(&asked(folder, "before.yaml", &before))
    } else {
        Vec::new()
    };
    let text = fs::read_to_string(folder.join("cluster.yaml")).unwrap();
    let origin = Origin {
        cluster: document(&text).metadata.name,
        region: choices.region.clone(),
        ..origin()
    };
    match difference::plan(&origin, wanted, &observed) {
        Ok(plan) => page(&PlanDocument::new(plan, choices.vpc.as_ref()), false),
        Err(refused) => format!("refused: {refused}\n"),
    }
}

/// Says where what came out is not what the file has.
fn compare(file: &Path, content: &str, wrong: &mut Vec<String>) {
    if std::env::var_os("UPDATE").is_some() {
        fs::write(file, content).unwrap();
    }
    if fs::read_to_string(file).unwrap_or_default() != content {
        wrong.push(format!("{} is not\n{content}", file.display()));
    }
}

#[test]
fn every_case_comes_out_as_it_should() {
    let mut wrong = Vec::new();
    let folders = folders();
    assert!(folders.len() >= 12, "{folders:?}");
    for folder in folders {
        let choices = choices(&folder, "choices.json");
        let wanted = asked(&folder, "cluster.yaml", &choices);
        if !folder.join("before.yaml").exists() {
            let content = serde_json::to_string_pretty(&wanted).unwrap() + "\n";
            compare(&folder.join("wanted.json"), &content, &mut wrong);
        }
        let content = page_of(&folder, &wanted, &choices);
        compare(&folder.join("plan.txt"), &content, &mut wrong);
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
