//! Faults at numbered calls: the N-th after a start, or some at random from a seed, so that a suite can walk through all
//! calls of a program and break it at each.
//!
//! Pure: what happens at a call follows from the numbers, the callers and the kinds of the calls up to it.

use serde::{Deserialize, Serialize};

/// One fault, at one call.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Interruption {
    /// Calls with a greater number than this are counted; see `number` of the request log.
    #[serde(default)]
    pub start: u64,
    /// Which of them: 1 is the first.
    pub call: u64,
    /// What is counted.
    #[serde(default)]
    pub of: Calls,
    /// Counts only callers whose ARN contains this.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub caller: Option<String>,
    /// What happens.
    pub effect: Effect,
}

/// Faults at calls that are drawn: the same ones each time for the same seed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RandomFaults {
    /// Calls with a greater number than this are counted.
    #[serde(default)]
    pub start: u64,
    /// Gives each its place in the draw.
    pub seed: u64,
    /// Share of the calls, 0 to 1.
    pub rate: f64,
    /// What is counted.
    #[serde(default)]
    pub of: Calls,
    /// Counts only callers whose ARN contains this.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub caller: Option<String>,
    /// Of which one is drawn each time.
    pub effects: Vec<Effect>,
    /// So many faults, then it is over; `None` means without end.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub most: Option<u64>,
}

/// Which calls are counted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Calls {
    /// Each.
    #[default]
    All,
    /// Those that make, change or take away something.
    Mutating,
}

/// What happens at a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Effect {
    /// It is refused: there were too many.
    Throttled,
    /// It is answered with status 500, and not done.
    ServerError,
    /// It is refused: no policy allows it.
    Denied,
    /// The credential expires, for this call and all that follow.
    Expired,
    /// It is not done, and the connection closed without an answer.
    Closed,
    /// It is done, and the connection closed without an answer.
    DoneThenClosed,
    /// It is done, and never answered: time to kill the client.
    DoneThenHeld,
}

/// A call that has come in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Begun {
    /// Counts all calls, from 1.
    pub(super) number: u64,
    pub(super) mutates: bool,
    /// ARN of who signed it.
    pub(super) caller: Option<String>,
}

impl Interruption {
    /// What it does to the last of these calls.
    pub(super) fn at(&self, begun: &[Begun]) -> Option<Effect> {
        let place = ordinal(begun, self.start, self.of, self.caller.as_deref());
        (place == Some(self.call)).then_some(self.effect)
    }
}

impl RandomFaults {
    /// What it does to the last of these calls.
    pub(super) fn at(&self, begun: &[Begun]) -> Option<Effect> {
        let place = ordinal(begun, self.start, self.of, self.caller.as_deref())?;
        if !self.strikes(place) {
            return None;
        }
        if let Some(most) = self.most {
            let before = (1..place).filter(|place| self.strikes(*place)).count();
            if u64::try_from(before).unwrap_or(u64::MAX) >= most {
                return None;
            }
        }
        let choices = u64::try_from(self.effects.len())
            .ok()
            .filter(|count| *count > 0)?;
        let choice = draw(self.seed, place, 1) % choices;
        self.effects.get(usize::try_from(choice).ok()?).copied()
    }

    fn strikes(&self, place: u64) -> bool {
        /// Of so many.
        const WHOLE: u32 = 1 << 20;
        let drawn = u32::try_from(draw(self.seed, place, 0) % u64::from(WHOLE)).unwrap_or(WHOLE);
        f64::from(drawn) < self.rate * f64::from(WHOLE)
    }
}

/// The place of the last call among those that count; `None` if it does not count itself.
fn ordinal(begun: &[Begun], start: u64, of: Calls, caller: Option<&str>) -> Option<u64> {
    let counts = |call: &&Begun| {
        let is_caller = |part: &str| call.caller.as_deref().is_some_and(|arn| arn.contains(part));
        call.number > start && (of == Calls::All || call.mutates) && caller.is_none_or(is_caller)
    };
    begun.last().filter(counts)?;
    u64::try_from(begun.iter().filter(counts).count()).ok()
}

/// A number that seems random and is the same each time (`SplitMix64`).
fn draw(seed: u64, place: u64, stream: u64) -> u64 {
    const STEP: u64 = 0x9e37_79b9_7f4a_7c15;
    let mut mixed = seed
        .wrapping_add(place.wrapping_mul(STEP))
        .wrapping_add(stream.wrapping_mul(STEP.rotate_left(32)));
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^ (mixed >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Calls of `me`, of which those with an even number mutate, between calls of somebody else.
    fn calls(count: u64) -> Vec<Begun> {
        let call = |number| Begun {
            number,
            mutates: number % 2 == 0,
            caller: Some(format!(
                "arn:aws:sts::111122223333:assumed-role/{}/1",
                if number % 5 == 0 { "somebody" } else { "me" }
            )),
        };
        (1..=count).map(call).collect()
    }

    fn struck(at: impl Fn(&[Begun]) -> Option<Effect>) -> Vec<u64> {
        let hits = (1..=200).filter(|count| at(&calls(*count)).is_some());
        hits.collect()
    }

    #[test]
    fn one_call_is_struck() {
        let interruption = Interruption {
            start: 3,
            call: 2,
            of: Calls::All,
            caller: None,
            effect: Effect::Closed,
        };
        assert_eq!(struck(|calls| interruption.at(calls)), [5]);
        let mutating = Interruption {
            of: Calls::Mutating,
            caller: Some("assumed-role/me/".to_owned()),
            call: 4,
            ..interruption
        };
        // 4, 6, 8, 12: 10 is of somebody else.
        assert_eq!(struck(|calls| mutating.at(calls)), [12]);
    }

    #[test]
    fn a_seed_always_draws_the_same_calls() {
        let random = |seed, rate, most| RandomFaults {
            start: 0,
            seed,
            rate,
            of: Calls::All,
            caller: None,
            effects: vec![Effect::Throttled, Effect::ServerError],
            most,
        };
        let drawn = |seed, rate, most| struck(|calls| random(seed, rate, most).at(calls));
        let some = drawn(1, 0.1, None);
        assert_eq!(some, drawn(1, 0.1, None));
        assert_ne!(some, drawn(2, 0.1, None));
        assert!((8..=35).contains(&some.len()), "{some:?}");
        assert_eq!(drawn(1, 0.1, Some(3)), some[..3]);
        assert_eq!(drawn(1, 1.0, None).len(), 200);
        assert_eq!(drawn(1, 0.0, None), Vec::<u64>::new());
    }
}
