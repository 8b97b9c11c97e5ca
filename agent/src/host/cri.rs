//! The container runtime interface over the runtime's unix socket: which runtime it is, and whether it is ready.
//!
//! The messages have only the fields that are used. Services, fields and their numbers are those of `runtime.v1`:
//! <https://github.com/kubernetes/cri-api/blob/v0.34.4/pkg/apis/runtime/v1/api.proto>.

use std::future::{Ready, ready};
use std::io;
use std::path::Path;
use std::task::{Context, Poll};
use std::time::Duration;

use http::Uri;
use http::uri::PathAndQuery;
use hyper_util::rt::TokioIo;
use tokio::net::UnixStream;
use tokio::time::timeout;
use tonic::Code;
use tonic::client::Grpc;
use tonic::transport::{Channel, Endpoint};
use tonic_prost::ProstCodec;
use tower::Service;

use super::root::Root;
use super::socket;

/// The condition that says whether the runtime can run containers (`RuntimeReady` in cri-api's constants.go).
const RUNTIME_READY: &str = "RuntimeReady";
/// The condition that says whether the pod network is set up (`NetworkReady`, same place).
const NETWORK_READY: &str = "NetworkReady";

/// What a runtime says of itself.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Runtime {
    /// Its name, `containerd`.
    pub name: String,
    /// Its version, `1.7.24`.
    pub version: String,
    /// Why it cannot run containers; none: it can, or does not say.
    pub not_ready: Option<String>,
    /// Why there is no pod network; none: there is one, or it does not say.
    pub no_network: Option<String>,
}

/// Why the runtime says nothing of use.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The socket is not there, or nobody listens on it.
    #[error("connecting to `{}`", path.display())]
    Connect {
        /// The socket.
        path: std::path::PathBuf,
        /// What the system says.
        #[source]
        source: io::Error,
    },
    /// Who listens there does not speak HTTP/2, or the connection broke.
    #[error("speaking gRPC on `{}`", path.display())]
    Broken {
        /// The socket.
        path: std::path::PathBuf,
        /// What the transport says.
        #[source]
        source: tonic::transport::Error,
    },
    /// The connection stands, and no answer comes.
    #[error("`{}` takes a connection and gives no answer within {} s", path.display(), deadline.as_secs())]
    Deadline {
        /// The socket.
        path: std::path::PathBuf,
        /// How long was waited.
        deadline: Duration,
    },
    /// The runtime runs without this service.
    #[error("`{}` has no {service}: {message}", path.display())]
    NotServed {
        /// The socket.
        path: std::path::PathBuf,
        /// The service.
        service: &'static str,
        /// The runtime's words.
        message: String,
    },
    /// The call was answered with an error.
    #[error("`{}` answers {call} with {code:?}: {message}", path.display())]
    Refused {
        /// The socket.
        path: std::path::PathBuf,
        /// The call.
        call: &'static str,
        /// gRPC's code.
        code: Code,
        /// The runtime's words.
        message: String,
    },
}

impl Error {
    /// Whether the runtime may only need some more time: it answers so while its plug-ins are being loaded.
    pub fn is_passing(&self) -> bool {
        matches!(
            self,
            Self::Refused {
                code: Code::Unavailable,
                ..
            }
        )
    }
}

#[derive(Clone, PartialEq, prost::Message)]
struct VersionRequest {
    #[prost(string, tag = "1")]
    version: String,
}

#[derive(Clone, PartialEq, prost::Message)]
struct VersionResponse {
    #[prost(string, tag = "2")]
    runtime_name: String,
    #[prost(string, tag = "3")]
    runtime_version: String,
}

#[derive(Clone, PartialEq, prost::Message)]
struct StatusRequest {
    #[prost(bool, tag = "1")]
    verbose: bool,
}

#[derive(Clone, PartialEq, prost::Message)]
struct StatusResponse {
    #[prost(message, optional, tag = "1")]
    status: Option<RuntimeStatus>,
}

