//! Runs against a cloud in memory, over paused time.

mod world;

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;

use self::world::{World, address, plan, quick, realistic, wanted};
use super::*;
use crate::apply::hands::{Error, Look, Why};
use crate::exit::Exit;
use crate::plan::change::FieldChange;
use crate::plan::deletion;
use crate::plan::fixture::{as_observed, origin};
use crate::resource::{Attribute, AutoScalingGroup, Body, Text, Wanted};

/// Notes every event.
#[derive(Debug, Default)]
struct Seen(Vec<String>);

impl Observer for Seen {
    fn see(&mut self, address: &Address, event: &Event, _at: Duration) {
        self.0.push(match event {
            Event::Begun { act } => format!("{act} {address}"),
            Event::Waits { waits_for } => format!("{address} waits: {waits_for}"),
            Event::Warns { text } => format!("{address} warns: {text}"),
            Event::Done { act, .. } => format!("{} {address}", act.done()),
            Event::Failed { error, .. } => format!("{address} failed: {error}"),
            Event::Skipped { because } => format!("{address} skipped: {because}"),
            Event::Left { waits_for } => format!("{address} left: {waits_for}"),
        });
    }

    fn tick(&mut self, _at: Duration) {}
}

/// Nodes that are looked at so often before they are Ready.
#[derive(Debug, Default)]
struct Group(std::sync::Mutex<Vec<Result<Look, Error>>>);

impl Nodes for Group {
    async fn look(&self, _: &Address, _: &Body, _: &Outputs) -> Result<Look, Error> {
        let next = self.0.lock().unwrap().pop();
        next.unwrap_or_else(|| Ok(Look::Ready(Outputs::new())))
    }

    async fn drain(&self, group: &Address) -> Result<Look, Error> {
        let nothing = Body::Vpc(crate::resource::Vpc::default());
        self.look(group, &nothing, &Outputs::new()).await
    }
}

/// Where journals lie; in memory if possible, since what is run here a thousand times writes through to the disk.
fn home() -> tempfile::TempDir {
    tempfile::tempdir_in("/dev/shm").unwrap_or_else(|_| tempfile::tempdir().unwrap())
}

fn journal(directory: &Path) -> Journal {
    Journal::open(directory, "123456789012", "us-west-2", "prod").unwrap()
}

fn options() -> (watch::Sender<Stop>, Options) {
    let (sender, stop) = watch::channel(Stop::No);
    let options = Options {
        deadline: None,
        stop,
        calls: 16,
    };
    (sender, options)
}

/// One process, to its end or to where the world stops it.
async fn process(world: &Arc<World>, plan: &Plan, directory: &Path) -> Option<Report> {
    let (_stop, options) = options();
    let nodes = Arc::new(Group::default());
    let mut journal = journal(directory);
    let mut seen = Seen::default();
    let run = run(
        plan,
        Arc::clone(world),
        nodes,
        &mut journal,
        options,
        &mut seen,
    );
    tokio::select! {
        biased;
        () = world.stopped() => None,
        report = run => Some(report.unwrap()),
    }
}

async fn converged(world: &Arc<World>, plan: &Plan, directory: &Path) -> Report {
    world.stop_at(None);
    let report = process(world, plan, directory).await.unwrap();
    assert_eq!(report.end, End::Done, "{:?}", report.steps);
    report
}

fn everything() -> Vec<String> {
    let mut names: Vec<String> = wanted()
        .iter()
        .map(|wanted| wanted.address.to_string())
        .collect();
    names.sort();
    names
}

fn outcome<'a>(report: &'a Report, name: &str) -> &'a Outcome {
    let mut steps = report.steps.iter();
    &steps
        .find(|step| step.address == address(name))
        .unwrap()
        .outcome
}

