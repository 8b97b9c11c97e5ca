//! Credentials that the lab hands out, and whose they are.
//!
//! Owns `RUN/credentials/<access-key-id>.json` (0600), one file a credential. IMDS mints the sessions of machines,
//! `lab` those of people; the gateway looks up who signed a request. There are no policies: whoever is known may call
//! everything, what he may do in the cluster is up to the authenticator and the API server.

use std::fmt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use super::json_file::{self, JsonFileError};
use super::random;

/// Who somebody is, as `GetCallerIdentity` says it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Identity {
    /// Twelve digits.
    pub account_id: String,
    /// `arn:aws:sts::ACCOUNT:assumed-role/ROLE/SESSION` or `arn:aws:iam::ACCOUNT:user/NAME`.
    pub arn: String,
    /// `AROA…:SESSION` or `AIDA…`.
    pub user_id: String,
}

impl Identity {
    /// ARN of the role of a session, else of the user.
    pub(crate) fn principal_arn(&self) -> String {
        let role = self
            .arn
            .split_once(":assumed-role/")
            .map(|(_, session)| session);
        match role.and_then(|session| session.split_once('/')) {
            Some((role, _session)) => format!("arn:aws:iam::{}:role/{role}", self.account_id),
            None => self.arn.clone(),
        }
    }
}

/// A credential with its secret.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MintedCredential {
    /// `ASIA…` for a session, `AKIA…` for a user.
    pub access_key_id: String,
    /// Forty characters.
    pub secret_access_key: String,
    /// Sessions have one.
    pub session_token: Option<String>,
    /// When it was made.
    pub minted_at: Timestamp,
    /// From when on it is refused; `None` for users.
    pub expiration: Option<Timestamp>,
    /// Whose it is.
    pub identity: Identity,
}

impl fmt::Debug for MintedCredential {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("MintedCredential")
            .field("access_key_id", &self.access_key_id)
            .field("expiration", &self.expiration)
            .field("identity", &self.identity)
            .finish_non_exhaustive()
    }
}

impl MintedCredential {
    /// A session of a role that no store knows; for an IMDS without a gateway.
    #[must_use]
    pub fn role_session(
        account_id: &str,
        role: &str,
        session: &str,
        now: Timestamp,
        time_to_live: Duration,
    ) -> Self {
        let minted_at = whole_seconds(now);
        let time_to_live = SignedDuration::try_from(time_to_live).unwrap_or(SignedDuration::MAX);
        Self {
            access_key_id: format!("ASIA{}", random::identifier::<16>()),
            secret_access_key: random::base64::<30>(),
            session_token: Some(session_token()),
            minted_at,
            expiration: Some(
                minted_at
                    .saturating_add(time_to_live)
                    .unwrap_or(Timestamp::MAX),
            ),
            identity: Identity {
                account_id: account_id.to_owned(),
                arn: format!("arn:aws:sts::{account_id}:assumed-role/{role}/{session}"),
                user_id: format!("{}:{session}", unique_id("AROA", account_id, role)),
            },
        }
    }

    /// Whether it is refused at that time.
    pub fn is_expired_at(&self, now: Timestamp) -> bool {
        self.expiration.is_some_and(|expiration| expiration <= now)
    }
}

/// The credentials of one lab.
#[derive(Clone, Debug)]
pub struct CredentialStore {
    directory: PathBuf,
    account_id: String,
}

impl CredentialStore {
    /// The store below a run directory; nothing is read or written yet.
    #[must_use]
    pub fn new(run: &Path, account_id: &str) -> Self {
        Self {
            directory: run.join("credentials"),
            account_id: account_id.to_owned(),
        }
    }

    /// A session of a role, as `AssumeRole` gives it. The session of an instance is its instance id.
    pub fn mint_role_session(
        &self,
        role: &str,
        session: &str,
        time_to_live: Duration,
    ) -> Result<MintedCredential, JsonFileError> {
        let now = Timestamp::now();
        let credential =
            MintedCredential::role_session(&self.account_id, role, session, now, time_to_live);
        self.keep(&credential)?;
        Ok(credential)
    }

    /// An access key of a user, which does not expire.
    pub fn mint_user(&self, name: &str) -> Result<MintedCredential, JsonFileError> {
        let credential = MintedCredential {
            access_key_id: format!("AKIA{}", random::identifier::<16>()),
            secret_access_key: random::base64::<30>(),
            session_token: None,
            minted_at: whole_seconds(Timestamp::now()),
            expiration: None,
            identity: Identity {
                account_id: self.account_id.clone(),
                arn: format!("arn:aws:iam::{}:user/{name}", self.account_id),
                user_id: unique_id("AIDA", &self.account_id, name),
            },
        };
        self.keep(&credential)?;
        Ok(credential)
    }

