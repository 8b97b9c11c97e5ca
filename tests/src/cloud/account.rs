//! An account of AWS without root and without machines: moto and the gateway on the loopback of this host, for suites of
//! programs that make clusters.
//!
//! Owns the moto that it starts, and ends it when it is dropped; everything else lies below a run directory and is the
//! gateway's. The program under test gets [`Account::environment`].

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use thiserror::Error;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

use super::credentials::{CredentialStore, MintedCredential};
use super::gateway::{Ailments, Gateway, LoggedRequest, Refusals};
use super::json_file::JsonFileError;
use super::moto::{Moto, MotoError};
use super::transition::{self, Transitions};
use crate::cluster::{self, ACCOUNT_ID, REGION};
use crate::file::{self, FileError};
use crate::layout::{Cache, LayoutError};
use crate::wait::{self, Poll, WaitError};

/// How long moto may take to answer; it starts in seconds, on a busy host in minutes.
const START: Duration = Duration::from_mins(5);
/// How long a session of the administrator lasts.
const SESSION: Duration = Duration::from_hours(12);

/// Why there is no account.
#[derive(Debug, Error)]
pub enum AccountError {
    /// The cache has no name.
    #[error(transparent)]
    Cache(#[from] LayoutError),
    /// moto is not installed.
    #[error("no moto at `{}`: run `lab setup`", python.display())]
    NoMoto {
        /// Where its Python would be.
        python: PathBuf,
    },
    /// A port of the loopback could not be had.
    #[error("cannot listen on the loopback")]
    Listen(#[source] io::Error),
    /// moto could not be started.
    #[error("cannot start `{}`", python.display())]
    Start {
        /// Its Python.
        python: PathBuf,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// moto does not answer.
    #[error("moto does not answer; `{}` ends with:\n{tail}", log.display())]
    NotReady {
        /// Its log.
        log: PathBuf,
        /// The end of it.
        tail: String,
        /// How long it was waited for.
        #[source]
        source: WaitError,
    },
    /// A file of the run directory could not be used.
    #[error(transparent)]
    File(#[from] FileError),
    /// A document of the run directory could not be used.
    #[error(transparent)]
    Document(#[from] JsonFileError),
    /// moto did not forget.
    #[error("moto cannot be reset")]
    Moto(#[from] MotoError),
    /// The gateway did not forget.
    #[error("the gateway cannot be reset")]
    Gateway(#[source] io::Error),
}

/// A running account.
#[derive(Debug)]
pub struct Account {
    run: PathBuf,
    address: SocketAddr,
    moto: Moto,
    gateway: Arc<Gateway>,
    credentials: CredentialStore,
    admin: MintedCredential,
    serving: JoinHandle<()>,
    /// Ends with it.
    _process: Process,
}

/// A program that ends when it is dropped.
#[derive(Debug)]
struct Process(Child);

impl Drop for Process {
    fn drop(&mut self) {
        // It may have ended by itself; there is nothing to be done about either.
        drop(self.0.kill());
        drop(self.0.wait());
    }
}

impl Drop for Account {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

impl Account {
    /// An empty account whose files lie below `run`.
    pub async fn start(run: &Path) -> Result<Self, AccountError> {
        let python = Cache::from_environment()?.venv().join("bin/python");
        if !python.exists() {
            return Err(AccountError::NoMoto { python });
        }
        file::create_directory(run)?;
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await;
        let listener = listener.map_err(AccountError::Listen)?;
        let address = listener.local_addr().map_err(AccountError::Listen)?;
        let (process, moto) = start_moto(run, python).await?;

        let credentials = CredentialStore::new(run, ACCOUNT_ID);
        let admin = credentials.mint_role_session("admin", "suite", SESSION)?;
        let gateway = Arc::new(Gateway::new(
            run.to_owned(),
            credentials.clone(),
            None,
            &moto,
        ));
        let served = Arc::clone(&gateway).serve(listener);
        let serving = tokio::spawn(async move { match served.await {} });
        Ok(Self {
            run: run.to_owned(),
            address,
            moto,
            gateway,
            credentials,
            admin,
            serving,
            _process: process,
        })
    }

    /// Where the account's services are, for `AWS_ENDPOINT_URL`.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// The directory of its files.
    pub fn run(&self) -> &Path {
        &self.run
    }

    /// Somebody who may do everything: a session of the role `admin`.
    pub fn admin(&self) -> &MintedCredential {
        &self.admin
    }

    /// Whom else the account knows.
    pub fn credentials(&self) -> &CredentialStore {
        &self.credentials
    }

    /// moto behind the gateway, for a look at what there is, and for the hand of others; not logged, never refused.
    pub fn moto(&self) -> &Moto {
        &self.moto
    }

    /// The variables with which a program of the AWS SDKs uses this account as [`Self::admin`]. A program that is started
    /// with these must not see the caller's own.
    pub fn environment(&self) -> Vec<(&'static str, String)> {
        let token = self.admin.session_token.clone().unwrap_or_default();
        vec![
            ("AWS_ENDPOINT_URL", self.url()),
            ("AWS_REGION", REGION.to_owned()),
            ("AWS_ACCESS_KEY_ID", self.admin.access_key_id.clone()),
            (
                "AWS_SECRET_ACCESS_KEY",
                self.admin.secret_access_key.clone(),
            ),
            ("AWS_SESSION_TOKEN", token),
            ("AWS_EC2_METADATA_DISABLED", "true".to_owned()),
            ("AWS_CONFIG_FILE", "/dev/null".to_owned()),
            ("AWS_SHARED_CREDENTIALS_FILE", "/dev/null".to_owned()),
        ]
    }

    /// Sets what is refused and broken from now on.
    pub fn set_faults(&self, faults: &Refusals) -> Result<(), AccountError> {
        Ok(faults.write(&self.run)?)
    }

    /// Sets what is wrong with node groups and add-ons.
    pub fn set_ailments(&self, ailments: &Ailments) -> Result<(), AccountError> {
        Ok(ailments.write(&self.run)?)
    }

    /// Sets how long things take that begin from now on.
    pub fn set_transitions(&self, transitions: &Transitions) -> Result<(), AccountError> {
        Ok(transitions.write(&self.run)?)
    }

    /// All calls so far, in the order in which they came.
    pub fn log(&self) -> Result<Vec<LoggedRequest>, AccountError> {
        let mut log = LoggedRequest::read_all(&self.run).map_err(AccountError::Gateway)?;
        log.sort_by_key(|request| request.number);
        Ok(log)
    }

    /// How many calls so far were done and are never answered.
    pub fn held(&self) -> u64 {
        self.gateway.held()
    }

    /// Number of the last call that has begun, also of one that never ended; 0 before the first.
    pub fn last_call(&self) -> u64 {
        self.gateway.last_call()
    }

    /// Empties the account: what there is, faults, ailments, transitions and the log. The administrator's credential is
    /// good again.
    pub async fn reset(&self) -> Result<(), AccountError> {
        self.gateway.reset().await.map_err(AccountError::Gateway)?;
        self.set_ailments(&Ailments::default())?;
        self.set_transitions(&Transitions::default())?;
        self.moto.reset().await?;
        Ok(self.credentials.keep(&self.admin)?)
    }
}

/// Starts moto on a port that is free, and waits until it answers.
async fn start_moto(run: &Path, python: PathBuf) -> Result<(Process, Moto), AccountError> {
    // moto does not say which port it got. Nobody else takes one that has just been given back.
    let port = std::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0))
        .and_then(|listener| listener.local_addr())
        .map_err(AccountError::Listen)?
        .port();
    let log = run.join("log/moto.log");
    let output = file::append(&log)?;
    let errors = output.try_clone().map_err(AccountError::Listen)?;
    let child = Command::new(&python)
        .arg(cluster::repository().join("tests/moto/server.py"))
        .args(["--host", "127.0.0.1", "--port", &port.to_string()])
        .env("MOTO_ACCOUNT_ID", ACCOUNT_ID)
        .env("MOTO_IAM_LOAD_MANAGED_POLICIES", "true")
        .env("AWS_DEFAULT_REGION", REGION)
        .env("LAB_TRANSITIONS", transition::path(run))
        .stdin(Stdio::null())
        .stdout(output)
        .stderr(errors)
        .spawn();
    let mut process = match child {
        Ok(child) => Process(child),
        Err(source) => return Err(AccountError::Start { python, source }),
    };
    let moto = Moto::new(&format!("http://127.0.0.1:{port}"), REGION);
    let answers = wait::until("an answer of moto", START, async || {
        match process.0.try_wait() {
            Ok(Some(status)) => Poll::Never(format!("it ended with {status}")),
            _ if moto.is_ready().await => Poll::Ready(()),
            _ => Poll::Pending("no answer".to_owned()),
        }
    });
    answers.await.map_err(|source| AccountError::NotReady {
        tail: file::tail(&log, 15),
        log,
        source,
    })?;
    Ok((process, moto))
}

#[cfg(test)]
mod tests;