#[tokio::test(start_paused = true)]
async fn a_run_takes_as_long_as_its_longest_chain() {
    let (world, home) = (Arc::new(World::new(realistic)), home());
    let report = converged(&world, &world.plan(false), home.path()).await;
    assert_eq!(world.addresses(), everything());
    let chain: Vec<String> = report
        .critical_path
        .iter()
        .map(|(address, _)| address.kind.to_string())
        .collect();
    assert_eq!(chain, ["vpc", "subnet", "cluster", "nodegroup"]);
    // What the calls and transitions of the chain take, without any look that is too late.
    let least = Duration::from_millis(2_000 + 2_000 + 540_000 + 150_000 + 4 * 2 * 50);
    let most = least.mul_f64(1.06);
    assert!(
        report.elapsed >= least && report.elapsed <= most,
        "{:?}, not {least:?} to {most:?}",
        report.elapsed
    );
    assert!(report.elapsed < report.critical() + Duration::from_secs(1));
    assert_eq!(report.exit(), Exit::Ok);
}

#[tokio::test(start_paused = true)]
async fn calls_at_once_are_bounded_and_waits_hold_none() {
    let (world, home) = (Arc::new(World::new(realistic)), home());
    let (_stop, options) = options();
    let options = Options {
        calls: 1,
        ..options
    };
    let mut journal = journal(home.path());
    let report = run(
        &world.plan(false),
        Arc::clone(&world),
        Arc::new(Group::default()),
        &mut journal,
        options,
        &mut Seen::default(),
    )
    .await
    .unwrap();
    assert_eq!(report.end, End::Done);
    assert!(
        report.elapsed < Duration::from_mins(14),
        "{:?}",
        report.elapsed
    );
}

#[tokio::test(start_paused = true)]
async fn a_run_that_was_stopped_at_any_event_is_taken_up_without_doubles() {
    for blind in [false, true] {
        let mut event = 0;
        loop {
            let (world, home) = (Arc::new(World::new(quick)), home());
            world.stop_at(Some(event));
            let first = process(&world, &world.plan(blind), home.path()).await;
            if first.is_some() {
                break;
            }
            converged(&world, &world.plan(blind), home.path()).await;
            assert_eq!(world.addresses(), everything(), "stopped at event {event}");
            assert!(world.plan(false).is_empty(), "stopped at event {event}");
            event += 1;
        }
        assert!(event > 50, "{event} events");
    }
}

#[tokio::test(start_paused = true)]
async fn a_run_that_is_stopped_again_and_again_converges() {
    let (world, home) = (Arc::new(World::new(quick)), home());
    let mut runs = 0;
    loop {
        world.stop_at(Some(5));
        runs += 1;
        let report = process(&world, &world.plan(true), home.path()).await;
        if report.is_some() || runs > 100 {
            break;
        }
    }
    converged(&world, &world.plan(false), home.path()).await;
    assert_eq!(world.addresses(), everything());
    assert!((3..100).contains(&runs), "{runs}");
}

#[tokio::test(start_paused = true)]
async fn a_deletion_that_was_stopped_at_any_event_leaves_nothing() {
    let mut event = 0;
    loop {
        let (world, home) = (Arc::new(World::new(quick)), home());
        converged(&world, &world.plan(false), home.path()).await;
        world.stop_at(Some(event));
        let first = process(&world, &world.deletion(), home.path()).await;
        if first.is_some() {
            assert_eq!(world.addresses(), [""; 0]);
            break;
        }
        converged(&world, &world.deletion(), home.path()).await;
        assert_eq!(world.addresses(), [""; 0], "stopped at event {event}");
        event += 1;
    }
    assert!(event > 40, "{event} events");
}

#[tokio::test(start_paused = true)]
async fn what_was_deleted_is_made_anew_and_not_the_same_again() {
    let (world, home) = (Arc::new(World::new(quick)), home());
    // The first run does not end well, so that its id lives on through the deletion.
    world.break_for_ever("create nodegroup/blue", Why::Quota);
    process(&world, &world.plan(false), home.path())
        .await
        .unwrap();
    world.break_for_ever("delete vpc/main", Why::Other);
    process(&world, &world.deletion(), home.path())
        .await
        .unwrap();
    assert_eq!(world.addresses(), ["vpc/main"]);
    world.mend();
    converged(&world, &world.plan(false), home.path()).await;
    assert_eq!(world.addresses(), everything());
}

