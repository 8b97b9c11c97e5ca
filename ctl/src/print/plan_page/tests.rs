use super::*;
use crate::plan::fixture::{as_observed, origin, plan_between, wanted_of};
use crate::plan::{deletion, difference};
use crate::resource::{Observed, Owner};

const BEFORE: &str = "\
vpc: {nat: none, zoneCount: 2}
nodeGroups:
- {name: web, labels: {tier: web}, scaling: {min: 1, max: 4, desired: 3}, userData: [{contentType: text/x-shellscript, content: \"#!/bin/sh\\necho one\\n\"}]}
- {name: old, scaling: {min: 2}}
";

fn document_of(plan: crate::plan::change::Plan) -> PlanDocument {
    PlanDocument::new(plan, None)
}

fn changed() -> PlanDocument {
    let after = BEFORE
        .replace("echo one", "curl http://me:secret@proxy/")
        .replace("tier: web", "tier: front")
        .replace("name: old", "name: new, instanceTypes: [m99.large]");
    document_of(plan_between(&wanted_of(BEFORE), &wanted_of(&after)))
}

#[test]
fn a_page_says_what_happens_to_what() {
    insta::assert_snapshot!(page(&changed(), false));
}

#[test]
fn markdown_says_the_same() {
    insta::assert_snapshot!(markdown(&changed()));
}

#[test]
fn nothing_to_do_is_one_sentence() {
    let wanted = wanted_of(BEFORE);
    let text = page(&document_of(plan_between(&wanted, &wanted)), false);
    insta::assert_snapshot!(text, @r"
    cluster demo in us-west-2, account 111122223333

    No changes: everything is as the document says.
    ");
}

#[test]
fn things_in_the_middle_of_something_are_told() {
    let wanted = wanted_of(BEFORE);
    let mut observed = as_observed(&wanted);
    let mut set = |address: &str, status: Status| {
        let mut things = observed.iter_mut();
        let is_it = |thing: &&mut Observed| thing.address.to_string() == address;
        things.find(is_it).unwrap().status = status;
    };
    set("cluster/demo", Status::Updating);
    set("nodegroup/web", Status::Deleting);
    let reason = "CREATE_FAILED: no\nquota".to_owned();
    set("nodegroup/old", Status::Failed { reason });
    let plan = difference::plan(&origin(), &wanted, &observed).unwrap();
    insta::assert_snapshot!(page(&document_of(plan), false));
}

#[test]
fn a_deletion_says_what_stays() {
    let mut observed = as_observed(&wanted_of(
        "vpc: {nat: none, zoneCount: 1}\nnodeGroups: [{name: a}]",
    ));
    observed[0].owner = Owner::Other;
    let plan = deletion::plan(&origin(), &observed);
    insta::assert_snapshot!(page(&document_of(plan), false));
}

#[test]
fn colour_says_nothing_that_symbols_do_not() {
    let document = changed();
    let mut stripped = page(&document, true);
    assert!(stripped.contains("\u{1b}[32m"), "{stripped}");
    for code in ["0", "2", "31", "32", "33", "36"] {
        stripped = stripped.replace(&format!("\u{1b}[{code}m"), "");
    }
    assert_eq!(stripped, page(&document, false));
}
