//! A small client that sets moto up: the network, the roles and the instances of a lab.
//!
//! Speaks the query protocol to moto itself, not through the gateway: it is the hand of the account's owner, whose
//! calls are no part of what suites look at. moto verifies no signature, but tells service and region from one.
//! Every call may be made again; what is there already is found.

use bytes::Bytes;
use http::{HeaderName, Method, Request, StatusCode, header};
use http_body_util::Full;
use serde_json::Value;
use thiserror::Error;

use super::web::{self, Answer, Client, WebError};
use super::{uri, xml};

pub use self::group::{Group, LaunchTemplate};
pub use self::instance::{Instance, InstanceSpec};
pub use self::subnet::Subnet;

mod group;
mod instance;
mod subnet;

/// Why moto did not do as told.
#[derive(Debug, Error)]
pub enum MotoError {
    /// The base URL is no URL.
    #[error("cannot ask `{url}` for `{action}`")]
    Request {
        /// Where moto should be.
        url: String,
        /// The call.
        action: String,
        /// What is wrong.
        #[source]
        source: http::Error,
    },
    /// moto does not answer.
    #[error("moto does not answer `{action}`")]
    Unanswered {
        /// The call.
        action: String,
        /// What happened.
        #[source]
        source: WebError,
    },
    /// moto answers with an error.
    #[error("moto refuses `{action}` with status {status}: {code}: {message}")]
    Refused {
        /// The call.
        action: String,
        /// Of the answer.
        status: StatusCode,
        /// Such as `InvalidSubnetID.NotFound`.
        code: String,
        /// What moto says.
        message: String,
    },
    /// The answer lacks something that is needed.
    #[error("moto's answer to `{action}` has no `{element}`")]
    Incomplete {
        /// The call.
        action: String,
        /// The element looked for.
        element: &'static str,
    },
}

/// The network of a lab in EC2.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Network {
    /// `vpc-…`.
    pub vpc_id: String,
    /// `subnet-…`.
    pub subnet_id: String,
    /// `sg-…`, the VPC's default security group.
    pub security_group_id: String,
}

/// A moto server.
#[derive(Clone, Debug)]
pub struct Moto {
    url: String,
    region: String,
    client: Client,
}

impl Moto {
    /// The server at `url`, such as `http://127.0.0.1:5000`, for things of `region`.
    #[must_use]
    pub fn new(url: &str, region: &str) -> Self {
        Self {
            url: url.trim_end_matches('/').to_owned(),
            region: region.to_owned(),
            client: web::client(),
        }
    }

    /// Where it is, without a slash at the end.
    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    /// The same server, for things of another region.
    #[must_use]
    pub fn in_region(&self, region: &str) -> Self {
        Self {
            region: region.to_owned(),
            ..self.clone()
        }
    }

    /// Whether it answers. It takes some seconds from the start of the program.
    pub async fn is_ready(&self) -> bool {
        self.call("sts", "GetCallerIdentity", &[]).await.is_ok()
    }

    /// The VPC and the subnet with these networks, made if they are not there.
    pub async fn create_network(
        &self,
        vpc_cidr: &str,
        subnet_cidr: &str,
        availability_zone: &str,
    ) -> Result<Network, MotoError> {
        let vpc_id = match self
            .find("DescribeVpcs", &[("cidr", vpc_cidr)], "vpcId")
            .await?
        {
            Some(vpc_id) => vpc_id,
            None => {
                self.create("CreateVpc", &[("CidrBlock", vpc_cidr)], "vpcId")
                    .await?
            }
        };
        let filters = [("vpc-id", vpc_id.as_str()), ("cidr-block", subnet_cidr)];
        let parameters = [
            ("VpcId", vpc_id.as_str()),
            ("CidrBlock", subnet_cidr),
            ("AvailabilityZone", availability_zone),
        ];
        let subnet_id = match self.find("DescribeSubnets", &filters, "subnetId").await? {
            Some(subnet_id) => subnet_id,
            None => self.create("CreateSubnet", &parameters, "subnetId").await?,
        };
        let filters = [("vpc-id", vpc_id.as_str()), ("group-name", "default")];
        let security_group_id = self
            .find("DescribeSecurityGroups", &filters, "groupId")
            .await?
            .ok_or_else(|| incomplete("DescribeSecurityGroups", "groupId"))?;
        Ok(Network {
            vpc_id,
            subnet_id,
            security_group_id,
        })
    }

