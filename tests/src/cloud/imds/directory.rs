//! Where the metadata service learns who asks and what that machine is.

use std::collections::HashMap;
use std::fmt;
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use thiserror::Error;

use super::fault::Faults;
use crate::cloud::credentials::{CredentialStore, MintedCredential};
use crate::cloud::json_file::JsonFileError;
use crate::cloud::record::{self, MachineRecord};

/// EC2 has new credentials in place at least five minutes before the old ones end.
const RENEWAL_MARGIN: SignedDuration = SignedDuration::from_mins(5);

/// Why the directory could not say.
#[derive(Debug, Error)]
pub enum DirectoryError {
    /// The machine records cannot be used.
    #[error("no record of the machine with address `{address}`")]
    Record {
        /// Source address of the request.
        address: IpAddr,
        /// Which file, and why.
        #[source]
        source: JsonFileError,
    },
    /// The machine's faults cannot be used.
    #[error("no list of faults of `{instance_id}`")]
    Faults {
        /// The machine.
        instance_id: String,
        /// Which file, and why.
        #[source]
        source: JsonFileError,
    },
    /// The machine's role credential cannot be kept.
    #[error("no credential for role `{role}` of `{instance_id}`")]
    Credential {
        /// The machine.
        instance_id: String,
        /// Its role.
        role: String,
        /// Which file, and why.
        #[source]
        source: JsonFileError,
    },
}

/// The machines behind one metadata service.
pub trait Directory: fmt::Debug + Send + Sync + 'static {
    /// The machine with this source address.
    fn machine(&self, peer: IpAddr) -> Result<Option<MachineRecord>, DirectoryError>;

    /// The credential that the machine's role has now; `None` for a machine without a role.
    fn role_credential(
        &self,
        machine: &MachineRecord,
        now: Timestamp,
    ) -> Result<Option<MintedCredential>, DirectoryError>;

    /// What is to go wrong for the machine.
    fn faults(&self, machine: &MachineRecord) -> Result<Faults, DirectoryError>;
}

/// The machines of a lab: records, credentials and faults in files below its run directory.
#[derive(Debug)]
pub struct RunDirectory {
    run: PathBuf,
    credentials: CredentialStore,
    session_time_to_live: Duration,
    /// By instance id and role. A restart of the lab's cloud mints anew; what was handed out stays good.
    minted: Mutex<HashMap<(String, String), MintedCredential>>,
}

impl RunDirectory {
    /// The machines below `run`, whose role sessions live that long.
    #[must_use]
    pub fn new(run: &Path, credentials: CredentialStore, session_time_to_live: Duration) -> Self {
        Self {
            run: run.to_owned(),
            credentials,
            session_time_to_live,
            minted: Mutex::default(),
        }
    }
}

impl Directory for RunDirectory {
    fn machine(&self, peer: IpAddr) -> Result<Option<MachineRecord>, DirectoryError> {
        record::find_by_ip(&self.run, peer).map_err(|source| DirectoryError::Record {
            address: peer,
            source,
        })
    }

    fn role_credential(
        &self,
        machine: &MachineRecord,
        now: Timestamp,
    ) -> Result<Option<MintedCredential>, DirectoryError> {
        let Some(role) = &machine.role else {
            return Ok(None);
        };
        let key = (machine.instance_id.clone(), role.clone());
        let mut minted = self.minted.lock().unwrap_or_else(PoisonError::into_inner);
        let renewal = now.saturating_add(RENEWAL_MARGIN).unwrap_or(Timestamp::MAX);
        if let Some(credential) = minted.get(&key)
            && !credential.is_expired_at(renewal)
        {
            return Ok(Some(credential.clone()));
        }
        let credential = self
            .credentials
            .mint_role_session(role, &machine.instance_id, self.session_time_to_live)
            .map_err(|source| DirectoryError::Credential {
                instance_id: machine.instance_id.clone(),
                role: role.clone(),
                source,
            })?;
        minted.insert(key, credential.clone());
        Ok(Some(credential))
    }

