//! A request read as a call of an AWS API: of which service, and which action.

use bytes::Bytes;
use http::header::{ACCEPT, AUTHORIZATION, HOST};
use http::{HeaderName, Method, request};

use super::fault::Dialect;
use super::host;
use crate::cloud::uri;
use crate::cluster::REGION;

/// Verbs of calls that leave everything as it is.
const READING: [&str; 9] = [
    "Assume", "BatchGet", "Decode", "Describe", "Get", "Head", "List", "Lookup", "Simulate",
];

/// One call with everything that came with it.
#[derive(Debug)]
pub(super) struct Call {
    /// Such as `ec2`; from the signature, or from the host for what is not signed.
    pub(super) service: String,
    /// Such as `DescribeInstances`; `METHOD /path` where only the API's model would know the name.
    pub(super) action: String,
    /// Such as `us-east-1`, likewise.
    pub(super) region: String,
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
            region: String::new(),
            host,
            head,
            body,
        };
        let unknown = || ("unknown".to_owned(), REGION.to_owned());
        let by_host = || host::scope(&call.host).map(|scope| (scope.service, scope.region));
        (call.service, call.region) = call.signed_for().or_else(by_host).unwrap_or_else(unknown);
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

    /// Whether it makes, changes or takes away something.
    pub(super) fn mutates(&self) -> bool {
        if self.parameter("DryRun").as_deref() == Some("true") {
            return false;
        }
        match self.action.split_once(' ') {
            Some((method, _path)) => !matches!(method, "GET" | "HEAD"),
            None => !READING.iter().any(|verb| self.action.starts_with(verb)),
        }
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
            "s3" => Dialect::S3,
            _ if self.target().is_some() => Dialect::JsonRpc,
            _ => Dialect::RestJson,
        }
    }

    /// Service and region.
    fn signed_for(&self) -> Option<(String, String)> {
        let credential = match header(&self.head, AUTHORIZATION) {
            Some(authorization) => {
                let (_, rest) = authorization.split_once("Credential=")?;
                rest.split(',').next()?.to_owned()
            }
            None => uri::query_value(self.head.uri.query()?, "X-Amz-Credential")?,
        };
        let mut parts = credential.split('/').skip(2);
        let region = parts.next()?.to_owned();
        Some((parts.next()?.to_owned(), region))
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

/// The names of the calls of EKS.
fn eks_action(method: &Method, path: &[String]) -> Option<&'static str> {
    let path: Vec<&str> = path.iter().map(String::as_str).collect();
    let method = method.as_str();
    if let ["clusters", _, kind, rest @ ..] = &path[..] {
        return match (method, *kind, rest) {
            ("POST", "update-config", []) => Some("UpdateClusterConfig"),
            ("POST", "updates", []) => Some("UpdateClusterVersion"),
            ("GET", "updates", []) => Some("ListUpdates"),
            ("GET", "updates", [_]) => Some("DescribeUpdate"),
            ("POST", "encryption-config", ["associate"]) => Some("AssociateEncryptionConfig"),
            ("POST", "node-groups", [_, "update-config"]) => Some("UpdateNodegroupConfig"),
            ("POST", "node-groups", [_, "update-version"]) => Some("UpdateNodegroupVersion"),
            ("POST", "addons", [_, "update"]) => Some("UpdateAddon"),
            ("POST", "access-entries", [_]) => Some("UpdateAccessEntry"),
            ("POST", "pod-identity-associations", [_]) => Some("UpdatePodIdentityAssociation"),
            (_, "access-entries", [_, "access-policies", rest @ ..]) => match (method, rest) {
                ("GET", []) => Some("ListAssociatedAccessPolicies"),
                ("POST", []) => Some("AssociateAccessPolicy"),
                ("DELETE", [_]) => Some("DisassociateAccessPolicy"),
                _ => None,
            },
            (_, kind, rest) => of_kind(method, kind, rest.len()),
        };
    }
    Some(match (method, &path[..]) {
        ("GET", ["clusters"]) => "ListClusters",
        ("POST", ["clusters"]) => "CreateCluster",
        ("GET", ["clusters", _]) => "DescribeCluster",
        ("DELETE", ["clusters", _]) => "DeleteCluster",
        ("GET", ["access-policies"]) => "ListAccessPolicies",
        ("GET", ["addons", "supported-versions"]) => "DescribeAddonVersions",
        ("GET", ["cluster-versions"]) => "DescribeClusterVersions",
        ("GET", ["tags", _]) => "ListTagsForResource",
        ("POST", ["tags", _]) => "TagResource",
        ("DELETE", ["tags", _]) => "UntagResource",
        _ => return None,
    })
}

/// The calls that each kind of thing in a cluster has; `names` is how many parts of the path name one.
fn of_kind(method: &str, kind: &str, names: usize) -> Option<&'static str> {
    let [list, create, describe, delete] = match kind {
        "node-groups" => [
            "ListNodegroups",
            "CreateNodegroup",
            "DescribeNodegroup",
            "DeleteNodegroup",
        ],
        "addons" => ["ListAddons", "CreateAddon", "DescribeAddon", "DeleteAddon"],
        "access-entries" => [
            "ListAccessEntries",
            "CreateAccessEntry",
            "DescribeAccessEntry",
            "DeleteAccessEntry",
        ],
        "pod-identity-associations" => [
            "ListPodIdentityAssociations",
            "CreatePodIdentityAssociation",
            "DescribePodIdentityAssociation",
            "DeletePodIdentityAssociation",
        ],
        _ => return None,
    };
    match (method, names) {
        ("GET", 0) => Some(list),
        ("POST", 0) => Some(create),
        ("GET", 1) => Some(describe),
        ("DELETE", 1) => Some(delete),
        _ => None,
    }
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
        assert_eq!(cluster.region, "us-west-2");
        assert_eq!(
            call(signed_for("eks").uri("/updates"), "").action,
            "GET /updates"
        );
    }

    #[test]
    fn calls_of_eks_are_told_by_their_path() {
        for (method, path, action) in [
            ("POST", "/clusters/a/node-groups", "CreateNodegroup"),
            (
                "POST",
                "/clusters/a/node-groups/b/update-config",
                "UpdateNodegroupConfig",
            ),
            (
                "DELETE",
                "/clusters/a/access-entries/x/access-policies/y",
                "DisassociateAccessPolicy",
            ),
            ("POST", "/clusters/a/access-entries/x", "UpdateAccessEntry"),
            (
                "GET",
                "/clusters/a/updates/1?nodegroupName=b",
                "DescribeUpdate",
            ),
            ("POST", "/clusters/a/updates", "UpdateClusterVersion"),
            ("DELETE", "/tags/arn%3Aaws%3Aeks?tagKeys=a", "UntagResource"),
            (
                "POST",
                "/clusters/a/node-groups/b",
                "POST /clusters/a/node-groups/b",
            ),
        ] {
            let request = signed_for("eks").method(method).uri(path);
            assert_eq!(call(request, "").action, action, "{method} {path}");
        }
    }

    #[test]
    fn a_call_that_changes_something_is_told_by_its_name() {
        let ec2 = |body| call(signed_for("ec2").method("POST").uri("/"), body).mutates();
        assert!(ec2("Action=CreateVpc"));
        assert!(!ec2("Action=DescribeVpcs") && !ec2("Action=RunInstances&DryRun=true"));
        let s3 =
            |method: &str| call(signed_for("s3").method(method).uri("/bucket/key"), "").mutates();
        assert!(s3("PUT") && !s3("GET"));
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
