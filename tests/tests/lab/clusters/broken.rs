//! Faults at calls that are drawn, with fixed seeds: throttling, errors of the service, connections that break before and
//! after the work is done. What is run again converges.

use std::thread;

use lab::cloud::gateway::{Calls, Effect, RandomFaults, Refusals};

use super::{Place, example, witness};

const SEEDS: u64 = 30;
/// Those of one account.
const SEEDS_OF_ONE: usize = 10;
/// The account is looked at after every so manieth.
const LOOKS: u64 = 5;
/// Runs that a person would make before giving up.
const RUNS: u32 = 6;

/// The calls wait more than they work: three accounts at once.
#[test]
fn an_apply_and_a_delete_converge_whatever_calls_fail() {
    thread::scope(|scope| {
        for first in (1..=SEEDS).step_by(SEEDS_OF_ONE) {
            scope.spawn(move || {
                Place::with(async |place| {
                    let seeds = (first..=SEEDS).take(SEEDS_OF_ONE);
                    converge(place, seeds).await;
                });
            });
        }
    });
}

async fn converge(place: &Place, seeds: impl Iterator<Item = u64>) {
    let document = example::document(place, "pinned-ami").await;
    let apply = ["apply", "--file", &document, "--yes", "--no-nodes"];
    let delete = ["delete", "--file", &document, "--no-drain", "--yes"];
    let before = witness::counts(&witness::everything(place).await);
    place.ends(0, &apply).await;
    let whole = witness::counts(&witness::everything(place).await);
    place.ends(0, &delete).await;
    for seed in seeds {
        let runs = converges(place, &apply, seed).await;
        place.nothing_to_do(&document).await;
        // What is there twice is not seen by whom it belongs to.
        if seed % LOOKS == 0 {
            let made = witness::counts(&witness::everything(place).await);
            assert_eq!(made, whole, "seed {seed}");
        }
        let again = converges(place, &delete, seed).await;
        println!("seed {seed}: apply in {runs} runs, delete in {again}");
    }
    let left = witness::counts(&witness::everything(place).await);
    assert_eq!(left, before);
}

/// Runs a command with faults until it ends well, and once more when it never did without them; how many runs that took.
async fn converges(place: &Place, arguments: &[&str], seed: u64) -> u32 {
    let random = RandomFaults {
        start: place.account.last_call(),
        seed,
        rate: 0.15,
        of: Calls::All,
        caller: None,
        effects: vec![
            Effect::Throttled,
            Effect::ServerError,
            Effect::Closed,
            Effect::DoneThenClosed,
        ],
        most: None,
    };
    let faults = Refusals {
        random: Some(random),
        ..Refusals::default()
    };
    place.account.set_faults(&faults).unwrap();
    let mut runs = 0;
    loop {
        runs += 1;
        let output = place.run(arguments).await;
        if output.status.success() {
            break;
        }
        if runs == RUNS {
            place.account.set_faults(&Refusals::default()).unwrap();
            place.ends(0, arguments).await;
            break;
        }
    }
    place.account.set_faults(&Refusals::default()).unwrap();
    runs
}
