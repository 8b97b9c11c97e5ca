//! The AWS endpoint of the lab: every service behind one door, in front of moto.
//!
//! Owns who may pass (a valid signature of a known credential, see [`super::sigv4`]), which calls are answered here
//! and which go on to moto, and the log of requests that suites assert on. Answered here is what moto lacks or cannot
//! know: who the caller is, the lab's cluster and its access entries, the console of real machines. The same gateway
//! serves plain HTTP (for `AWS_ENDPOINT_URL`) and TLS (for the real host names).

mod call;
mod ec2;
mod eks;
mod fault;
mod host;
mod idempotency;
mod interruption;
mod pass_on;
mod refusal;
mod request_log;
mod signal;
mod ssm;
mod sts;
mod tls;
mod words;

use std::convert::Infallible;
use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;

use axum::response::Response;
use axum::serve::Listener;
use http::StatusCode;
use http_body_util::{BodyExt as _, Limited};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use jiff::Timestamp;
use thiserror::Error;
use tokio::task::JoinSet;

pub use self::ec2::read_console;
pub use self::eks::{Ailment, Ailments, Issue, OwnCluster};
pub use self::interruption::{Calls, Effect, Interruption, RandomFaults};
pub use self::refusal::{Reason, Refusals, Refused};
pub use self::request_log::LoggedRequest;
pub use self::signal::Signal;
pub use self::tls::{TlsError, TlsListener};

use self::call::Call;
use self::eks::Eks;
use self::fault::Fault;
use self::idempotency::Answered;
use self::interruption::Begun;
use self::pass_on::Moto;
use self::refusal::Gate;
use self::request_log::RequestLog;
use self::ssm::Agents;
use super::credentials::{CredentialStore, Identity, MintedCredential};
use super::moto;
use super::sigv4::{Claim, Refusal, SignedRequest};

/// Longest body of a request; launch templates and policies are far below.
const LONGEST_REQUEST_BYTES: usize = 16 << 20;

/// What a gateway is made of.
#[derive(Debug)]
pub struct Gateway {
    run: PathBuf,
    credentials: CredentialStore,
    eks: Eks,
    moto: Moto,
    answered: Answered,
    gate: Gate,
    agents: Agents,
    log: RequestLog,
}

/// A call whose connection is closed in the place of an answer.
#[derive(Debug, Error)]
#[error("closed without an answer, as a suite wants it")]
struct Closed;

impl Gateway {
    /// A gateway for the account below `run`, perhaps with a cluster that has a control plane, in front of `moto`.
    #[must_use]
    pub fn new(
        run: PathBuf,
        credentials: CredentialStore,
        own: Option<OwnCluster>,
        moto: &moto::Moto,
    ) -> Self {
        Self {
            eks: Eks::new(run.clone(), own, moto.clone()),
            log: RequestLog::new(&run),
            moto: Moto::new(moto.url()),
            answered: Answered::default(),
            gate: Gate::new(&run),
            agents: Agents::default(),
            run,
            credentials,
        }
    }

    /// Serves until the future is dropped, and all its connections with it.
    pub async fn serve<L>(self: Arc<Self>, mut listener: L) -> Infallible
    where
        L: Listener<Addr = SocketAddr>,
    {
        let mut connections = JoinSet::new();
        loop {
            let (stream, peer) = listener.accept().await;
            while connections.try_join_next().is_some() {}
            let gateway = Arc::clone(&self);
            let service = service_fn(move |request| {
                // A call that has come is done, also when its client is no longer there.
                let call = tokio::spawn(Arc::clone(&gateway).handle(peer, request));
                async move {
                    match call.await {
                        Ok((_, Some(Effect::Closed | Effect::DoneThenClosed))) | Err(_) => {
                            Err(Closed)
                        }
                        Ok((_, Some(Effect::DoneThenHeld))) => std::future::pending().await,
                        Ok((response, _)) => Ok(response),
                    }
                }
            });
            let connection = http1::Builder::new().serve_connection(TokioIo::new(stream), service);
            connections.spawn(async move {
                if let Err(error) = connection.await {
                    tracing::debug!(%peer, %error, "a connection broke off");
                }
            });
        }
    }

    /// How many calls so far were done and are never answered.
    pub(super) fn held(&self) -> u64 {
        self.log.held()
    }

    /// Number of the last call that has begun.
    pub(super) fn last_call(&self) -> u64 {
        self.log.last()
    }

    /// Forgets everything that has happened: clusters, agents, faults, the log. What moto has is its own.
    pub(super) async fn reset(&self) -> io::Result<()> {
        self.gate.reset().map_err(io::Error::other)?;
        self.eks.reset().await.map_err(io::Error::other)?;
        self.answered.reset().await;
        self.log.reset()
    }

