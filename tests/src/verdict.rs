//! What the agents of the lab's machines have said on their consoles, read from as much of these as EC2 returns.

use std::time::Duration;

use node::{console, wire::Verdict};
use thiserror::Error;

use crate::{
    aws::{self, AwsError},
    cloud::{
        console::{self as cloud_console, ConsoleError},
        gateway,
        record::MachineRecord,
    },
    cluster::REGION,
    file,
    lifecycle::Lab,
    network::{self, NetworkError},
    wait::{self, Poll, WaitError},
};

/// Why there is no such verdict.
#[derive(Debug, Error)]
pub enum VerdictError {
    /// The console could not be read.
    #[error("reading the console of `{machine}`")]
    Console {
        /// The machine.
        machine: String,
        /// What the system said.
        #[source]
        source: std::io::Error,
    },
    /// EC2 did not return the console.
    #[error("asking EC2 for the console of `{machine}`")]
    Ec2 {
        /// The machine.
        machine: String,
        /// Why.
        #[source]
        source: Box<ConsoleError>,
    },
    /// The administrator's access key could not be read.
    #[error(transparent)]
    Aws(#[from] AwsError),
    /// The lab's network could not be entered.
    #[error(transparent)]
    Network(#[from] NetworkError),
    /// The agent did not say it in time.
    #[error("machine `{machine}` gives no such verdict; its console ends with:\n{last_words}")]
    NotGiven {
        /// The machine.
        machine: String,
        /// The end of its console.
        last_words: String,
        /// What was waited for.
        #[source]
        source: Box<WaitError>,
    },
}

/// As much of the machine's console as EC2 keeps, read from its file.
pub fn console(record: &MachineRecord) -> Result<String, VerdictError> {
    let read = gateway::read_console(&record.console).map_err(|source| VerdictError::Console {
        machine: record.name.clone(),
        source,
    })?;
    Ok(read.map_or_else(String::new, |(_, bytes)| {
        String::from_utf8_lossy(&bytes).into_owned()
    }))
}

/// The newest verdict on the machine's console.
pub fn newest(record: &MachineRecord) -> Result<Option<Verdict>, VerdictError> {
    Ok(console::decode(&console(record)?).pop())
}

/// The code of a verdict's root cause.
pub fn code(verdict: &Verdict) -> Option<&str> {
    verdict.root_cause.as_ref().map(|cause| cause.code.as_str())
}

impl Lab {
    /// The machine's console as EC2 returns it to the administrator: through the gateway, in base64.
    pub fn console_output(&self, record: &MachineRecord) -> Result<String, VerdictError> {
        let credential = aws::admin_credential(&self.layout)?;
        let url = format!("http://{}:{}/", network::GATEWAY, aws::HTTP_PORT);
        self.inside(|| async {
            cloud_console::output(&url, REGION, &credential, &record.instance_id).await
        })?
        .map_err(|source| VerdictError::Ec2 {
            machine: record.name.clone(),
            source: Box::new(source),
        })
    }

    /// Waits until the newest verdict on the machine's console has this code.
    pub fn wait_verdict(
        &self,
        record: &MachineRecord,
        wanted: &str,
        deadline: Duration,
    ) -> Result<Verdict, VerdictError> {
        let what = format!("verdict `{wanted}` on the console");
        self.wait_for(record, &what, deadline, |verdict| {
            code(verdict) == Some(wanted)
        })
    }

    /// Waits until the newest verdict on the machine's console is its last word: the boot has ended.
    pub fn wait_last_word(
        &self,
        record: &MachineRecord,
        deadline: Duration,
    ) -> Result<Verdict, VerdictError> {
        let what = "verdict that is not provisional";
        self.wait_for(record, what, deadline, |verdict| !verdict.provisional)
    }

    fn wait_for(
        &self,
        record: &MachineRecord,
        what: &str,
        deadline: Duration,
        is_wanted: impl Fn(&Verdict) -> bool + Sync,
    ) -> Result<Verdict, VerdictError> {
        let is_wanted = &is_wanted;
        let waited = self.inside(|| async {
            wait::until(what, deadline, async || match newest(record) {
                Ok(Some(verdict)) if is_wanted(&verdict) => Poll::Ready(verdict),
                Ok(Some(verdict)) => Poll::Pending(format!(
                    "{} with `{}`",
                    verdict.outcome.as_str(),
                    code(&verdict).unwrap_or("no code")
                )),
                Ok(None) => Poll::Pending("no verdict".to_owned()),
                Err(error) => Poll::Pending(error.to_string()),
            })
            .await
        })?;
        waited.map_err(|source| VerdictError::NotGiven {
            machine: record.name.clone(),
            last_words: file::tail(&record.console, 20),
            source: Box::new(source),
        })
    }
}
