use super::*;

fn wall() -> Timestamp {
    "2026-01-02T03:04:05Z".parse().unwrap()
}

fn open(code: &str, object: &str, count: u64) -> OpenFinding {
    let finding = finding::by_code(code).unwrap();
    OpenFinding {
        code: code.to_owned(),
        severity: finding.severity,
        title: finding.title.to_owned(),
        object: object.to_owned(),
        first_seen: wall(),
        last_seen: wall(),
        count,
        evidence: Vec::new(),
        fix: String::new(),
        explained_by: None,
    }
}

/// What is told now, all of it with success: whether known, message, count.
fn tell(events: &mut Events, findings: &[OpenFinding]) -> Vec<(bool, String, i32)> {
    let due = events.due("ip-1", findings, wall());
    let tell = |due: Due| {
        let said = (due.is_known, due.event.message.clone(), due.event.count);
        events.tried(due, true);
        said
    };
    due.into_iter().map(tell).collect()
}

async fn minutes(minutes: u64) {
    tokio::time::advance(Duration::from_mins(minutes)).await;
}

const FULL: &str = "The disk is full (/var)";

fn full(count: u64) -> OpenFinding {
    OpenFinding {
        title: "The disk is full".into(),
        ..open("storage.disk_full", "/var", count)
    }
}

#[tokio::test(start_paused = true)]
async fn a_finding_is_told_when_it_opens_and_again_no_sooner_than_after_five_minutes() {
    let mut events = Events::new("boot".into());
    assert_eq!(events.next(&[]), None);
    assert_eq!(events.next(&[full(1)]), Some(Instant::now()));
    let told = |is_known, count| vec![(is_known, FULL.to_owned(), count)];
    assert_eq!(tell(&mut events, &[full(1)]), told(false, 1));
    // More of the same is no reason to speak, and is told when there is one.
    assert_eq!(events.next(&[full(9)]), None);
    assert_eq!(tell(&mut events, &[full(9)]), []);
    minutes(5).await;
    assert_eq!(events.next(&[full(9)]), None);
    assert_eq!(tell(&mut events, &[full(9)]), told(true, 9));
    minutes(5).await;
    assert_eq!(tell(&mut events, &[full(9)]), []);
    assert_eq!(events.counters().written, 2);
}

#[tokio::test(start_paused = true)]
async fn one_that_clears_is_told_and_one_that_comes_back_is_a_repeat() {
    let mut events = Events::new("boot".into());
    tell(&mut events, &[full(3)]);
    let at = Instant::now();
    assert_eq!(events.next(&[]), Some(at + OF_ONE));
    assert_eq!(events.next(&[]), Some(at + OF_ONE));
    assert_eq!(events.counters().held_back, 1, "counted once");
    assert_eq!(tell(&mut events, &[]), []);
    minutes(5).await;
    let due = events.due("ip-1", &[], wall());
    assert_eq!(due.len(), 1);
    assert!(!due[0].event.is_warning && due[0].event.reason == "StorageDiskFull");
    assert!(due[0].event.message.starts_with("cleared: "), "{due:?}");
    tell(&mut events, &[]);
    assert_eq!(events.next(&[]), None);
    minutes(5).await;
    assert_eq!(tell(&mut events, &[full(2)]), [(true, FULL.to_owned(), 5)]);
    // A flap within five minutes is not worth a word.
    assert!(events.next(&[]).is_some());
    assert_eq!(events.next(&[full(1)]), None);
}

#[tokio::test(start_paused = true)]
async fn no_more_than_ten_are_written_in_a_minute_and_the_rest_later() {
    let mut events = Events::new("boot".into());
    let findings: Vec<OpenFinding> = (0..25)
        .map(|index| open("storage.disk_full", &format!("/{index:02}"), 1))
        .collect();
    let mut names = BTreeSet::new();
    let start = Instant::now();
    for round in [10, 10, 5] {
        assert_eq!(events.next(&findings), Some(Instant::now()));
        let due = events.due("ip-1", &findings, wall());
        assert_eq!(due.len(), round);
        for due in due {
            names.insert(due.event.name.clone());
            events.tried(due, true);
        }
        assert_eq!(events.due("ip-1", &findings, wall()).len(), 0);
        if let Some(at) = events.next(&findings) {
            assert_eq!(at, Instant::now() + OF_ALL);
        }
        minutes(1).await;
    }
    assert_eq!(start.elapsed(), Duration::from_mins(3));
    assert_eq!(events.next(&findings), None);
    assert_eq!(names.len(), 25);
    let counters = events.counters();
    assert_eq!((counters.written, counters.held_back), (25, 15));
}

#[tokio::test(start_paused = true)]
async fn one_that_is_refused_is_tried_again_in_its_time() {
    let mut events = Events::new("boot".into());
    let due = events.due("ip-1", &[full(1)], wall()).remove(0);
    events.tried(due, false);
    assert_eq!(events.next(&[full(1)]), Some(Instant::now() + OF_ONE));
    minutes(5).await;
    assert_eq!(tell(&mut events, &[full(1)]), [(false, FULL.to_owned(), 1)]);
    assert_eq!(events.counters().failed, 1);
}

#[tokio::test(start_paused = true)]
async fn names_are_the_same_after_a_restart_and_others_in_another_boot() {
    let name = |boot: &str, finding: &OpenFinding| {
        let mut events = Events::new(boot.to_owned());
        let due = events.due("ip-1", std::slice::from_ref(finding), wall());
        due[0].event.name.clone()
    };
    assert_eq!(name("a", &full(1)), name("a", &full(7)));
    assert_ne!(name("a", &full(1)), name("b", &full(1)));
    assert_ne!(
        name("a", &full(1)),
        name("a", &open("storage.disk_full", "/", 1))
    );
    assert!(name("a", &full(1)).starts_with("ip-1."));
}

#[tokio::test(start_paused = true)]
async fn what_is_only_worth_a_note_is_normal_and_what_is_long_over_is_forgotten() {
    let mut events = Events::new("boot".into());
    let note = finding::catalogue().find(|finding| finding.severity == Severity::Info);
    let note = open(note.unwrap().code, "", 1);
    let due = events.due("ip-1", &[note, full(1)], wall());
    let kinds: Vec<bool> = due.iter().map(|due| due.event.is_warning).collect();
    assert_eq!(kinds, [false, true]);
    tell(&mut events, &[full(1)]);
    minutes(5).await;
    tell(&mut events, &[]);
    assert_eq!(events.told.len(), 1);
    minutes(60).await;
    tell(&mut events, &[]);
    assert_eq!(events.told.len(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_finding_of_the_owners_rule_is_told_like_any_other() {
    let mut events = Events::new("boot".to_owned());
    let blind = OpenFinding {
        code: "user.sensor_blind".to_owned(),
        title: "The sensor is blind".to_owned(),
        ..open("kernel.oom_node", "", 1)
    };
    let due = events.due("ip-1", std::slice::from_ref(&blind), wall());
    assert_eq!(due[0].event.reason, "UserSensorBlind");
    assert_eq!(tell(&mut events, &[blind])[0].1, "The sensor is blind");
    tokio::time::advance(OF_ONE).await;
    assert_eq!(tell(&mut events, &[])[0].1, "cleared: The sensor is blind");
}
