//! EC2, for the few boots on which IMDS does not tell enough. Every call ends within its [`Budget`] and says why. Beside
//! it EKS ([`eks`]) and STS ([`sts`]), which are asked for evidence only.
//!
//! Requests are signed here (`docs/decision/0001-agent-signs-its-own-requests.md`) with the role's credentials from
//! IMDS, made anew for each try. Protocol: <https://docs.aws.amazon.com/AWSEC2/latest/APIReference/Query-Requests.html>.

pub mod eks;
mod endpoint;
#[cfg(test)]
mod herd;
pub mod once;
mod outcome;
mod retry;
mod sign;
pub mod signal;
pub mod sts;
mod xml;

use std::time::Duration;

use bytes::Bytes;
use http::StatusCode;
use http::header::RETRY_AFTER;
use http_body_util::Full;
use hyper_util::client::legacy::Client;
use hyper_util::rt::TokioExecutor;
use jiff::Timestamp;
use node::chain::Chain;
use node::max_pods::Limits;
use tokio::time::timeout;

use self::xml::Element;
use super::body;
use super::connect::{self, Connector, Https, Patience};
use super::environment::Environment;
use super::imds::Imds;
use super::random;
use super::root::Root;

pub use self::outcome::Failure;
pub use self::retry::Budget;

/// Version of the API: <https://docs.aws.amazon.com/AWSEC2/latest/APIReference/Welcome.html>.
const VERSION: &str = "2016-11-15";
/// One exchange, the way there included.
const ATTEMPT: Duration = Duration::from_secs(20);
/// What nodeadm tries at most.
const ATTEMPTS: u32 = 30;
/// One instance is described in 8 KiB, one type in 4.
const MAXIMUM_BYTES: usize = 512 * 1024;

/// Why EC2 did not tell.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// No client can be made of what is configured.
    #[error("making a client of EC2 at {endpoint}")]
    Client {
        /// Base URL.
        endpoint: String,
        /// What is wrong.
        #[source]
        source: connect::Error,
    },
    /// The role may not do it.
    #[error("the role `{role}` may not call {action}")]
    Denied {
        /// ARN of the role.
        role: String,
        /// The IAM action.
        action: String,
        /// What EC2 says.
        #[source]
        source: Failure,
    },
    /// It did not work, and another try would not help or has no time left.
    #[error("{action} at {endpoint}, tried {attempts} times in {seconds} s")]
    Failed {
        /// The IAM action.
        action: String,
        /// Base URL.
        endpoint: String,
        /// How often it was tried.
        attempts: u32,
        /// For how long.
        seconds: u64,
        /// What happened the last time.
        #[source]
        source: Failure,
    },
}

/// A client of EC2 with the credentials of the instance's role.
#[derive(Debug)]
pub struct Ec2 {
    client: Client<Https, Full<Bytes>>,
    imds: Imds,
    endpoint: String,
    region: String,
    /// ARN of the role, for messages.
    role: String,
    attempts: u32,
    /// Time for one exchange.
    patience: Duration,
    /// Numbers from 0 to 1, for the waits.
    chance: fn() -> f64,
}

impl Ec2 {
    /// A client for this region. Nothing is asked yet.
    pub fn new(
        root: &Root,
        environment: &Environment,
        imds: &Imds,
        region: &str,
        role: &str,
    ) -> Result<Self, Error> {
        let endpoint = endpoint::ec2(environment, region);
        let is_plain = endpoint.starts_with("http://");
        let https = https(root, environment, is_plain, Patience::default()).map_err(|source| {
            Error::Client {
                endpoint: endpoint.clone(),
                source,
            }
        })?;
        Ok(Self {
            client: Client::builder(TokioExecutor::new()).build(https),
            imds: imds.clone(),
            endpoint,
            region: region.to_owned(),
            role: role.to_owned(),
            attempts: environment.max_attempts.unwrap_or(ATTEMPTS).max(1),
            patience: ATTEMPT,
            chance: random::fraction,
        })
    }

    /// The same client, which makes each call once: for evidence, not for what a boot needs.
    #[must_use]
    pub fn once(self) -> Self {
        Self {
            attempts: 1,
            ..self
        }
    }

    /// The private DNS name of an instance.
    pub async fn private_dns_name(
        &self,
        instance_id: &str,
        deadline: Duration,
    ) -> Result<String, Error> {
        self.call(
            "DescribeInstances",
            ("InstanceId.1", instance_id),
            deadline,
            |answer| private_dns_name(answer, instance_id),
        )
        .await
    }

    /// Limits of an instance type.
    pub async fn limits(&self, instance_type: &str, deadline: Duration) -> Result<Limits, Error> {
        self.call(
            "DescribeInstanceTypes",
            ("InstanceType.1", instance_type),
            deadline,
            |answer| limits(answer, instance_type),
        )
        .await
    }

