//! The AWS endpoint of the lab: every service behind one door, in front of moto.
//!
//! Owns who may pass (a valid signature of a known credential, see [`super::sigv4`]), which calls are answered here
//! and which go on to moto, and the log of requests that suites assert on. Answered here is what moto lacks or cannot
//! know: who the caller is, the lab's cluster and its access entries, the console of real machines. The same router
//! serves plain HTTP (for `AWS_ENDPOINT_URL`) and TLS (for the real host names).

mod call;
mod ec2;
mod eks;
mod fault;
mod host;
mod pass_on;
mod refusal;
mod request_log;
mod signal;
mod ssm;
mod sts;
mod tls;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;

use axum::Router;
use axum::extract::connect_info::{ConnectInfo, Connected};
use axum::extract::{Request, State};
use axum::response::Response;
use axum::serve::IncomingStream;
use http::StatusCode;
use http_body_util::{BodyExt as _, Limited};
use jiff::Timestamp;
use tokio::net::TcpListener;

pub use self::ec2::read_console;
pub use self::refusal::{Reason, Refusals, Refused};
pub use self::request_log::LoggedRequest;
pub use self::signal::Signal;
pub use self::tls::{TlsError, TlsListener};

use self::call::Call;
use self::fault::Fault;
use self::pass_on::Moto;
use self::refusal::Gate;
use self::request_log::RequestLog;
use self::ssm::Agents;
use super::access_entry::AccessEntries;
use super::cluster::ClusterDescription;
use super::credentials::{CredentialStore, Identity};
use super::sigv4::{Claim, Refusal, SignedRequest};

/// Longest body of a request; launch templates and policies are far below.
const LONGEST_REQUEST_BYTES: usize = 16 << 20;

/// What a gateway is made of.
#[derive(Debug)]
pub struct Gateway {
    run: PathBuf,
    credentials: CredentialStore,
    cluster: ClusterDescription,
    access_entries: AccessEntries,
    moto: Moto,
    gate: Gate,
    agents: Agents,
    log: RequestLog,
}

/// The other end of a connection.
#[derive(Clone, Copy, Debug)]
struct Peer(SocketAddr);

impl Connected<IncomingStream<'_, TcpListener>> for Peer {
    fn connect_info(stream: IncomingStream<'_, TcpListener>) -> Self {
        Self(*stream.remote_addr())
    }
}

impl Connected<IncomingStream<'_, TlsListener>> for Peer {
    fn connect_info(stream: IncomingStream<'_, TlsListener>) -> Self {
        Self(*stream.remote_addr())
    }
}

impl Gateway {
    /// A gateway for the lab below `run`, in front of the moto at `moto_url`.
    #[must_use]
    pub fn new(
        run: PathBuf,
        credentials: CredentialStore,
        cluster: ClusterDescription,
        access_entries: AccessEntries,
        moto_url: http::Uri,
    ) -> Self {
        Self {
            log: RequestLog::new(&run),
            moto: Moto::new(moto_url),
            gate: Gate::new(&run),
            agents: Agents::default(),
            run,
            credentials,
            cluster,
            access_entries,
        }
    }

    /// Serves plain HTTP until the future is dropped.
    pub async fn serve(self: Arc<Self>, listener: TcpListener) -> std::io::Result<()> {
        axum::serve(
            listener,
            self.router().into_make_service_with_connect_info::<Peer>(),
        )
        .await
    }

    /// Serves TLS until the future is dropped.
    pub async fn serve_tls(self: Arc<Self>, listener: TlsListener) -> std::io::Result<()> {
        axum::serve(
            listener,
            self.router().into_make_service_with_connect_info::<Peer>(),
        )
        .await
    }

    fn router(self: Arc<Self>) -> Router {
        Router::new().fallback(handle).with_state(self)
    }

    /// Who has signed the call.
    fn caller(&self, call: &Call, now: Timestamp) -> Result<Identity, Fault> {
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
        Ok(credential.identity)
    }

    async fn answer(&self, call: &Call, caller: &Identity) -> Result<Response, Fault> {
        self.gate.check(call, caller)?;
        match call.service.as_str() {
            "sts" if call.action == "GetCallerIdentity" => Ok(sts::caller_identity(call, caller)),
            "sts" if call.action == "AssumeRole" => sts::assume_role(&self.credentials, call),
            "ec2" if call.action == "GetConsoleOutput" => ec2::console_output(&self.run, call),
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
            "eks" => match eks::answer(&self.cluster, &self.access_entries, call) {
                Some(answer) => answer,
                None => self.moto.answer(call).await,
            },
            _ => self.moto.answer(call).await,
        }
    }
}

async fn handle(
    State(gateway): State<Arc<Gateway>>,
    ConnectInfo(Peer(peer)): ConnectInfo<Peer>,
    request: Request,
) -> Response {
    let (head, body) = request.into_parts();
    let (body, is_whole) = match Limited::new(body, LONGEST_REQUEST_BYTES).collect().await {
        Ok(body) => (body.to_bytes(), true),
        Err(_too_long_or_broken) => (bytes::Bytes::new(), false),
    };
    let call = Call::read(head, body);
    let now = Timestamp::now();
    let caller = if is_whole {
        gateway.caller(&call, now)
    } else {
        Err(Fault::new(
            StatusCode::PAYLOAD_TOO_LARGE,
            "RequestEntityTooLarge",
            "the body is too long or broken off",
        ))
    };
    let answer = match &caller {
        Ok(caller) => gateway.answer(&call, caller).await,
        Err(fault) => Err(fault.clone()),
    };
    let error = answer
        .as_ref()
        .err()
        .map(|fault| fault.code(&call.dialect()));
    let response = answer.unwrap_or_else(|fault| fault.into_response(call.dialect()));
    gateway.log.add(&LoggedRequest {
        time: now,
        peer,
        service: call.service,
        action: call.action,
        caller: caller.ok().map(|identity| identity.arn),
        status: response.status().as_u16(),
        error,
    });
    response
}

#[cfg(test)]
mod tests;