    /// Keeps a credential that was made elsewhere, so that its requests are known.
    pub fn keep(&self, credential: &MintedCredential) -> Result<(), JsonFileError> {
        json_file::write(&self.path(&credential.access_key_id), credential)
    }

    /// The credential of an access key id, expired or not; `None` for one that was never handed out.
    pub fn lookup(&self, access_key_id: &str) -> Result<Option<MintedCredential>, JsonFileError> {
        // The id comes from a request and becomes part of a path.
        let is_plain = access_key_id
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric());
        if access_key_id.is_empty() || access_key_id.len() > 128 || !is_plain {
            return Ok(None);
        }
        json_file::read(&self.path(access_key_id))
    }

    fn path(&self, access_key_id: &str) -> PathBuf {
        self.directory.join(format!("{access_key_id}.json"))
    }
}

/// A unique id as IAM makes them: a prefix for the kind, then 17 characters. The same name always has the same one.
pub(crate) fn unique_id(prefix: &str, account_id: &str, name: &str) -> String {
    let digest = Sha256::digest(format!("{prefix}/{account_id}/{name}"));
    let characters = random::identifier_of(&digest);
    format!("{prefix}{}", characters.get(..17).unwrap_or(&characters))
}

/// Long, and with the characters that must be escaped in a URL, like the real ones.
fn session_token() -> String {
    format!("IQoJb3JpZ2luX2VjE{}", random::base64::<640>())
}

fn whole_seconds(time: Timestamp) -> Timestamp {
    Timestamp::from_second(time.as_second()).unwrap_or(time)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    #[test]
    fn a_role_session_is_known_again_by_its_access_key_id() {
        let run = tempfile::tempdir().unwrap();
        let store = CredentialStore::new(run.path(), "111122223333");
        let minted = store
            .mint_role_session("lab-node", "i-0a1b2c3d4e5f60718", Duration::from_hours(6))
            .unwrap();

        assert_eq!(
            store.lookup(&minted.access_key_id).unwrap(),
            Some(minted.clone())
        );
        assert_eq!(minted.access_key_id.len(), 20);
        assert_eq!(minted.secret_access_key.len(), 40);
        assert_eq!(
            minted.identity.arn,
            "arn:aws:sts::111122223333:assumed-role/lab-node/i-0a1b2c3d4e5f60718"
        );
        assert!(minted.identity.user_id.starts_with("AROA"));
        assert_eq!(minted.identity.user_id.matches(':').count(), 1);
        assert_eq!(
            minted.expiration.unwrap().duration_since(minted.minted_at),
            SignedDuration::from_hours(6)
        );

        let path = run
            .path()
            .join("credentials")
            .join(format!("{}.json", minted.access_key_id));
        assert_eq!(
            std::fs::metadata(path).unwrap().permissions().mode() & 0o777,
            0o600
        );
    }

    #[test]
    fn two_sessions_of_a_role_share_its_unique_id() {
        let session = |name| {
            let now = Timestamp::UNIX_EPOCH;
            MintedCredential::role_session("111122223333", "lab-node", name, now, Duration::ZERO)
        };
        let (first, second) = (session("i-1"), session("i-2"));
        let role = |credential: &MintedCredential| {
            credential
                .identity
                .user_id
                .split_once(':')
                .unwrap()
                .0
                .to_owned()
        };
        assert_eq!(role(&first), role(&second));
        assert_eq!(role(&first).len(), 21);
        assert_ne!(first.access_key_id, second.access_key_id);
    }

    #[test]
    fn a_user_key_never_expires() {
        let run = tempfile::tempdir().unwrap();
        let user = CredentialStore::new(run.path(), "111122223333")
            .mint_user("operator")
            .unwrap();
        assert!(user.access_key_id.starts_with("AKIA"));
        assert_eq!(user.session_token, None);
        assert!(!user.is_expired_at(Timestamp::MAX));
    }

    #[test]
    fn an_access_key_id_is_never_a_path() {
        let run = tempfile::tempdir().unwrap();
        let store = CredentialStore::new(run.path(), "111122223333");
        assert_eq!(store.lookup("../machines/i-1").unwrap(), None);
        assert_eq!(store.lookup("").unwrap(), None);
    }

    #[test]
    fn debug_output_shows_no_secret() {
        let credential = MintedCredential::role_session(
            "111122223333",
            "lab-node",
            "i-1",
            Timestamp::UNIX_EPOCH,
            Duration::ZERO,
        );
        let text = format!("{credential:?}");
        assert!(!text.contains(&credential.secret_access_key));
        assert!(!text.contains(&credential.session_token.unwrap()));
    }
}