#[tokio::test(start_paused = true)]
async fn a_failure_skips_what_needs_it_and_nothing_else() {
    let (world, home) = (Arc::new(World::new(realistic)), home());
    let principal = Some("arn:aws:iam::123456789012:user/dev".to_owned());
    world.break_for_ever("create role/cluster", Why::Denied { principal });
    let report = process(&world, &world.plan(false), home.path())
        .await
        .unwrap();
    assert_eq!(report.exit(), Exit::Failed);
    let [(failed, failure)] = report.failures().collect::<Vec<_>>()[..] else {
        panic!("one thing fails")
    };
    assert_eq!(*failed, address("role/cluster"));
    assert!(failure.to_string().contains("user/dev"), "{failure}");
    for skipped in ["cluster/prod", "nodegroup/blue"] {
        assert!(
            matches!(outcome(&report, skipped), Outcome::Skipped { because } if because == failed)
        );
    }
    for done in ["nat-gateway/a", "subnet/b", "launch-template/blue"] {
        assert!(matches!(outcome(&report, done), Outcome::Done { .. }));
    }
    assert_eq!(world.calls("create role").len(), 1);
    world.mend();
    converged(&world, &world.plan(false), home.path()).await;
    assert_eq!(world.addresses(), everything());
    assert_eq!(world.calls("create vpc").len(), 1);
}

#[tokio::test(start_paused = true)]
async fn what_is_not_known_everywhere_yet_is_tried_again_for_a_while() {
    let (world, place) = (Arc::new(World::new(realistic)), home());
    world.fault("create cluster/prod", [Why::NotYet, Why::NotYet]);
    world.fault("look vpc/main", [Why::Throttled, Why::Unanswered]);
    converged(&world, &world.plan(false), place.path()).await;
    assert_eq!(world.calls("create cluster").len(), 3);

    let (world, place) = (Arc::new(World::new(realistic)), home());
    world.break_for_ever("create cluster/prod", Why::NotYet);
    let report = process(&world, &world.plan(false), place.path())
        .await
        .unwrap();
    assert!(matches!(
        outcome(&report, "cluster/prod"),
        Outcome::Failed { .. }
    ));
    let tries = world.calls("create cluster").len();
    assert!((10..30).contains(&tries), "{tries}");
    assert!(
        report.elapsed < Duration::from_mins(3),
        "{:?}",
        report.elapsed
    );
}

#[tokio::test(start_paused = true)]
async fn expired_credentials_stop_everything_and_the_next_run_goes_on() {
    let (world, home) = (Arc::new(World::new(realistic)), home());
    world.fault("create nat-gateway/a", [Why::Expired]);
    let report = process(&world, &world.plan(false), home.path())
        .await
        .unwrap();
    assert_eq!(report.exit(), Exit::Failed);
    assert!(
        report.elapsed < Duration::from_secs(10),
        "{:?}",
        report.elapsed
    );
    assert!(matches!(
        outcome(&report, "nodegroup/blue"),
        Outcome::Skipped { .. }
    ));
    converged(&world, &world.plan(false), home.path()).await;
    assert_eq!(world.addresses(), everything());
}

#[tokio::test(start_paused = true)]
async fn a_thing_that_fails_or_vanishes_says_so() {
    let (world, home) = (Arc::new(World::new(realistic)), home());
    world.comes_up_failed("cluster/prod");
    let lost = Arc::clone(&world);
    tokio::spawn(async move {
        tokio::time::sleep(Duration::from_secs(30)).await;
        lost.lose("nat-gateway/a");
    });
    let report = process(&world, &world.plan(false), home.path())
        .await
        .unwrap();
    let failures: BTreeMap<String, String> = report
        .failures()
        .map(|(address, failure)| (address.to_string(), failure.to_string()))
        .collect();
    assert_eq!(
        failures["cluster/prod"],
        "CREATE_FAILED: no address is left"
    );
    assert_eq!(failures["nat-gateway/a"], "it was not there any more");
}