    /// Who has signed the call.
    fn caller(&self, call: &Call, now: Timestamp) -> Result<MintedCredential, Fault> {
        let request = SignedRequest {
            method: &call.head.method,
            uri: &call.head.uri,
            headers: &call.head.headers,
            body: &call.body,
        };
        let claim = Claim::read(request)?;
        if let Some(wanted) = host::scope(&call.host)
            && (&wanted.service, &wanted.region) != (&claim.scope.service, &claim.scope.region)
        {
            let wanted = format!("`{}` in `{}`", wanted.service, wanted.region);
            let found = format!("`{}` in `{}`", claim.scope.service, claim.scope.region);
            return Err(Refusal::WrongScope { wanted, found }.into());
        }
        let credential = self.credentials.lookup(&claim.access_key_id)?;
        let credential = credential.ok_or_else(|| Refusal::UnknownCredential {
            access_key_id: claim.access_key_id.clone(),
        })?;
        claim.verify(request, &credential, now)?;
        Ok(credential)
    }

    /// The answer to a request, and what a suite wants to happen to it.
    async fn handle(
        self: Arc<Self>,
        peer: SocketAddr,
        request: http::Request<Incoming>,
    ) -> (Response, Option<Effect>) {
        let (head, body) = request.into_parts();
        let (body, is_whole) = match Limited::new(body, LONGEST_REQUEST_BYTES).collect().await {
            Ok(body) => (body.to_bytes(), true),
            Err(_too_long_or_broken) => (bytes::Bytes::new(), false),
        };
        let call = Call::read(head, body);
        let now = Timestamp::now();
        let caller = if is_whole {
            self.caller(&call, now)
        } else {
            Err(Fault::new(
                StatusCode::PAYLOAD_TOO_LARGE,
                "RequestEntityTooLarge",
                "the body is too long or broken off",
            ))
        };
        let arn = caller
            .as_ref()
            .ok()
            .map(|caller| caller.identity.arn.clone());
        let look = |begun: &[Begun]| self.gate.effect(begun);
        let (number, effect) = self.log.begin(call.mutates(), arn.as_deref(), look);
        let answer = match (&effect, caller) {
            (_, Err(fault)) => Err(fault),
            (Err(fault), _) => Err(fault.clone()),
            (Ok(effect), Ok(caller)) => self.act(&call, &caller, *effect, now).await,
        };
        let effect = effect.ok().flatten();
        let error = answer
            .as_ref()
            .err()
            .map(|fault| fault.code(&call.dialect()));
        let response = answer.unwrap_or_else(|fault| fault.into_response(call.dialect()));
        self.log.add(&LoggedRequest {
            number,
            time: now,
            peer,
            mutates: call.mutates(),
            service: call.service,
            action: call.action,
            caller: arn,
            status: response.status().as_u16(),
            error,
            effect,
        });
        (response, effect)
    }

    /// Does a call, or what a suite wants to happen in its place.
    async fn act(
        &self,
        call: &Call,
        caller: &MintedCredential,
        effect: Option<Effect>,
        now: Timestamp,
    ) -> Result<Response, Fault> {
        let action = || format!("{}:{}", call.service, call.action);
        match effect {
            None | Some(Effect::DoneThenClosed | Effect::DoneThenHeld) => {
                self.answer(call, &caller.identity).await
            }
            // Nobody sees this answer.
            Some(Effect::Closed | Effect::ServerError) => Err(words::broken(&call.service)),
            Some(Effect::Throttled) => Err(words::throttled(&call.service)),
            Some(Effect::Denied) => Err(words::denied(&caller.identity, &action())),
            Some(Effect::Expired) => {
                let expired = MintedCredential {
                    expiration: Some(now),
                    ..caller.clone()
                };
                self.credentials.keep(&expired)?;
                Err(Refusal::ExpiredCredential {
                    access_key_id: expired.access_key_id,
                    expired_at: now,
                }
                .into())
            }
        }
    }

    async fn answer(&self, call: &Call, caller: &Identity) -> Result<Response, Fault> {
        self.gate.check(call, caller)?;
        self.eks.settle().await?;
        match call.service.as_str() {
            "sts" if call.action == "GetCallerIdentity" => Ok(sts::caller_identity(call, caller)),
            "sts" if call.action == "AssumeRole" => sts::assume_role(&self.credentials, call),
            "ec2" if call.action == "GetConsoleOutput" => ec2::console_output(&self.run, call),
            "ec2" => self.answered.once(call, self.moto.answer(call)).await,
            "autoscaling" if call.action == "CompleteLifecycleAction" => {
                signal::complete_lifecycle_action(&self.run, call)
            }
            "cloudformation" if call.action == "SignalResource" => {
                signal::signal_resource(&self.run, call)
            }
            "ssm" => match self
                .agents
                .answer(&self.run, call, caller, Timestamp::now())
            {
                Some(answer) => answer,
                None => self.moto.answer(call).await,
            },
            "ssmmessages" => self.agents.message(call, caller).await,
            "eks" => match self.eks.answer(call, caller).await {
                Some(answer) => answer,
                None => self.moto.answer(call).await,
            },
            _ => self.moto.answer(call).await,
        }
    }
}

#[cfg(test)]
mod tests;