    /// `read` gives what the answer holds, or why it is not enough.
    async fn call<T>(
        &self,
        action: &str,
        (name, value): (&str, &str),
        deadline: Duration,
        read: impl Fn(&Element) -> Result<T, Failure>,
    ) -> Result<T, Error> {
        // Ids and types consist of letters, digits, `-` and `.`: nothing to escape.
        let form = format!("Action={action}&Version={VERSION}&{name}={value}");
        let budget = Budget {
            deadline,
            attempts: self.attempts,
        };
        let action = format!("ec2:{action}");
        let called = retry::run(&action, budget, self.chance, async || {
            let answer = match self.ask(&form).await {
                Ok(answer) => read(&answer),
                Err(failure) => Err(failure),
            };
            answer.inspect_err(|failure| self.imds.waiting().note(Chain(failure).to_string()))
        });
        called
            .await
            .map_err(|ended| ended.into_error(action, &self.endpoint, &self.role))
    }

    /// One try: the answer of a success.
    async fn ask(&self, form: &str) -> Result<Element, Failure> {
        let credentials =
            self.imds
                .role_credentials()
                .await
                .map_err(|source| Failure::NoCredentials {
                    source: Box::new(source),
                })?;
        let scope = ("ec2", self.region.as_str());
        let now = Timestamp::now();
        let request = sign::post(&credentials, scope, &self.endpoint, form.to_owned(), now)
            .map_err(|error| Failure::Misconfigured {
                code: format!("no request can be made for {}", self.endpoint),
                message: error.to_string(),
            })?;
        let unreachable = |kind, reason| Failure::Unreachable { kind, reason };
        let exchange = async {
            let response = self.client.request(request).await.map_err(|error| {
                // What the client itself adds ("client error (Connect)") tells nobody anything.
                let source = std::error::Error::source(&error).unwrap_or(&error);
                unreachable(connect::kind(source), Chain(source).to_string())
            })?;
            let status = response.status();
            let retry_after = response
                .headers()
                .get(RETRY_AFTER)
                .and_then(|value| value.to_str().ok())
                .map(str::to_owned);
            let broken = |reason| unreachable(connect::Kind::Broken, reason);
            let body = body::whole(response.into_body(), MAXIMUM_BYTES)
                .await
                .map_err(broken)?;
            let text = String::from_utf8(body.into())
                .map_err(|_| broken("the answer is not UTF-8 text".to_owned()))?;
            Ok((status, retry_after, text))
        };
        let Ok(exchanged) = timeout(self.patience, exchange).await else {
            let reason = format!("no answer within {} s", self.patience.as_secs());
            return Err(unreachable(connect::Kind::Timeout, reason));
        };
        let (status, retry_after, body) = exchanged?;
        if status != StatusCode::OK {
            return Err(Failure::of(status, &body, retry_after.as_deref()));
        }
        Element::parse(&body).map_err(|error| unreachable(connect::Kind::Broken, error.to_string()))
    }
}

/// The way to a service of AWS. One that is spoken to without TLS (`AWS_ENDPOINT_URL`) needs no authorities.
fn https(
    root: &Root,
    environment: &Environment,
    is_plain: bool,
    patience: Patience,
) -> Result<Https, connect::Error> {
    let connector = Connector::new(root, environment)?.with_patience(patience);
    let tls = if is_plain {
        connect::tls(rustls::RootCertStore::empty())?
    } else {
        connect::public_tls(root, environment)?
    };
    Ok(Https::new(connector, tls))
}

/// <https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_Instance.html>; an instance's interfaces have names of
/// their own, one level deeper.
fn private_dns_name(answer: &Element, instance_id: &str) -> Result<String, Failure> {
    let missing = |what: String| Failure::NotFoundYet { what };
    let instances = answer.all("reservationSet/item/instancesSet/item");
    let instance = instances
        .into_iter()
        .find(|instance| instance.text("instanceId") == Some(instance_id))
        .ok_or_else(|| missing(format!("EC2 does not know the instance {instance_id}")))?;
    instance
        .text("privateDnsName")
        .map(str::to_owned)
        .ok_or_else(|| missing(format!("EC2 has no private DNS name for {instance_id}")))
}

/// <https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_InstanceTypeInfo.html>. The interfaces that count are
/// those of the default network card.
fn limits(answer: &Element, name: &str) -> Result<Limits, Failure> {
    let read = || {
        let types = answer.all("instanceTypeSet/item");
        let described = types
            .into_iter()
            .find(|described| described.text("instanceType") == Some(name))?;
        let default_card = described
            .number("networkInfo/defaultNetworkCardIndex")
            .unwrap_or(0);
        let cards = described.all("networkInfo/networkCards/item");
        let card = cards
            .into_iter()
            .find(|card| card.number("networkCardIndex") == Some(default_card))?;
        Some(Limits {
            enis: card.number("maximumNetworkInterfaces")?,
            ipv4_per_eni: described.number("networkInfo/ipv4AddressesPerInterface")?,
        })
    };
    read().ok_or_else(|| Failure::Misconfigured {
        code: "no limits".to_owned(),
        message: format!("EC2 tells no limits of the instance type {name}"),
    })
}

#[cfg(test)]
mod tests;