#[tokio::test(start_paused = true)]
async fn an_interrupt_finishes_calls_and_leaves_waits() {
    let (mut world, home) = (World::new(realistic), home());
    world.call = Duration::from_secs(2);
    let world = Arc::new(world);
    let (stop, options) = options();
    // The cluster has been called for and is not answered yet: the VPC and the subnets took 4 s each.
    tokio::spawn(async move {
        tokio::time::sleep(Duration::from_secs(9)).await;
        stop.send(Stop::Finish).unwrap();
        std::future::pending::<()>().await;
    });
    let mut journal_of_run = journal(home.path());
    let mut seen = Seen::default();
    let report = run(
        &world.plan(false),
        Arc::clone(&world),
        Arc::new(Group::default()),
        &mut journal_of_run,
        options,
        &mut seen,
    )
    .await
    .unwrap();
    assert_eq!(report.exit(), Exit::Interrupted);
    assert!(
        report.elapsed < Duration::from_secs(14),
        "{:?}",
        report.elapsed
    );
    assert!(matches!(outcome(&report, "vpc/main"), Outcome::Done { .. }));
    assert!(matches!(
        outcome(&report, "cluster/prod"),
        Outcome::Left { .. }
    ));
    assert!(matches!(
        outcome(&report, "nodegroup/blue"),
        Outcome::NotStarted
    ));
    let id = journal_of_run.outputs(&address("cluster/prod")).unwrap();
    assert!(id.contains_key(&Attribute::Id), "{id:?}");
    drop(journal_of_run);
    converged(&world, &world.plan(true), home.path()).await;
    assert_eq!(world.addresses(), everything());
}

#[tokio::test(start_paused = true)]
async fn a_second_interrupt_ends_at_once() {
    let (mut world, home) = (World::new(realistic), home());
    world.call = Duration::from_hours(1);
    let world = Arc::new(world);
    let (stop, options) = options();
    tokio::spawn(async move {
        for level in [Stop::Finish, Stop::Now] {
            tokio::time::sleep(Duration::from_secs(3)).await;
            stop.send(level).unwrap();
        }
        std::future::pending::<()>().await;
    });
    let report = run(
        &world.plan(false),
        Arc::clone(&world),
        Arc::new(Group::default()),
        &mut journal(home.path()),
        options,
        &mut Seen::default(),
    )
    .await
    .unwrap();
    assert_eq!(report.end, End::Interrupted);
    assert_eq!(report.elapsed.as_secs(), 6);
    assert!(matches!(outcome(&report, "vpc/main"), Outcome::Left { .. }));
}

#[tokio::test(start_paused = true)]
async fn a_deadline_ends_the_run_and_the_next_goes_on() {
    let (world, home) = (Arc::new(World::new(realistic)), home());
    let (_stop, options) = options();
    let options = Options {
        deadline: Some(Duration::from_mins(3)),
        ..options
    };
    let report = run(
        &world.plan(false),
        Arc::clone(&world),
        Arc::new(Group::default()),
        &mut journal(home.path()),
        options,
        &mut Seen::default(),
    )
    .await
    .unwrap();
    assert_eq!(report.exit(), Exit::Timeout);
    assert!(
        report.elapsed < Duration::from_secs(181),
        "{:?}",
        report.elapsed
    );
    assert!(
        matches!(outcome(&report, "cluster/prod"), Outcome::Left { waits_for } if waits_for == "CREATING")
    );
    let plan = world.plan(false);
    let cluster = plan
        .changes
        .iter()
        .find(|change| change.address == address("cluster/prod"));
    assert_eq!(cluster.unwrap().action, Action::Wait);
    converged(&world, &plan, home.path()).await;
    assert_eq!(world.calls("create cluster").len(), 1);
}