    fn faults(&self, machine: &MachineRecord) -> Result<Faults, DirectoryError> {
        Faults::read(&self.run, &machine.instance_id).map_err(|source| DirectoryError::Faults {
            instance_id: machine.instance_id.clone(),
            source,
        })
    }
}

/// One machine in memory, for every source address: a suite's own metadata service on a loopback port.
///
/// Clones share the machine, so that a suite can change it while the service runs.
#[derive(Clone, Debug)]
pub struct FixedDirectory {
    machine: Arc<Mutex<FixedMachine>>,
}

#[derive(Debug)]
struct FixedMachine {
    record: MachineRecord,
    credential: Option<MintedCredential>,
    faults: Faults,
}

impl FixedDirectory {
    /// The machine, with a credential of six hours if it has a role.
    #[must_use]
    pub fn new(record: MachineRecord) -> Self {
        let credential = record.role.as_ref().map(|role| {
            MintedCredential::role_session(
                &record.account_id,
                role,
                &record.instance_id,
                Timestamp::now(),
                Duration::from_hours(6),
            )
        });
        let machine = FixedMachine {
            record,
            credential,
            faults: Faults::default(),
        };
        Self {
            machine: Arc::new(Mutex::new(machine)),
        }
    }

    /// From now on the machine is this one.
    pub fn set_record(&self, record: MachineRecord) {
        self.with(|machine| machine.record = record);
    }

    /// From now on the machine's role has this credential.
    pub fn set_credential(&self, credential: MintedCredential) {
        self.with(|machine| machine.credential = Some(credential));
    }

    /// From now on this goes wrong.
    pub fn set_faults(&self, faults: Faults) {
        self.with(|machine| machine.faults = faults);
    }

    /// What the role's credential is now.
    pub fn credential(&self) -> Option<MintedCredential> {
        self.with(|machine| machine.credential.clone())
    }

    fn with<T>(&self, act: impl FnOnce(&mut FixedMachine) -> T) -> T {
        act(&mut self.machine.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Directory for FixedDirectory {
    fn machine(&self, _peer: IpAddr) -> Result<Option<MachineRecord>, DirectoryError> {
        Ok(Some(self.with(|machine| machine.record.clone())))
    }

    fn role_credential(
        &self,
        machine: &MachineRecord,
        _now: Timestamp,
    ) -> Result<Option<MintedCredential>, DirectoryError> {
        Ok(machine.role.as_ref().and_then(|_| self.credential()))
    }

    fn faults(&self, _machine: &MachineRecord) -> Result<Faults, DirectoryError> {
        Ok(self.with(|machine| machine.faults.clone()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_role_session_is_kept_until_five_minutes_before_its_end() {
        let run = tempfile::tempdir().unwrap();
        let record = MachineRecord::typical();
        let store = CredentialStore::new(run.path(), &record.account_id);
        let directory = RunDirectory::new(run.path(), store.clone(), Duration::from_hours(1));

        let now = Timestamp::now();
        let later = |minutes| {
            now.saturating_add(SignedDuration::from_mins(minutes))
                .unwrap()
        };
        let at = |time| directory.role_credential(&record, time).unwrap().unwrap();
        let first = at(now);
        assert_eq!(at(later(54)), first);
        let second = at(later(56));
        assert_ne!(second, first);
        assert_eq!(store.lookup(&first.access_key_id).unwrap(), Some(first));
    }

    #[test]
    fn a_machine_without_a_role_has_no_credential() {
        let run = tempfile::tempdir().unwrap();
        let record = MachineRecord {
            role: None,
            ..MachineRecord::typical()
        };
        let store = CredentialStore::new(run.path(), &record.account_id);
        let directory = RunDirectory::new(run.path(), store, Duration::from_hours(1));
        assert_eq!(
            directory
                .role_credential(&record, Timestamp::now())
                .unwrap(),
            None
        );
        let fixed = FixedDirectory::new(record.clone());
        assert_eq!(
            fixed.role_credential(&record, Timestamp::now()).unwrap(),
            None
        );
    }
}
