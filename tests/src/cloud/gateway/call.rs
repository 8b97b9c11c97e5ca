//! A request read as a call of an AWS API: of which service, and which action.

use bytes::Bytes;
use http::header::{ACCEPT, AUTHORIZATION, HOST};
use http::{HeaderName, Method, request};

use super::fault::Dialect;
use super::host;
use crate::cloud::uri;

/// One call with everything that came with it.
#[derive(Debug)]
pub(super) struct Call {
    /// Such as `ec2`; from the signature, or from the host for what is not signed.
    pub(super) service: String,
    /// Such as `DescribeInstances`; `METHOD /path` where only the API's model would know the name.
    pub(super) action: String,
    pub(super) host: String,
    pub(super) head: request::Parts,
    pub(super) body: Bytes,
}

impl Call {
    pub(super) fn read(head: request::Parts, body: Bytes) -> Self {
        // A client of HTTP/1.1 sends `Host`; an absolute request target is what a proxy would get.
        let host = header(&head, HOST)
            .or_else(|| head.uri.authority().map(ToString::to_string))
            .unwrap_or_default();
        let mut call = Self {
            service: String::new(),
            action: String::new(),
            host,
            head,
            body,
        };
        call.service = call.service_signed_for().unwrap_or_else(|| {
            host::scope(&call.host).map_or_else(|| "unknown".to_owned(), |scope| scope.service)
        });
        call.action = call.action_name();
        call
    }

    /// A parameter of the query protocol, which may be in the query or in a form body.
    pub(super) fn parameter(&self, name: &str) -> Option<String> {
        self.head
            .uri
            .query()
            .and_then(|query| uri::form_value(query, name))
            .or_else(|| uri::form_value(std::str::from_utf8(&self.body).ok()?, name))
    }

    /// Whether an answer of the query protocol is wanted as JSON.
    pub(super) fn wants_json(&self) -> bool {
        header(&self.head, ACCEPT).is_some_and(|accept| accept.contains("application/json"))
    }

    /// The parts of the path, decoded.
    pub(super) fn path_segments(&self) -> Vec<String> {
        let path = self.head.uri.path().trim_matches('/');
        path.split('/').map(uri::decode_text).collect()
    }

    /// How this service says what went wrong.
    pub(super) fn dialect(&self) -> Dialect {
        match self.service.as_str() {
            "ec2" => Dialect::Ec2,
            "sts" | "iam" | "autoscaling" | "cloudformation" | "elasticloadbalancing" => {
                if self.wants_json() {
                    Dialect::QueryJson
                } else {
                    Dialect::Query {
                        service: self.service.clone(),
                    }
                }
            }
            _ if self.target().is_some() => Dialect::JsonRpc,
            _ => Dialect::RestJson,
        }
    }

    fn service_signed_for(&self) -> Option<String> {
        let credential = match header(&self.head, AUTHORIZATION) {
            Some(authorization) => {
                let (_, rest) = authorization.split_once("Credential=")?;
                rest.split(',').next()?.to_owned()
            }
            None => uri::query_value(self.head.uri.query()?, "X-Amz-Credential")?,
        };
        credential.split('/').nth(3).map(str::to_owned)
    }

    fn action_name(&self) -> String {
        if let Some(target) = self.target() {
            let (_, action) = target.rsplit_once('.').unwrap_or(("", &target));
            return action.to_owned();
        }
        if let Some(action) = self.parameter("Action") {
            return action;
        }
        let (method, path) = (&self.head.method, self.head.uri.path());
        if self.service == "eks"
            && let Some(action) = eks_action(method, &self.path_segments())
        {
            return action.to_owned();
        }
        format!("{method} {path}")
    }

    fn target(&self) -> Option<String> {
        header(&self.head, HeaderName::from_static("x-amz-target"))
    }
}

/// The names of the EKS calls that the lab's programs make.
fn eks_action(method: &Method, path: &[String]) -> Option<&'static str> {
    let path: Vec<&str> = path.iter().map(String::as_str).collect();
    Some(match (method.as_str(), &path[..]) {
        ("GET", ["clusters"]) => "ListClusters",
        ("POST", ["clusters"]) => "CreateCluster",
        ("GET", ["clusters", _]) => "DescribeCluster",
        ("DELETE", ["clusters", _]) => "DeleteCluster",
        ("GET", ["clusters", _, "node-groups"]) => "ListNodegroups",
        ("POST", ["clusters", _, "node-groups"]) => "CreateNodegroup",
        ("GET", ["clusters", _, "node-groups", _]) => "DescribeNodegroup",
        ("DELETE", ["clusters", _, "node-groups", _]) => "DeleteNodegroup",
        ("GET", ["clusters", _, "access-entries"]) => "ListAccessEntries",
        ("POST", ["clusters", _, "access-entries"]) => "CreateAccessEntry",
        ("GET", ["clusters", _, "access-entries", _]) => "DescribeAccessEntry",
        ("DELETE", ["clusters", _, "access-entries", _]) => "DeleteAccessEntry",
        _ => return None,
    })
}

fn header(head: &request::Parts, name: HeaderName) -> Option<String> {
    let value = head.headers.get(name)?;
    value.to_str().ok().map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use http::Request;

    use super::*;

    fn call(request: request::Builder, body: &'static str) -> Call {
        let (head, ()) = request.body(()).unwrap().into_parts();
        Call::read(head, Bytes::from_static(body.as_bytes()))
    }

    fn signed_for(service: &str) -> request::Builder {
        let authorization = format!(
            "AWS4-HMAC-SHA256 Credential=AKIA/20260101/us-west-2/{service}/aws4_request, \
             SignedHeaders=host, Signature=00"
        );
        Request::builder().header(AUTHORIZATION, authorization)
    }

    #[test]
    fn service_and_action_are_told_for_each_protocol() {
        let query = call(
            signed_for("ec2").method("POST").uri("/"),
            "Action=DescribeVpcs&Version=1",
        );
        assert_eq!(
            (query.service.as_str(), query.action.as_str()),
            ("ec2", "DescribeVpcs")
        );
        let target = signed_for("ssm")
            .uri("/")
            .header("x-amz-target", "AmazonSSM.GetParameter");
        assert_eq!(call(target, "{}").action, "GetParameter");
        let cluster = call(signed_for("eks").uri("/clusters/lab"), "");
        assert_eq!(
            (cluster.service.as_str(), cluster.action.as_str()),
            ("eks", "DescribeCluster")
        );
        assert_eq!(
            call(signed_for("eks").uri("/updates"), "").action,
            "GET /updates"
        );
    }

    #[test]
    fn what_is_not_signed_is_told_by_its_host() {
        let request = Request::builder()
            .uri("/")
            .header(HOST, "sts.us-west-2.amazonaws.com");
        assert_eq!(call(request, "").service, "sts");
        assert_eq!(call(Request::builder().uri("/"), "").service, "unknown");
    }

    #[test]
    fn a_presigned_call_is_told_by_its_query() {
        let uri = "/?Action=GetCallerIdentity&X-Amz-Credential=ASIA%2F20260101%2Fus-west-2%2Fsts%2Faws4_request";
        let call = call(Request::builder().uri(uri), "");
        assert_eq!(
            (call.service.as_str(), call.action.as_str()),
            ("sts", "GetCallerIdentity")
        );
    }
}