/// A group whose nodes look so, the last answer first.
async fn with_nodes(looks: Vec<Result<Look, Error>>) -> (Report, Seen) {
    let (world, home) = (Arc::new(World::new(quick)), home());
    let (_stop, options) = options();
    let mut seen = Seen::default();
    let report = run(
        &world.plan(false),
        Arc::clone(&world),
        Arc::new(Group(looks.into())),
        &mut journal(home.path()),
        options,
        &mut seen,
    )
    .await
    .unwrap();
    (report, seen)
}

#[tokio::test(start_paused = true)]
async fn a_group_is_done_when_its_nodes_are_ready() {
    let pending = || {
        Ok(Look::Pending {
            waits_for: "0 of 1 nodes are Ready".into(),
        })
    };
    let (report, seen) = with_nodes(vec![pending(), pending()]).await;
    assert_eq!(report.end, End::Done);
    let waits = "nodegroup/blue waits: 0 of 1 nodes are Ready".to_owned();
    assert!(seen.0.contains(&waits), "{:?}", seen.0);
}

#[tokio::test(start_paused = true)]
async fn a_group_whose_nodes_do_not_come_fails_with_their_diagnosis() {
    let reason = "0 of 1 nodes are Ready; i-0a is NotJoined: join.unauthorized".to_owned();
    let (report, _) = with_nodes(vec![Ok(Look::Failed {
        reason: reason.clone(),
    })])
    .await;
    let (_, failure) = report.failures().next().unwrap();
    assert_eq!(failure.to_string(), reason);

    let waits_for = || {
        Ok(Look::Pending {
            waits_for: reason.clone(),
        })
    };
    let (report, _) = with_nodes((0..1000).map(|_| waits_for()).collect()).await;
    let (_, failure) = report.failures().next().unwrap();
    assert_eq!(
        failure.to_string(),
        format!("not ready after 15 min: {reason}")
    );
}

#[tokio::test(start_paused = true)]
async fn nodes_that_cannot_be_looked_at_are_a_warning() {
    let denied = Error::new(Why::Denied { principal: None }, "403");
    let (report, seen) = with_nodes(vec![Err(denied)]).await;
    assert_eq!(report.end, End::Done);
    let warns =
        "nodegroup/blue warns: its nodes were not looked at: the caller may not do this: 403";
    assert!(seen.0.iter().any(|seen| seen == warns), "{:?}", seen.0);
}

/// The deletion of a self-managed group whose nodes are drained so, the last answer first; and whether it was deleted.
async fn drained(looks: Vec<Result<Look, Error>>) -> (Report, Seen, bool) {
    let (world, home) = (Arc::new(World::new(quick)), home());
    let (_stop, options) = options();
    let mut seen = Seen::default();
    let group = Wanted {
        address: address("auto-scaling-group/green"),
        body: Body::AutoScalingGroup(AutoScalingGroup::default()),
        after: BTreeSet::new(),
    };
    let report = run(
        &deletion::plan(&origin(), &as_observed(&[group])),
        Arc::clone(&world),
        Arc::new(Group(looks.into())),
        &mut journal(home.path()),
        options,
        &mut seen,
    )
    .await
    .unwrap();
    let is_deleted = !world.calls("delete").is_empty();
    (report, seen, is_deleted)
}

#[tokio::test(start_paused = true)]
async fn a_self_managed_group_goes_once_its_pods_have_gone() {
    let held = || {
        Ok(Look::Pending {
            waits_for: "1 pod".into(),
        })
    };
    let (report, seen, is_deleted) = drained(vec![held(), held()]).await;
    assert_eq!((report.end, is_deleted), (End::Done, true));
    let waits = "auto-scaling-group/green waits: 1 pod".to_owned();
    assert!(seen.0.contains(&waits), "{:?}", seen.0);

    let (report, _, is_deleted) = drained((0..1000).map(|_| held()).collect()).await;
    assert!(!is_deleted);
    let (_, failure) = report.failures().next().unwrap();
    assert_eq!(
        failure.to_string(),
        "its nodes were not drained after 15 min: 1 pod"
    );
    assert!(
        failure
            .hints()
            .iter()
            .any(|hint| hint.contains("--no-drain"))
    );

    let denied = Error::new(Why::Denied { principal: None }, "403");
    let (report, _, is_deleted) = drained(vec![Err(denied)]).await;
    assert!(!is_deleted);
    let (_, failure) = report.failures().next().unwrap();
    assert_eq!(failure.to_string(), "its nodes were not drained");
    assert!(
        failure
            .hints()
            .iter()
            .any(|hint| hint.contains("--no-drain"))
    );
}

