//! Session tokens of IMDSv2: bound to the machine that asked, and gone after their time.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use http::HeaderValue;
use jiff::{SignedDuration, Timestamp};

use crate::cloud::random;

/// Longest life of a token, six hours.
const LONGEST_SECONDS: u32 = 21_600;

/// The tokens that are out.
#[derive(Debug, Default)]
pub(super) struct Tokens {
    issued: Mutex<HashMap<String, Issued>>,
}

#[derive(Debug)]
struct Issued {
    instance_id: String,
    expires_at: Timestamp,
}

impl Tokens {
    pub(super) fn issue(&self, instance_id: &str, now: Timestamp, seconds: u32) -> String {
        let token = format!("AQAEA{}=", random::base64::<36>());
        let expires_at = now
            .saturating_add(SignedDuration::from_secs(i64::from(seconds)))
            .unwrap_or(Timestamp::MAX);
        let mut issued = self.issued.lock().unwrap_or_else(PoisonError::into_inner);
        issued.retain(|_, issued| now < issued.expires_at);
        let instance_id = instance_id.to_owned();
        issued.insert(
            token.clone(),
            Issued {
                instance_id,
                expires_at,
            },
        );
        token
    }

    pub(super) fn is_valid(&self, token: &str, instance_id: &str, now: Timestamp) -> bool {
        let issued = self.issued.lock().unwrap_or_else(PoisonError::into_inner);
        issued
            .get(token)
            .is_some_and(|issued| issued.instance_id == instance_id && now < issued.expires_at)
    }
}

/// The life asked for, in seconds; `None` when it is no number or out of range.
pub(super) fn time_to_live(header: &HeaderValue) -> Option<u32> {
    let seconds = header.to_str().ok()?.parse().ok()?;
    (1..=LONGEST_SECONDS).contains(&seconds).then_some(seconds)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_good_for_its_machine_and_its_time_only() {
        let start = Timestamp::UNIX_EPOCH;
        let at = |seconds| Timestamp::from_second(seconds).unwrap();
        let tokens = Tokens::default();
        let token = tokens.issue("i-1", start, 60);
        assert_eq!(token.len(), 54);
        assert!(tokens.is_valid(&token, "i-1", at(59)));
        assert!(!tokens.is_valid(&token, "i-2", at(59)));
        assert!(!tokens.is_valid(&token, "i-1", at(60)));
        assert!(!tokens.is_valid("AQAEA", "i-1", start));
    }

    #[test]
    fn only_one_second_to_six_hours_may_be_asked_for() {
        let parse = |text| time_to_live(&HeaderValue::from_static(text));
        assert_eq!(parse("1"), Some(1));
        assert_eq!(parse("21600"), Some(21_600));
        for refused in ["0", "21601", "-1", "", "1.5", "six"] {
            assert_eq!(parse(refused), None, "{refused}");
        }
    }
}
