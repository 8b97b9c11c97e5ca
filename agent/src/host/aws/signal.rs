//! Calls that tell AWS how a boot ended. Each is tried again within its deadline, and nothing depends on it.

use std::time::Duration;

use http::StatusCode;
use jiff::Timestamp;
use node::chain::Chain;
use node::token;
use tokio::time::timeout;

use super::outcome::Failure;
use super::retry::{Budget, Tries};
use super::{ATTEMPTS, Error, endpoint, once, sign};
use crate::host::connect::Patience;
use crate::host::environment::Environment;
use crate::host::imds::Imds;
use crate::host::random;
use crate::host::root::Root;

/// All tries of one call.
const DEADLINE: Duration = Duration::from_secs(30);
/// One exchange.
const ATTEMPT: Duration = Duration::from_secs(10);
/// Nothing but an identifier is answered.
const MAXIMUM_BYTES: usize = 16 * 1024;

/// A call of a service that speaks the query protocol.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Call {
    /// Name of the service in host names, signatures and IAM actions: `ec2`, `autoscaling`, `cloudformation`.
    pub service: &'static str,
    /// Name of the action.
    pub action: &'static str,
    /// Version of the service's API.
    pub version: &'static str,
    /// Parameters as they are meant, not yet escaped.
    pub parameters: Vec<(&'static str, String)>,
}

impl Call {
    fn form(&self) -> String {
        let mut form = format!("Action={}&Version={}", self.action, self.version);
        for (name, value) in &self.parameters {
            form.push('&');
            form.push_str(name);
            form.push('=');
            token::percent_encode(value, &mut form);
        }
        form
    }
}

/// Who calls.
#[derive(Debug)]
pub struct Caller<'a> {
    /// File system with authorities of its own.
    pub root: &'a Root,
    /// Proxies and endpoints.
    pub environment: &'a Environment,
    /// Gives the credentials.
    pub imds: &'a Imds,
    /// Region of the instance.
    pub region: &'a str,
    /// ARN of the role, for messages.
    pub role: &'a str,
}

impl Caller<'_> {
    /// Makes the call.
    ///
    /// # Errors
    /// When the role may not, or nothing came of it within the deadline.
    pub async fn call(&self, call: &Call) -> Result<(), Error> {
        let action = format!("{}:{}", call.service, call.action);
        let endpoint = endpoint::query(self.environment, call.service, self.region);
        let budget = Budget {
            deadline: DEADLINE,
            attempts: self.environment.max_attempts.unwrap_or(ATTEMPTS).max(1),
        };
        let mut tries = Tries::new(&action, budget);
        loop {
            let time = tries.left().min(ATTEMPT);
            let last = match timeout(time, self.attempt(call, &endpoint)).await {
                Ok(Ok(())) => return Ok(()),
                Ok(Err(failure)) => failure,
                Err(_) => tries.too_late(),
            };
            if let Err(ended) = tries.again(last, random::fraction()).await {
                return Err(ended.into_error(action.clone(), &endpoint, self.role));
            }
        }
    }

    async fn attempt(&self, call: &Call, endpoint: &str) -> Result<(), Failure> {
        let credentials =
            self.imds
                .role_credentials()
                .await
                .map_err(|source| Failure::NoCredentials {
                    source: Box::new(source),
                })?;
        let impossible = |message: String| Failure::Misconfigured {
            code: format!("no request can be made for {endpoint}"),
            message,
        };
        let scope = (call.service, self.region);
        let request = sign::post(&credentials, scope, endpoint, call.form(), Timestamp::now())
            .map_err(|error| impossible(error.to_string()))?;
        let sent = once::send(
            self.root,
            self.environment,
            call.service,
            request,
            Patience::default(),
            MAXIMUM_BYTES,
        );
        let answer = sent.await.map_err(|error| match error {
            once::Error::Unreachable { kind, reason, .. } => Failure::Unreachable { kind, reason },
            error => impossible(Chain(&error).to_string()),
        })?;
        if answer.status == StatusCode::OK {
            return Ok(());
        }
        Err(Failure::of(answer.status, &answer.body, None))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_person_wrote_is_escaped() {
        let call = Call {
            service: "ec2",
            action: "CreateTags",
            version: "2016-11-15",
            parameters: vec![
                ("Tag.1.Key", "team/a b".to_owned()),
                ("Tag.1.Value", "failed join.unauthorized".to_owned()),
            ],
        };
        assert_eq!(
            call.form(),
            "Action=CreateTags&Version=2016-11-15&Tag.1.Key=team%2Fa%20b&Tag.1.Value=failed%20join.unauthorized"
        );
    }
}