#[derive(Clone, PartialEq, prost::Message)]
struct RuntimeStatus {
    #[prost(message, repeated, tag = "1")]
    conditions: Vec<RuntimeCondition>,
}

#[derive(Clone, PartialEq, prost::Message)]
struct RuntimeCondition {
    #[prost(string, tag = "1")]
    r#type: String,
    #[prost(bool, tag = "2")]
    status: bool,
    #[prost(string, tag = "3")]
    reason: String,
    #[prost(string, tag = "4")]
    message: String,
}

/// Asks the runtime that listens there who it is and how it is.
pub async fn ask(root: &Root, path: &str, deadline: Duration) -> Result<Runtime, Error> {
    match timeout(deadline, questions(root, path)).await {
        Ok(asked) => asked,
        Err(_) => Err(Error::Deadline {
            path: path.into(),
            deadline,
        }),
    }
}

async fn questions(root: &Root, path: &str) -> Result<Runtime, Error> {
    let stream = socket::connect(root, path)
        .await
        .map_err(|source| Error::Connect {
            path: path.into(),
            source,
        })?;
    // The name is in no message that matters: there is one service behind the socket.
    let channel = Endpoint::from_static("http://localhost")
        .connect_with_connector(Once(Some(stream)))
        .await
        .map_err(|source| Error::Broken {
            path: path.into(),
            source,
        })?;
    let mut client = Client {
        path: Path::new(path),
        grpc: Grpc::new(channel),
    };
    let version: VersionResponse = client
        .call(
            "Version",
            "/runtime.v1.RuntimeService/Version",
            VersionRequest::default(),
        )
        .await?;
    let status: StatusResponse = client
        .call(
            "Status",
            "/runtime.v1.RuntimeService/Status",
            StatusRequest::default(),
        )
        .await?;
    Ok(read(version, &status.status.unwrap_or_default()))
}

fn read(version: VersionResponse, status: &RuntimeStatus) -> Runtime {
    let unmet = |name| {
        let condition = status
            .conditions
            .iter()
            .find(|condition| condition.r#type == name && !condition.status)?;
        let RuntimeCondition {
            reason, message, ..
        } = condition;
        Some(format!("{name}=false reason:{reason} message:{message}"))
    };
    Runtime {
        not_ready: unmet(RUNTIME_READY),
        no_network: unmet(NETWORK_READY),
        name: version.runtime_name,
        version: version.runtime_version,
    }
}

struct Client<'a> {
    path: &'a Path,
    grpc: Grpc<Channel>,
}

impl Client<'_> {
    async fn call<Q, A>(
        &mut self,
        name: &'static str,
        method: &'static str,
        question: Q,
    ) -> Result<A, Error>
    where
        Q: prost::Message + 'static,
        A: prost::Message + Default + 'static,
    {
        self.grpc.ready().await.map_err(|source| Error::Broken {
            path: self.path.into(),
            source,
        })?;
        let codec = ProstCodec::<Q, A>::default();
        let question = tonic::Request::new(question);
        let answer = self
            .grpc
            .unary(question, PathAndQuery::from_static(method), codec)
            .await;
        answer.map(tonic::Response::into_inner).map_err(|status| {
            let message = status.message().to_owned();
            match status.code() {
                Code::Unimplemented => Error::NotServed {
                    path: self.path.into(),
                    service: "runtime.v1.RuntimeService",
                    message,
                },
                code => Error::Refused {
                    path: self.path.into(),
                    call: name,
                    code,
                    message,
                },
            }
        })
    }
}

/// Gives out a connection that stands already, so that its errors are the system's own and not the transport's.
struct Once(Option<UnixStream>);

impl Service<Uri> for Once {
    type Response = TokioIo<UnixStream>;
    type Error = io::Error;
    type Future = Ready<io::Result<Self::Response>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, _: Uri) -> Self::Future {
        ready(
            self.0
                .take()
                .map(TokioIo::new)
                .ok_or_else(|| io::ErrorKind::NotConnected.into()),
        )
    }
}

#[cfg(test)]
mod tests;
