//! How far is our clock from the API server's?

use jiff::{SignedDuration, Timestamp};
use node::finding;

use super::Outcome;

/// AWS accepts signatures that are so old, or so early.
const SIGNATURE: SignedDuration = SignedDuration::from_mins(5);
/// More than the second that a `Date` header is exact to and any delay on the way: nothing disciplines this clock.
const DISCIPLINED: SignedDuration = SignedDuration::from_mins(1);

/// What the `Date` header of an answer means that came at `at` by our clock; `is_refused`: it was a 401.
pub fn judge(date: Option<&str>, at: Timestamp, is_refused: bool) -> Outcome {
    let Some(date) = date else {
        return Outcome::CannotTell("the API server's answer has no date".to_owned());
    };
    let Ok(theirs) = jiff::fmt::rfc2822::parse(date) else {
        return Outcome::CannotTell(format!("the API server's date cannot be read: `{date}`"));
    };
    let offset = at.duration_since(theirs.timestamp());
    let seconds = offset.as_secs().abs();
    let direction = if offset.is_positive() {
        "ahead of"
    } else {
        "behind"
    };
    let seen = format!("the clock is {seconds} s {direction} the API server's, which says {date}");
    if offset.abs() >= SIGNATURE && is_refused {
        Outcome::fault(&finding::TIME_SIGNATURE_EXPIRED, seen)
    } else if offset.abs() >= DISCIPLINED {
        Outcome::fault(&finding::TIME_UNSYNCHRONIZED, seen)
    } else {
        Outcome::Passed
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DATE: &str = "Sun, 06 Nov 1994 08:49:37 GMT";

    fn judged(seconds: i64, is_refused: bool) -> Outcome {
        let at: Timestamp = "1994-11-06T08:49:37Z".parse().unwrap();
        judge(
            Some(DATE),
            at + SignedDuration::from_secs(seconds),
            is_refused,
        )
    }

    #[test]
    fn a_clock_that_is_off_by_minutes_explains_a_refusal() {
        assert_eq!(
            judged(600, true).told(),
            (
                "time.signature_expired",
                "the clock is 600 s ahead of the API server's, which says Sun, 06 Nov 1994 08:49:37 GMT"
            )
        );
        assert!(
            judged(-600, true)
                .told()
                .1
                .starts_with("the clock is 600 s behind the API server's")
        );
    }

    #[test]
    fn a_clock_with_which_one_is_accepted_is_a_warning_at_most() {
        assert_eq!(judged(600, false).told().0, "time.unsynchronized");
        assert_eq!(judged(90, true).told().0, "time.unsynchronized");
        for seconds in [-59, 0, 1, 59] {
            assert_eq!(judged(seconds, true), Outcome::Passed, "{seconds}");
        }
    }

    #[test]
    fn an_answer_without_a_date_tells_nothing() {
        assert_eq!(
            judge(None, Timestamp::UNIX_EPOCH, true).told().0,
            "cannot tell"
        );
        assert_eq!(
            judge(Some("soon"), Timestamp::UNIX_EPOCH, true).told().0,
            "cannot tell"
        );
    }
}
