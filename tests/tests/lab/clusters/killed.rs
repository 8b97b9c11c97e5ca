//! `kill -9` of an apply and of a delete after every call that changes something: the next run goes on, and ends where a run
//! ends that nobody disturbed.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use lab::{
    cloud::gateway::{Calls, Effect, Interruption, Refusals},
    file,
};
use tokio::time::{Instant, sleep};

use super::{Place, example, text, witness};

const PATIENCE: Duration = Duration::from_mins(1);

/// The cluster in which most kinds of things are made. Each run does one thing more and is killed.
#[test]
fn an_apply_and_a_delete_that_are_killed_again_and_again_go_on() {
    Place::with(async |place| {
        let document = example::document(place, "new-vpc").await;
        let (apply, delete) = commands(&document);
        let before = witness::counts(&witness::everything(place).await);
        place.ends(0, &apply).await;
        let whole = witness::counts(&witness::everything(place).await);
        place.ends(0, &delete).await;

        let kills = kill_until_done(place, &apply).await;
        let made = witness::counts(&witness::everything(place).await);
        assert_eq!(made, whole, "after {kills} kills");
        place.nothing_to_do(&document).await;
        println!("apply killed {kills} times, ends as it should");

        let kills = kill_until_done(place, &delete).await;
        let left = witness::counts(&witness::everything(place).await);
        assert_eq!(left, before, "after {kills} kills");
        println!("delete killed {kills} times, nothing left");
    });
}

/// Every call of a small cluster, and a run that makes up for it: what was made before the kill is not made again.
#[test]
fn a_kill_after_any_one_call_is_made_up_for_by_one_more_run() {
    Place::with(async |place| {
        let document = example::document(place, "pinned-ami").await;
        let (apply, delete) = commands(&document);
        let before = witness::everything(place).await;
        let calls = creations_of(place, &apply, 0).await;
        let calls_of_delete = creations_of(place, &delete, 0).await;
        let most = calls.mutating.max(calls_of_delete.mutating);
        for call in 1..=most {
            let again = creations_of(place, &apply, call).await;
            assert_eq!(again.made, calls.made, "killed after call {call}");
            place.nothing_to_do(&document).await;
            let again = creations_of(place, &delete, call).await;
            assert_eq!(again.made, calls_of_delete.made, "killed after call {call}");
        }
        let left = witness::everything(place).await;
        assert_eq!(left, before);
        println!(
            "{} calls of an apply and {} of a delete, each the last before a kill",
            calls.mutating, calls_of_delete.mutating
        );
    });
}

/// Every call of a change that replaces nodes: whatever was done before the kill, the next run replaces them.
#[test]
fn a_group_whose_change_was_killed_after_any_call_still_gets_new_instances() {
    Place::with(async |place| {
        let document = example::document(place, "self-managed").await;
        let (apply, _) = commands(&document);
        place.ends(0, &apply).await;
        let mut size = 20;
        grow(place, &document, &mut size);
        let calls = creations_of(place, &apply, 0).await.mutating;
        for call in 1..=calls {
            let before = instances(place).await;
            grow(place, &document, &mut size);
            killed_at(place, &apply, call).await;
            place.ends(0, &apply).await;
            place.nothing_to_do(&document).await;
            let after = instances(place).await;
            assert_eq!(before.len(), after.len());
            assert!(before.is_disjoint(&after), "killed after call {call}");
        }
        println!("{calls} calls of a change that replaces nodes, each the last before a kill");
        several_types(place, &document);
        for _ in 0..2 {
            let before = instances(place).await;
            grow(place, &document, &mut size);
            place.ends(0, &apply).await;
            place.nothing_to_do(&document).await;
            assert!(before.is_disjoint(&instances(place).await));
        }
    });
}