    /// The role of instances and an instance profile that carries it, made if they are not there.
    pub async fn create_instance_role(&self, role: &str, profile: &str) -> Result<(), MotoError> {
        const TRUST: &str = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow",
            "Principal":{"Service":"ec2.amazonaws.com"},"Action":"sts:AssumeRole"}]}"#;
        let parameters = [("RoleName", role), ("AssumeRolePolicyDocument", TRUST)];
        self.iam_create("CreateRole", &parameters).await?;
        let parameters = [("InstanceProfileName", profile)];
        self.iam_create("CreateInstanceProfile", &parameters)
            .await?;
        if self.instance_profile_role(profile).await?.as_deref() != Some(role) {
            let parameters = [("InstanceProfileName", profile), ("RoleName", role)];
            self.call("iam", "AddRoleToInstanceProfile", &parameters)
                .await?;
        }
        Ok(())
    }

    /// The role that an instance profile carries; `None` when there is no such profile or none in it.
    pub async fn instance_profile_role(&self, profile: &str) -> Result<Option<String>, MotoError> {
        let parameters = [("InstanceProfileName", profile)];
        let answer = match self.call("iam", "GetInstanceProfile", &parameters).await {
            Err(MotoError::Refused { code, .. }) if code == "NoSuchEntity" => return Ok(None),
            answer => answer?,
        };
        let roles = xml::element(&answer, "Roles").unwrap_or_default();
        Ok(xml::text(roles, "RoleName"))
    }

    /// Makes something in IAM; that it is there already is as good.
    async fn iam_create(&self, action: &str, parameters: &[(&str, &str)]) -> Result<(), MotoError> {
        match self.call("iam", action, parameters).await {
            Err(MotoError::Refused { code, .. }) if code == "EntityAlreadyExists" => Ok(()),
            answer => answer.map(drop),
        }
    }

    /// Makes something in EC2 and takes its id from the answer.
    async fn create(
        &self,
        action: &str,
        parameters: &[(&str, &str)],
        element: &'static str,
    ) -> Result<String, MotoError> {
        let answer = self.call("ec2", action, parameters).await?;
        need(&answer, action, element)
    }

    /// The id of the first thing that a describing call of EC2 finds.
    async fn find(
        &self,
        action: &str,
        filters: &[(&str, &str)],
        element: &str,
    ) -> Result<Option<String>, MotoError> {
        let mut parameters = Vec::new();
        for (number, (name, value)) in filters.iter().enumerate() {
            let prefix = format!("Filter.{}", number + 1);
            parameters.push((format!("{prefix}.Name"), (*name).to_owned()));
            parameters.push((format!("{prefix}.Value.1"), (*value).to_owned()));
        }
        let answer = self.send("ec2", action, parameters).await?;
        Ok(xml::text(&answer, element))
    }

    /// A call of a service of the query protocol; the answer is XML.
    pub async fn call(
        &self,
        service: &str,
        action: &str,
        parameters: &[(&str, &str)],
    ) -> Result<String, MotoError> {
        let owned = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
        let parameters = parameters.iter().map(owned).collect();
        self.send(service, action, parameters).await
    }

    pub(crate) async fn send(
        &self,
        service: &str,
        action: &str,
        mut parameters: Vec<(String, String)>,
    ) -> Result<String, MotoError> {
        let version = match service {
            "autoscaling" => "2011-01-01",
            "ec2" => "2016-11-15",
            "iam" => "2010-05-08",
            _ => "2011-06-15",
        };
        parameters.insert(0, ("Action".to_owned(), action.to_owned()));
        parameters.insert(1, ("Version".to_owned(), version.to_owned()));
        let content_type = "application/x-www-form-urlencoded; charset=utf-8";
        let headers = [(header::CONTENT_TYPE, content_type)];
        let answer = self
            .post(service, action, &headers, uri::form(&parameters))
            .await?;
        let text = answer.text();
        if answer.status.is_success() {
            return Ok(text);
        }
        Err(MotoError::Refused {
            action: action.to_owned(),
            status: answer.status,
            code: xml::text(&text, "Code").unwrap_or_else(|| "no code".to_owned()),
            // An exception within moto is a page of HTML.
            message: xml::text(&text, "Message")
                .unwrap_or_else(|| text.chars().take(300).collect()),
        })
    }

    /// A call of a service that speaks JSON; `target` is the value of `X-Amz-Target`.
    pub async fn json(
        &self,
        service: &str,
        target: &str,
        body: &Value,
    ) -> Result<Value, MotoError> {
        let headers = [
            (header::CONTENT_TYPE, "application/x-amz-json-1.1"),
            (HeaderName::from_static("x-amz-target"), target),
        ];
        let answer = self
            .post(service, target, &headers, body.to_string())
            .await?;
        let said: Value = serde_json::from_slice(&answer.body).unwrap_or_default();
        if answer.status.is_success() {
            return Ok(said);
        }
        let text = |names: [&str; 2]| names.iter().find_map(|name| said[*name].as_str());
        Err(MotoError::Refused {
            action: target.to_owned(),
            status: answer.status,
            code: text(["__type", "code"]).unwrap_or("no code").to_owned(),
            message: text(["message", "Message"]).unwrap_or_default().to_owned(),
        })
    }

    /// Forgets everything, as if moto had just been started.
    pub async fn reset(&self) -> Result<(), MotoError> {
        let action = "reset";
        let uri = format!("{}/moto-api/reset", self.url);
        let request = Request::post(&uri).body(Bytes::new().into());
        let answer = self.ask(action, request).await?;
        if answer.status.is_success() {
            return Ok(());
        }
        Err(MotoError::Refused {
            action: action.to_owned(),
            status: answer.status,
            code: "no code".to_owned(),
            message: answer.text(),
        })
    }

    async fn post(
        &self,
        service: &str,
        action: &str,
        headers: &[(HeaderName, &str)],
        body: String,
    ) -> Result<Answer, MotoError> {
        let scope = format!("LAB/20260101/{}/{service}/aws4_request", self.region);
        let mut request = Request::builder()
            .method(Method::POST)
            .uri(format!("{}/", self.url))
            .header(
                header::AUTHORIZATION,
                format!("AWS4-HMAC-SHA256 Credential={scope}, SignedHeaders=host, Signature=0"),
            );
        for (name, value) in headers {
            request = request.header(name, *value);
        }
        self.ask(action, request.body(Bytes::from(body).into()))
            .await
    }

    async fn ask(
        &self,
        action: &str,
        request: Result<Request<Full<Bytes>>, http::Error>,
    ) -> Result<Answer, MotoError> {
        let action = action.to_owned();
        let request = request.map_err(|source| MotoError::Request {
            url: self.url.clone(),
            action: action.clone(),
            source,
        })?;
        web::send(&self.client, request)
            .await
            .map_err(|source| MotoError::Unanswered { action, source })
    }
}

fn need(answer: &str, action: &str, element: &'static str) -> Result<String, MotoError> {
    xml::text(answer, element).ok_or_else(|| incomplete(action, element))
}

fn incomplete(action: &str, element: &'static str) -> MotoError {
    MotoError::Incomplete {
        action: action.to_owned(),
        element,
    }
}
