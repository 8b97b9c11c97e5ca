//! Client tokens of EC2, which moto does not heed: the same call with the same token is done once, and answered alike.
//!
//! The SDKs put a token into each call that takes one, the same into every try of it, so a try whose answer was lost on
//! the way makes nothing twice. The memory lives as long as the gateway.

use std::collections::HashMap;

use axum::body::Body;
use axum::response::Response;
use bytes::Bytes;
use http::{HeaderMap, StatusCode};
use http_body_util::BodyExt as _;
use tokio::sync::Mutex;

use super::call::Call;
use super::fault::Fault;

/// The answers to calls with a token.
#[derive(Debug, Default)]
pub(super) struct Answered {
    by_token: Mutex<HashMap<(String, String), Answer>>,
}

/// What was asked, and what was said.
#[derive(Clone, Debug)]
struct Answer {
    asked: Bytes,
    headers: HeaderMap,
    body: Bytes,
}

impl Answered {
    /// The answer of `work`, which is not done again for a token that has had an answer. Calls with tokens are done one
    /// after the other.
    pub(super) async fn once(
        &self,
        call: &Call,
        work: impl Future<Output = Result<Response, Fault>>,
    ) -> Result<Response, Fault> {
        let Some(token) = call.parameter("ClientToken") else {
            return work.await;
        };
        let mut by_token = self.by_token.lock().await;
        let key = (call.action.clone(), token);
        if let Some(known) = by_token.get(&key) {
            if known.asked == call.body {
                return Ok(known.clone().into_response());
            }
            return Err(Fault::new(
                StatusCode::BAD_REQUEST,
                "IdempotentParameterMismatch",
                "The client token you have provided is associated with a resource of other parameters",
            ));
        }
        let (head, body) = work.await?.into_parts();
        let body = body
            .collect()
            .await
            .map_err(|error| Fault::internal(&error))?;
        let answer = Answer {
            asked: call.body.clone(),
            headers: head.headers,
            body: body.to_bytes(),
        };
        if head.status.is_success() {
            by_token.insert(key, answer.clone());
        }
        let mut response = answer.into_response();
        *response.status_mut() = head.status;
        Ok(response)
    }

    pub(super) async fn reset(&self) {
        self.by_token.lock().await.clear();
    }
}

impl Answer {
    fn into_response(self) -> Response {
        let mut response = Response::new(Body::from(self.body));
        *response.headers_mut() = self.headers;
        response
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU32, Ordering};

    use super::*;

    fn call(body: &str) -> Call {
        let request = http::Request::post("/").body(()).unwrap();
        let (head, ()) = request.into_parts();
        Call::read(head, Bytes::from(body.to_owned()))
    }

    #[tokio::test]
    async fn a_token_has_one_answer() {
        let (answered, done) = (Answered::default(), AtomicU32::new(0));
        let ask = async |body: &str, status: StatusCode| {
            let work = async {
                let mut response =
                    Response::new(Body::from(done.fetch_add(1, Ordering::Relaxed).to_string()));
                *response.status_mut() = status;
                Ok(response)
            };
            let answer = answered.once(&call(body), work).await;
            let (head, body) = answer
                .map_err(|fault| fault.code(&call(body).dialect()))?
                .into_parts();
            let body = body.collect().await.unwrap().to_bytes();
            Ok::<_, String>((head.status, String::from_utf8(body.to_vec()).unwrap()))
        };
        let (ok, bad) = (StatusCode::OK, StatusCode::BAD_REQUEST);
        let create = "Action=CreateNatGateway&ClientToken=a";
        assert_eq!(ask(create, bad).await.unwrap(), (bad, "0".to_owned()));
        assert_eq!(ask(create, ok).await.unwrap(), (ok, "1".to_owned()));
        assert_eq!(ask(create, ok).await.unwrap(), (ok, "1".to_owned()));
        let other = format!("{create}&SubnetId=b");
        assert_eq!(
            ask(&other, ok).await.unwrap_err(),
            "IdempotentParameterMismatch"
        );
        let none = "Action=CreateVpc";
        assert_eq!(ask(none, ok).await.unwrap().1, "2");
        assert_eq!(ask(none, ok).await.unwrap().1, "3");
    }
}
