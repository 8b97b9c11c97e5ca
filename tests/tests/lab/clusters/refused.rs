//! What AWS refuses, and what a person then reads: the action, the object, who asked, what was made before and what to do.

use lab::cloud::gateway::{Calls, Effect, Interruption, Reason, Refusals, Refused};

use super::{Place, example, text, witness};

#[test]
fn a_refusal_names_the_action_and_who_asked_and_the_next_run_goes_on() {
    Place::with(async |place| {
        let document = example::document(place, "pinned-ami").await;
        let apply = ["apply", "--file", &document, "--yes", "--no-nodes"];
        denied(place, &apply).await;
        expired(place, &apply).await;
        place.ends(0, &apply).await;
        place.nothing_to_do(&document).await;
        deleted_under_our_feet(place, &document).await;
        a_stale_plan_is_refused(place, &document).await;
        place.delete(&document).await;
    });
}

async fn denied(place: &Place, apply: &[&str]) {
    let faults = Refusals {
        refusals: vec![Refused {
            role: "admin".to_owned(),
            action: "eks:CreateCluster".to_owned(),
            times: None,
            reason: Reason::Denied,
        }],
        ..Refusals::default()
    };
    place.account.set_faults(&faults).unwrap();
    let output = place.ends(1, apply).await;
    let said = text(&output.stderr);
    println!("{said}");
    for part in ["eks:CreateCluster", "cluster/krug", "assumed-role/admin"] {
        assert!(said.contains(part), "{part}\n{said}");
    }
    assert!(said.contains("created"), "what was made is said\n{said}");
    place.account.set_faults(&Refusals::default()).unwrap();
}

/// Credentials that end in the middle end the run; what is under way is found by the next.
async fn expired(place: &Place, apply: &[&str]) {
    let faults = Refusals {
        interruptions: vec![Interruption {
            start: place.account.last_call(),
            call: 2,
            of: Calls::Mutating,
            caller: None,
            effect: Effect::Expired,
        }],
        ..Refusals::default()
    };
    place.account.set_faults(&faults).unwrap();
    let output = place.ends(1, apply).await;
    let said = text(&output.stderr);
    assert!(said.contains("expired"), "{said}");
    assert!(said.contains("aws sso login"), "{said}");
    place.account.set_faults(&Refusals::default()).unwrap();
    place
        .account
        .credentials()
        .keep(place.account.admin())
        .unwrap();
}

async fn deleted_under_our_feet(place: &Place, document: &str) {
    let group = witness::everything(place).await["Auto Scaling group"][0].clone();
    let delete = [
        "autoscaling",
        "delete-auto-scaling-group",
        "--force-delete",
        "--auto-scaling-group-name",
        &group,
    ];
    witness::aws(place, &delete).await;
    let plan = place.plan(document).await;
    assert_eq!(plan["summary"]["create"], 1, "{:#}", plan["summary"]);
    place.apply(document).await;
    place.nothing_to_do(document).await;
}

async fn a_stale_plan_is_refused(place: &Place, document: &str) {
    let changed = lab::file::read(&place.home.path().join(document)).unwrap();
    let changed = changed.replace("max: 6", "max: 7");
    place.document("changed.yaml", &changed);
    let save = ["plan", "--file", "changed.yaml", "--out", "saved.json"];
    place.ends(0, &save).await;
    let saved = ["apply", "--plan", "saved.json", "--yes", "--no-nodes"];
    let template = witness::everything(place).await["Auto Scaling group"][0].clone();
    let by_hand = [
        "autoscaling",
        "update-auto-scaling-group",
        "--auto-scaling-group-name",
        &template,
        "--min-size",
        "1",
    ];
    witness::aws(place, &by_hand).await;
    let output = place.ends(7, &saved).await;
    let said = text(&output.stderr);
    assert!(
        said.contains("stale") && said.contains("auto-scaling-group/workers"),
        "{said}"
    );
    place.ends(0, &save).await;
    place.ends(0, &saved).await;
    place.nothing_to_do("changed.yaml").await;
}
