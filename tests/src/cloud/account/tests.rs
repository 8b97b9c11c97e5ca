//! The account over real sockets with the real moto behind it. Skipped, with the reason, where moto is not installed.

mod cluster;
mod fault;
mod nodegroup;

use bytes::Bytes;
use http::{Request, StatusCode};
use http_body_util::Full;
use serde_json::{Value, json};

use super::*;
use crate::cloud::test_client::{TestCall, send};
use crate::cloud::web::Answer;
use crate::cloud::xml;

/// What a body of the query protocol is.
const FORM: (&str, &str) = ("content-type", "application/x-www-form-urlencoded");

/// An account with a run directory that goes with it.
struct Suite {
    account: Account,
    _run: tempfile::TempDir,
}

/// An account of the test's own, or why there is none.
async fn suite() -> Option<Suite> {
    let run = tempfile::tempdir().unwrap();
    match Account::start(run.path()).await {
        Ok(account) => Some(Suite { account, _run: run }),
        Err(error @ AccountError::NoMoto { .. }) => {
            println!("skipped: {error}");
            None
        }
        Err(error) => panic!("{}", crate::cloud::chain(&error)),
    }
}

impl Suite {
    fn signed(&self, call: &TestCall<'_>) -> Request<Full<Bytes>> {
        let call = TestCall {
            region: REGION,
            ..call.clone()
        };
        call.signed(self.account.admin())
    }

    fn call<'a>(&self, service: &'a str) -> TestCall<'a> {
        TestCall::to(self.account.address, service)
    }

    async fn eks(&self, method: &str, uri: &str, body: Value) -> (StatusCode, Value) {
        let body = if body.is_null() {
            String::new()
        } else {
            body.to_string()
        };
        let call = TestCall {
            method,
            uri,
            body: &body,
            ..self.call("eks")
        };
        let answer = send(self.account.address, self.signed(&call)).await;
        (answer.status, serde_json::from_slice(&answer.body).unwrap())
    }

    async fn get(&self, uri: &str) -> Value {
        let (status, body) = self.eks("GET", uri, Value::Null).await;
        assert_eq!(status, StatusCode::OK, "{uri}: {body}");
        body
    }

    async fn post(&self, uri: &str, body: Value) -> Value {
        let (status, answer) = self.eks("POST", uri, body).await;
        assert_eq!(status, StatusCode::OK, "{uri}: {answer}");
        answer
    }

    /// The message of a call that is refused.
    async fn refused(&self, method: &str, uri: &str, body: Value) -> String {
        let (status, answer) = self.eks(method, uri, body).await;
        assert!(status.is_client_error(), "{uri}: {answer}");
        answer["message"].as_str().unwrap().to_owned()
    }

    /// A call of the query protocol, as the client sees it.
    async fn query(&self, service: &str, form: &str) -> Answer {
        let call = TestCall {
            method: "POST",
            headers: vec![FORM],
            body: form,
            ..self.call(service)
        };
        send(self.account.address, self.signed(&call)).await
    }

    async fn ec2(&self, form: &str) -> String {
        let answer = self.query("ec2", form).await;
        assert_eq!(answer.status, StatusCode::OK, "{form}: {}", answer.text());
        answer.text()
    }

    async fn wait_status(&self, uri: &str, member: &str, status: &str) -> Value {
        wait::until(status, Duration::from_secs(10), async || {
            let body = self.get(uri).await;
            if body[member]["status"] == status {
                Poll::Ready(body[member].clone())
            } else {
                Poll::Pending(body[member]["status"].to_string())
            }
        })
        .await
        .unwrap()
    }

    async fn wait_gone(&self, uri: &str) {
        wait::until("nothing", Duration::from_secs(10), async || {
            let (status, body) = self.eks("GET", uri, Value::Null).await;
            if status == StatusCode::NOT_FOUND {
                Poll::Ready(())
            } else {
                Poll::Pending(body.to_string())
            }
        })
        .await
        .unwrap();
    }

    /// A role that a service may assume.
    async fn role(&self, name: &str, service: &str) -> String {
        let trust = json!({ "Version": "2012-10-17", "Statement": [{
            "Effect": "Allow",
            "Principal": { "Service": service },
            "Action": ["sts:AssumeRole", "sts:TagSession"],
        }] });
        let trust = trust.to_string();
        let parameters = [
            ("RoleName", name),
            ("AssumeRolePolicyDocument", trust.as_str()),
        ];
        self.account
            .moto()
            .call("iam", "CreateRole", &parameters)
            .await
            .unwrap();
        crate::cluster::Cluster::role_arn(name)
    }

    async fn subnets(&self) -> Vec<String> {
        let vpc = self.ec2("Action=CreateVpc&CidrBlock=10.0.0.0/16").await;
        let vpc = xml::text(&vpc, "vpcId").unwrap();
        let mut subnets = Vec::new();
        for (number, zone) in ["us-east-1a", "us-east-1b"].iter().enumerate() {
            let form = format!(
                "Action=CreateSubnet&VpcId={vpc}&CidrBlock=10.0.{number}.0/24&AvailabilityZone={zone}"
            );
            subnets.push(xml::text(&self.ec2(&form).await, "subnetId").unwrap());
        }
        subnets
    }

    /// Roles are good at once; what a test looks at in between takes long enough to be seen.
    fn impatient(&self) {
        let transitions = Transitions {
            role_assumable: 0.0,
            cluster_create: 2.0,
            cluster_update: 2.0,
            nodegroup_delete: 2.0,
            ..Transitions::default()
        };
        self.account.set_transitions(&transitions).unwrap();
    }

    /// The request for a cluster in a network of its own.
    async fn wanted(&self) -> Value {
        json!({
            "name": "blue",
            "version": "1.34",
            "roleArn": self.role("blue-cluster", "eks.amazonaws.com").await,
            "resourcesVpcConfig": { "subnetIds": self.subnets().await },
            "accessConfig": { "authenticationMode": "API" },
            "logging": { "clusterLogging": [{ "types": ["api"], "enabled": true }] },
            "tags": { "owner": "x" },
            "clientRequestToken": "1",
        })
    }

    async fn cluster(&self) -> Value {
        self.impatient();
        let wanted = self.wanted().await;
        self.post("/clusters", wanted).await;
        self.wait_status("/clusters/blue", "cluster", "ACTIVE")
            .await
    }
}
