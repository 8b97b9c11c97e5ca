//! What the API server has allowed a moment ago, so that a page of requests does not ask it again for each.
//!
//! Only what was allowed is remembered: a permission that is granted counts at once, one that is taken back after
//! [`ALLOWED`] at the latest.

use std::time::Duration;

use node::wire::access::Subresource;
use tokio::time::Instant;

use super::super::token::Fingerprint;

/// How long an answer counts.
pub(super) const ALLOWED: Duration = Duration::from_secs(10);
/// The most answers that are remembered.
const MOST: usize = 32;

/// Answers with the time at which each was given, oldest first.
#[derive(Debug, Default)]
pub(super) struct Allowed(Vec<(Fingerprint, Subresource, Instant)>);

impl Allowed {
    /// Whether the owner of the token may read it.
    pub(super) fn holds(&mut self, token: &Fingerprint, subresource: Subresource) -> bool {
        self.forget();
        self.0
            .iter()
            .any(|(known, what, _)| *what == subresource && known.is(token))
    }

    /// They may, from now on.
    pub(super) fn add(&mut self, token: Fingerprint, subresource: Subresource) {
        self.forget();
        if self.0.len() == MOST {
            self.0.remove(0);
        }
        self.0.push((token, subresource, Instant::now()));
    }

    fn forget(&mut self) {
        self.0.retain(|(_, _, at)| at.elapsed() < ALLOWED);
    }
}

#[cfg(test)]
mod tests {
    use node::redact::Secret;

    use super::*;

    fn of(token: &str) -> Fingerprint {
        Fingerprint::of(&Secret::new(token.to_owned()))
    }

    #[tokio::test(start_paused = true)]
    async fn an_answer_counts_for_its_token_and_its_part_and_for_seconds() {
        let mut allowed = Allowed::default();
        allowed.add(of("a"), Subresource::Status);
        assert!(allowed.holds(&of("a"), Subresource::Status));
        assert!(!allowed.holds(&of("a"), Subresource::Logs));
        assert!(!allowed.holds(&of("b"), Subresource::Status));
        tokio::time::advance(ALLOWED).await;
        assert!(!allowed.holds(&of("a"), Subresource::Status));
        assert!(allowed.0.is_empty());
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_remembered_is_bounded_and_the_oldest_goes() {
        let mut allowed = Allowed::default();
        for number in 0..=MOST {
            allowed.add(of(&number.to_string()), Subresource::Status);
        }
        assert_eq!(allowed.0.len(), MOST);
        assert!(!allowed.holds(&of("0"), Subresource::Status));
        assert!(allowed.holds(&of("1"), Subresource::Status));
    }
}