/// The root volume of the group in a document becomes a GiB larger.
fn grow(place: &Place, document: &str, size: &mut u32) {
    let text = file::read(&place.home.path().join(document)).unwrap();
    let (is, was) = (
        format!("sizeGiB: {}", *size + 1),
        format!("sizeGiB: {size}"),
    );
    assert!(text.contains(&was), "{text}");
    place.document(document, &text.replace(&was, &is));
    *size += 1;
}

/// The group in a document gets a choice of instance types.
fn several_types(place: &Place, document: &str) {
    let text = file::read(&place.home.path().join(document)).unwrap();
    let more = text.replace("[t3.small]", "[t3.small, t3.medium]");
    assert_ne!(text, more);
    place.document(document, &more);
}

async fn instances(place: &Place) -> BTreeSet<String> {
    let mut everything = witness::everything(place).await;
    everything
        .remove("instance")
        .into_iter()
        .flatten()
        .collect()
}

fn commands(document: &str) -> (Vec<&str>, Vec<&str>) {
    (
        vec!["apply", "--file", document, "--yes", "--no-nodes"],
        vec!["delete", "--file", document, "--no-drain", "--yes"],
    )
}

/// What a command did.
struct Done {
    /// How many calls changed something.
    mutating: u64,
    /// How many more of each thing there are.
    made: BTreeMap<String, i32>,
}

/// Runs a command to its end, after a run that is killed after its so manieth call that changes something, or after none.
async fn creations_of(place: &Place, arguments: &[&str], call: u64) -> Done {
    let start = place.account.last_call();
    if call > 0 {
        killed_at(place, arguments, call).await;
    }
    place.ends(0, arguments).await;
    let log = place.account.log().unwrap();
    let mut done = Done {
        mutating: 0,
        made: BTreeMap::new(),
    };
    for call in log
        .iter()
        .filter(|call| call.number > start && call.mutates)
    {
        done.mutating += 1;
        if call.status >= 300 {
            continue;
        }
        let change = [
            ("Create", 1),
            ("Allocate", 1),
            ("Delete", -1),
            ("Release", -1),
        ]
        .into_iter()
        .find_map(|(verb, change)| Some((call.action.strip_prefix(verb)?, change)));
        if let Some((what, change)) = change.filter(|(what, _)| *what != "Tags") {
            *done
                .made
                .entry(format!("{}:{what}", call.service))
                .or_default() += change;
        }
    }
    done
}

/// Runs a command again and again, and kills it each time after its first call that changes something.
async fn kill_until_done(place: &Place, arguments: &[&str]) -> u32 {
    let mut kills = 0;
    while killed_at(place, arguments, 1).await {
        kills += 1;
        assert!(kills < 400, "{}", arguments.join(" "));
    }
    kills
}

/// Runs a command and kills it once its so manieth call that changes something is done and not answered. False when it
/// ended well before.
async fn killed_at(place: &Place, arguments: &[&str], call: u64) -> bool {
    let (start, held) = (place.account.last_call(), place.account.held());
    let interruption = Interruption {
        start,
        call,
        of: Calls::Mutating,
        caller: None,
        effect: Effect::DoneThenHeld,
    };
    let faults = Refusals {
        interruptions: vec![interruption],
        ..Refusals::default()
    };
    place.account.set_faults(&faults).unwrap();
    let mut child = place.start(arguments);
    let began = Instant::now();
    let mut ended = None;
    while place.account.held() == held && ended.is_none() {
        if began.elapsed() > PATIENCE {
            child.start_kill().unwrap();
            let output = child.wait_with_output().await.unwrap();
            panic!("{}\n{}", arguments.join(" "), text(&output.stderr));
        }
        sleep(Duration::from_millis(10)).await;
        ended = child.try_wait().unwrap();
    }
    let is_killed = ended.is_none();
    if is_killed {
        child.start_kill().unwrap();
    }
    let output = child.wait_with_output().await.unwrap();
    if !is_killed {
        assert!(output.status.success(), "{}", text(&output.stderr));
    }
    place.account.set_faults(&Refusals::default()).unwrap();
    is_killed
}
