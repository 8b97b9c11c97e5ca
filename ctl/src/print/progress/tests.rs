use super::*;
use crate::resource::Kind;

const SIZE: Size = Size {
    columns: 60,
    lines: 24,
};

fn cluster() -> Address {
    Address::new(Kind::Cluster, "prod")
}

fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

fn text(lines: &[Line]) -> String {
    let texts: Vec<&str> = lines.iter().map(|line| line.text.as_str()).collect();
    texts.join("\n")
}

/// A run a few minutes after its beginning, and the lines that stay.
fn progress(live: bool) -> (Progress, Vec<Line>) {
    let mut progress = Progress::new(6);
    let role = Address::new(Kind::Role, "cluster");
    let vpc = Address::new(Kind::Vpc, "main");
    let nat = Address::new(Kind::NatGateway, "us-west-2a");
    let waits = |text: &str| Event::Waits {
        waits_for: text.into(),
    };
    let begun = |act| Event::Begun { act };
    let events = [
        (&role, begun(Act::Create), 0),
        (&vpc, begun(Act::Change), 0),
        (
            &role,
            Event::Done {
                act: Act::Create,
                took: Duration::from_millis(340),
            },
            1,
        ),
        (
            &vpc,
            Event::Done {
                act: Act::Change,
                took: seconds(2),
            },
            2,
        ),
        (&cluster(), begun(Act::Create), 3),
        (&cluster(), waits("CREATING"), 4),
        (&nat, begun(Act::Create), 5),
        (
            &nat,
            Event::Failed {
                act: Act::Create,
                took: seconds(75),
                error: "a quota or the capacity is used up: NatGatewayLimitExceeded\n\u{1b}[2J"
                    .into(),
            },
            80,
        ),
        (
            &Address::new(Kind::NodeGroup, "blue"),
            Event::Skipped {
                because: nat.clone(),
            },
            80,
        ),
        (
            &Address::new(Kind::LogGroup, "control-plane"),
            begun(Act::Delete),
            190,
        ),
    ];
    let stays = events
        .iter()
        .filter_map(|(address, event, at)| progress.see(address, event, seconds(*at), live))
        .collect();
    (progress, stays)
}

#[test]
fn what_happened_stays_and_what_goes_on_is_drawn() {
    let (progress, stays) = progress(true);
    insta::assert_snapshot!(text(&stays));
    insta::assert_snapshot!(text(&progress.live(seconds(196), SIZE)));
}

#[test]
fn without_a_terminal_beginnings_stay_and_waits_are_told_again() {
    let (mut progress, stays) = progress(false);
    assert_eq!(stays.first().unwrap().text, "creating role/cluster");
    let reminders = progress.reminders(seconds(196));
    assert_eq!(
        text(&reminders),
        "still creating cluster/prod after 3 min 13 s: CREATING for 3 min 12 s"
    );
    assert_eq!(progress.reminders(seconds(197)), []);
    assert_eq!(progress.reminders(seconds(226)).len(), 2);
}

#[test]
fn no_line_is_wider_or_the_page_longer_than_the_terminal() {
    let (mut progress, _) = progress(true);
    for name in 0..40 {
        let address = Address::new(Kind::Subnet, format!("private-us-west-2{name}"));
        let _begins = progress.see(
            &address,
            &Event::Begun { act: Act::Create },
            seconds(191),
            true,
        );
    }
    for (columns, lines) in [(60, 24), (20, 10), (1, 3)] {
        let drawn = progress.live(seconds(200), Size { columns, lines });
        assert!(drawn.len() < lines, "{}", drawn.len());
        assert!(
            drawn
                .iter()
                .all(|line| line.text.chars().count() <= columns)
        );
    }
    let drawn = progress.live(seconds(200), SIZE);
    assert!(text(&drawn).contains("\nand 21 more\n"), "{}", text(&drawn));
}

#[test]
fn nothing_is_drawn_when_nothing_goes_on() {
    assert_eq!(Progress::new(3).live(seconds(1), SIZE), []);
}

#[test]
fn durations_read_as_a_person_says_them() {
    let of = |milliseconds| lasted(Duration::from_millis(milliseconds));
    assert_eq!(
        [of(340), of(9_900), of(45_900), of(192_000), of(3_720_000)],
        ["0.3 s", "9.9 s", "45 s", "3 min 12 s", "1 h 2 min"]
    );
}