/// The plan of a world in which everything is there, with other actions for some things.
fn with_actions(world: &World, actions: &[(&str, Action)]) -> Plan {
    let mut plan = world.plan(false);
    for (name, action) in actions {
        let mut changes = plan.changes.iter_mut();
        let change = changes.find(|change| change.address == address(name));
        change.unwrap().action = *action;
    }
    plan
}

#[tokio::test(start_paused = true)]
async fn a_change_hands_on_what_it_brings() {
    let (world, home) = (Arc::new(World::new(quick)), home());
    converged(&world, &world.plan(false), home.path()).await;
    let mut plan = with_actions(
        &world,
        &[
            ("launch-template/blue", Action::Change),
            ("nodegroup/blue", Action::Change),
        ],
    );
    let version = Text::of(&address("launch-template/blue"), Attribute::Version);
    for change in &mut plan.changes {
        change.fields = vec![FieldChange {
            path: "launchTemplate.version".into(),
            from: Some("1".into()),
            to: Some(serde_json::to_value(&version).unwrap()),
            replaces: false,
        }];
    }
    converged(&world, &plan, home.path()).await;
    let after = world.plan(false);
    let group = after.changes.last().unwrap().observed.clone().unwrap();
    let Body::NodeGroup(group) = group.body else {
        panic!("the last is the node group")
    };
    assert_eq!(group.launch_template.version.known(), Some("2"));
}

#[tokio::test(start_paused = true)]
async fn a_thing_is_replaced_after_what_needs_it_has_gone() {
    let (world, home) = (Arc::new(World::new(quick)), home());
    converged(&world, &world.plan(false), home.path()).await;
    let plan = with_actions(
        &world,
        &[
            ("subnet/a", Action::Replace),
            ("nat-gateway/a", Action::Replace),
            ("cluster/prod", Action::Replace),
            ("nodegroup/blue", Action::Replace),
        ],
    );
    let report = converged(&world, &plan, home.path()).await;
    assert_eq!(world.addresses(), everything());
    assert_eq!(report.steps.len(), 4);
    assert_eq!(world.calls("create nodegroup").len(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_reference_to_what_is_not_known_is_named() {
    let (world, home) = (Arc::new(World::new(quick)), home());
    let changes: Vec<Change> = world
        .plan(false)
        .changes
        .into_iter()
        .filter(|change| change.address == address("subnet/a"))
        .collect();
    let report = process(&world, &plan(changes), home.path()).await.unwrap();
    let (_, failure) = report.failures().next().unwrap();
    assert_eq!(failure.to_string(), "not known: vpc/main");
    assert_eq!(world.calls("create"), [""; 0]);
}

#[tokio::test(start_paused = true)]
async fn nothing_begins_that_cannot_be_written_down() {
    let (world, home) = (Arc::new(World::new(quick)), home());
    let (_stop, options) = options();
    let mut journal = journal(home.path());
    journal.replace_file(std::fs::File::open(home.path()).unwrap());
    let report = run(
        &world.plan(false),
        Arc::clone(&world),
        Arc::new(Group::default()),
        &mut journal,
        options,
        &mut Seen::default(),
    )
    .await
    .unwrap();
    assert_eq!(report.exit(), Exit::Failed);
    assert!(report.unwritten.is_some());
    assert_eq!(world.calls("create"), [""; 0]);
}
