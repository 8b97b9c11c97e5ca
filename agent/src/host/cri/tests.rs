use std::convert::Infallible;

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Request, Response};
use http_body_util::{BodyExt as _, Full, combinators::WithTrailers};
use hyper::body::Incoming;
use hyper_util::rt::TokioExecutor;
use prost::Message as _;
use tokio::net::UnixListener;

use super::*;

const SOCKET: &str = "/run/runtime.sock";
const PATIENT: Duration = Duration::from_secs(20);

/// What a runtime answers to a call: a message, or a code and words.
type Answer = Result<Vec<u8>, (Code, &'static str)>;
type Trailers = Ready<Option<Result<HeaderMap, Infallible>>>;

fn respond(answer: Answer) -> Response<WithTrailers<Full<Bytes>, Trailers>> {
    let (message, code, words) = match answer {
        Ok(message) => (Some(message), Code::Ok, ""),
        Err((code, words)) => (None, code, words),
    };
    // https://github.com/grpc/grpc/blob/master/doc/PROTOCOL-HTTP2.md: not compressed, length, message.
    let body = message.map_or_else(Bytes::new, |message| {
        let mut frame = vec![0];
        frame.extend(u32::try_from(message.len()).unwrap().to_be_bytes());
        frame.extend(message);
        frame.into()
    });
    let mut trailers = HeaderMap::new();
    trailers.insert("grpc-status", HeaderValue::from(code as i32));
    trailers.insert("grpc-message", HeaderValue::from_static(words));
    let body = Full::new(body).with_trailers(ready(Some(Ok(trailers))));
    Response::builder()
        .header("content-type", "application/grpc")
        .body(body)
        .unwrap()
}

/// A runtime that answers like this, asked once.
async fn asked(answer: fn(&str) -> Answer) -> Result<Runtime, Error> {
    let directory = tempfile::tempdir().unwrap();
    let root = Root::new(directory.path());
    std::fs::create_dir(directory.path().join("run")).unwrap();
    let listener = UnixListener::bind(root.path(SOCKET)).unwrap();
    let serving = async {
        let (stream, _) = listener.accept().await.unwrap();
        let service = hyper::service::service_fn(|request: Request<Incoming>| async move {
            let response = respond(answer(request.uri().path()));
            request.into_body().collect().await.unwrap();
            Ok::<_, Infallible>(response)
        });
        drop(
            hyper::server::conn::http2::Builder::new(TokioExecutor::new())
                .serve_connection(TokioIo::new(stream), service)
                .await,
        );
        std::future::pending::<()>().await;
    };
    tokio::select! {
        asked = ask(&root, SOCKET, PATIENT) => asked,
        () = serving => unreachable!(),
    }
}

fn version() -> Vec<u8> {
    VersionResponse {
        runtime_name: "containerd".into(),
        runtime_version: "1.7.24".into(),
    }
    .encode_to_vec()
}

fn condition(name: &str, status: bool, reason: &str, message: &str) -> RuntimeCondition {
    RuntimeCondition {
        r#type: name.into(),
        status,
        reason: reason.into(),
        message: message.into(),
    }
}

#[tokio::test]
async fn a_runtime_says_who_it_is_and_what_it_lacks() {
    let runtime = asked(|path| match path {
        "/runtime.v1.RuntimeService/Version" => Ok(version()),
        "/runtime.v1.RuntimeService/Status" => Ok(StatusResponse {
            status: Some(RuntimeStatus {
                conditions: vec![
                    condition("RuntimeReady", true, "", ""),
                    condition("NetworkReady", false, "NetworkPluginNotReady", "no CNI"),
                ],
            }),
        }
        .encode_to_vec()),
        _ => Err((Code::Unimplemented, "")),
    })
    .await
    .unwrap();
    assert_eq!(
        runtime,
        Runtime {
            name: "containerd".into(),
            version: "1.7.24".into(),
            not_ready: None,
            no_network: Some(
                "NetworkReady=false reason:NetworkPluginNotReady message:no CNI".into()
            ),
        }
    );
}

#[tokio::test]
async fn a_service_that_is_not_there_is_told_from_one_that_fails_or_is_starting() {
    let not_served = asked(|_| {
        Err((
            Code::Unimplemented,
            "unknown service runtime.v1.RuntimeService",
        ))
    })
    .await
    .unwrap_err();
    assert_eq!(
        not_served.to_string(),
        "`/run/runtime.sock` has no runtime.v1.RuntimeService: unknown service runtime.v1.RuntimeService"
    );
    let starting = asked(|_| Err((Code::Unavailable, "server is not initialized yet")))
        .await
        .unwrap_err();
    assert!(starting.is_passing());
    let failed = asked(|path| {
        if path.ends_with("Version") {
            Ok(version())
        } else {
            Err((Code::Internal, "no disk"))
        }
    })
    .await
    .unwrap_err();
    assert_eq!(
        failed.to_string(),
        "`/run/runtime.sock` answers Status with Internal: no disk"
    );
    assert!(!failed.is_passing());
}

#[tokio::test]
async fn a_runtime_that_is_silent_is_given_up() {
    let directory = tempfile::tempdir().unwrap();
    let root = Root::new(directory.path());
    std::fs::create_dir(directory.path().join("run")).unwrap();
    let listener = UnixListener::bind(root.path(SOCKET)).unwrap();
    let deadline = Duration::from_millis(20);
    let silent = ask(&root, SOCKET, deadline).await.unwrap_err();
    assert!(matches!(silent, Error::Deadline { .. }), "{silent:?}");
    drop(listener);
    let refused = ask(&root, SOCKET, PATIENT).await.unwrap_err();
    assert!(matches!(refused, Error::Connect { .. }), "{refused:?}");
}
