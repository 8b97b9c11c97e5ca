//! The gateway over real sockets, with a stand-in for moto that says what it was asked.

use serde_json::{Value, json};
use tokio::net::TcpListener;

use super::*;
use crate::cloud::access_entry::AccessEntries;
use crate::cloud::cluster::ClusterDescription;
use crate::cloud::credentials::MintedCredential;
use crate::cloud::record::{self, MachineRecord};
use crate::cloud::test_client::{TestCall, send};
use crate::cloud::web::Answer;
use crate::cloud::xml;

/// A gateway of its own with a run directory of its own.
struct Running {
    address: SocketAddr,
    run: tempfile::TempDir,
    credentials: CredentialStore,
    tasks: Vec<tokio::task::JoinHandle<()>>,
}

impl Drop for Running {
    fn drop(&mut self) {
        for task in &self.tasks {
            task.abort();
        }
    }
}

/// Answers with what it was asked, in a status that the gateway never uses itself.
async fn echo(
    request: axum::extract::Request,
) -> (StatusCode, [(&'static str, &'static str); 1], String) {
    let (head, body) = request.into_parts();
    let body = body.collect().await.unwrap().to_bytes();
    let authorization = head.headers["authorization"].to_str().unwrap();
    let host = head.headers["host"].to_str().unwrap();
    let text = format!(
        "{} {} host={host} body={} signed={}",
        head.method,
        head.uri,
        String::from_utf8_lossy(&body),
        authorization.starts_with("AWS4-HMAC-SHA256 Credential="),
    );
    (StatusCode::IM_A_TEAPOT, [("x-moto", "1")], text)
}

fn cluster() -> ClusterDescription {
    ClusterDescription {
        name: "lab".to_owned(),
        arn: "arn:aws:eks:us-west-2:111122223333:cluster/lab".to_owned(),
        version: "1.34".to_owned(),
        endpoint: "https://10.88.0.1:6443".to_owned(),
        role_arn: "arn:aws:iam::111122223333:role/lab-cluster".to_owned(),
        certificate_authority: "TFMwdA==".to_owned(),
        service_ipv4_cidr: "172.20.0.0/16".to_owned(),
        vpc_id: "vpc-1".to_owned(),
        subnet_ids: vec!["subnet-1".to_owned()],
        cluster_security_group_id: "sg-1".to_owned(),
        created_at: Timestamp::UNIX_EPOCH,
        tags: std::collections::BTreeMap::new(),
    }
}

impl Running {
    async fn start() -> Self {
        let moto = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let behind = moto::Moto::new(
            &format!("http://{}", moto.local_addr().unwrap()),
            "us-west-2",
        );
        let moto = tokio::spawn(async move {
            axum::serve(moto, axum::Router::new().fallback(echo))
                .await
                .unwrap();
        });
        let run = tempfile::tempdir().unwrap();
        let credentials = CredentialStore::new(run.path(), "111122223333");
        let access_entries =
            AccessEntries::open(run.path(), &run.path().join("mapping.json")).unwrap();
        let gateway = Gateway::new(
            run.path().to_owned(),
            credentials.clone(),
            Some(OwnCluster {
                description: cluster(),
                access_entries,
                exists: true,
            }),
            &behind,
        );
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let gateway = Arc::new(gateway).serve(listener);
        let gateway = tokio::spawn(async move { match gateway.await {} });
        Self {
            address,
            run,
            credentials,
            tasks: vec![moto, gateway],
        }
    }

    fn node(&self) -> MintedCredential {
        let six_hours = std::time::Duration::from_hours(6);
        self.credentials
            .mint_role_session("lab-node", "i-0a1b2c3d4e5f60718", six_hours)
            .unwrap()
    }

    fn call<'a>(&self, service: &'a str) -> TestCall<'a> {
        TestCall::to(self.address, service)
    }

    async fn caller_identity(&self, accept: &'static str) -> Answer {
        let call = TestCall {
            method: "POST",
            headers: vec![("accept", accept)],
            body: "Action=GetCallerIdentity&Version=2011-06-15",
            ..self.call("sts")
        };
        send(self.address, call.signed(&self.node())).await
    }

    async fn eks(&self, method: &str, uri: &str, body: &str) -> (StatusCode, Value) {
        let call = TestCall {
            method,
            uri,
            body,
            ..self.call("eks")
        };
        let answer = send(self.address, call.signed(&self.node())).await;
        (answer.status, serde_json::from_slice(&answer.body).unwrap())
    }

    async fn console_output(&self, instance_id: &str) -> Answer {
        let body = format!("Action=GetConsoleOutput&Version=2016-11-15&InstanceId={instance_id}");
        let call = TestCall {
            method: "POST",
            body: &body,
            ..self.call("ec2")
        };
        send(self.address, call.signed(&self.node())).await
    }
}

#[tokio::test]
async fn a_node_learns_who_it_is_in_xml_or_json() {
    let gateway = Running::start().await;
    let arn = "arn:aws:sts::111122223333:assumed-role/lab-node/i-0a1b2c3d4e5f60718";

    let answer = gateway.caller_identity("*/*").await;
    assert_eq!(answer.status, StatusCode::OK);
    assert_eq!(answer.headers["content-type"], "text/xml");
    assert_eq!(xml::text(&answer.text(), "Arn").as_deref(), Some(arn));

    let answer = gateway.caller_identity("application/json").await;
    let body: Value = serde_json::from_slice(&answer.body).unwrap();
    let result = &body["GetCallerIdentityResponse"]["GetCallerIdentityResult"];
    assert_eq!(result["Arn"], arn);
    assert_eq!(result["Account"], "111122223333");
    let user_id = result["UserId"].as_str().unwrap();
    assert!(
        user_id.starts_with("AROA") && user_id.ends_with(":i-0a1b2c3d4e5f60718"),
        "{user_id}"
    );
}

#[tokio::test]
async fn an_assumed_role_is_an_identity_of_its_own() {
    let gateway = Running::start().await;
    let user = gateway.credentials.mint_user("operator").unwrap();
    let assume = |body| {
        TestCall {
            method: "POST",
            body,
            ..gateway.call("sts")
        }
        .signed(&user)
    };
    let body =
        "Action=AssumeRole&RoleSessionName=me&RoleArn=arn:aws:iam::111122223333:role/a/admin";
    let answer = send(gateway.address, assume(body)).await.text();
    let access_key_id = xml::text(&answer, "AccessKeyId").unwrap();
    let session = gateway.credentials.lookup(&access_key_id).unwrap().unwrap();
    assert_eq!(xml::text(&answer, "SessionToken"), session.session_token);
    assert_eq!(
        session.identity.arn,
        "arn:aws:sts::111122223333:assumed-role/admin/me"
    );

    let call = TestCall {
        uri: "/?Action=GetCallerIdentity",
        ..gateway.call("sts")
    };
    let answer = send(gateway.address, call.signed(&session)).await.text();
    assert_eq!(xml::text(&answer, "Arn"), Some(session.identity.arn));

    let answer = send(
        gateway.address,
        assume("Action=AssumeRole&RoleSessionName=me"),
    )
    .await;
    assert_eq!(answer.status, StatusCode::BAD_REQUEST);
    assert_eq!(
        xml::text(&answer.text(), "Code").as_deref(),
        Some("ValidationError")
    );
}

#[tokio::test]
async fn a_presigned_token_is_good_for_its_cluster_only() {
    let gateway = Running::start().await;
    let call = TestCall {
        uri: "/?Action=GetCallerIdentity&Version=2011-06-15",
        host: "sts.us-west-2.amazonaws.com".to_owned(),
        headers: vec![("x-k8s-aws-id", "lab"), ("accept", "application/json")],
        ..gateway.call("sts")
    };
    let token = call.presigned(&gateway.node());
    let mut elsewhere = token.clone();
    elsewhere
        .headers_mut()
        .insert("x-k8s-aws-id", "other".parse().unwrap());
    assert_eq!(send(gateway.address, token).await.status, StatusCode::OK);

    let answer = send(gateway.address, elsewhere).await;
    assert_eq!(answer.status, StatusCode::FORBIDDEN);
    let body: Value = serde_json::from_slice(&answer.body).unwrap();
    assert_eq!(body["Error"]["Code"], "SignatureDoesNotMatch");
}

#[tokio::test]
async fn strangers_are_refused_in_the_words_of_the_service() {
    let gateway = Running::start().await;
    let elsewhere = tempfile::tempdir().unwrap();
    let stranger = CredentialStore::new(elsewhere.path(), "1")
        .mint_user("stranger")
        .unwrap();

    let sts = TestCall {
        uri: "/?Action=GetCallerIdentity",
        ..gateway.call("sts")
    };
    let answer = send(gateway.address, sts.signed(&stranger)).await;
    assert_eq!(answer.status, StatusCode::FORBIDDEN);
    assert_eq!(
        xml::text(&answer.text(), "Code").as_deref(),
        Some("InvalidClientTokenId")
    );

    let ec2 = TestCall {
        uri: "/?Action=DescribeVpcs",
        ..gateway.call("ec2")
    };
    let answer = send(gateway.address, ec2.signed(&stranger)).await;
    assert_eq!(answer.status, StatusCode::UNAUTHORIZED);
    assert_eq!(
        xml::text(&answer.text(), "Code").as_deref(),
        Some("AuthFailure")
    );

    let eks = TestCall {
        uri: "/clusters",
        ..gateway.call("eks")
    };
    let answer = send(gateway.address, eks.signed(&stranger)).await;
    assert_eq!(
        answer.headers["x-amzn-errortype"],
        "UnrecognizedClientException"
    );

    let host = "eks.us-west-2.amazonaws.com".to_owned();
    let unsigned = TestCall {
        uri: "/clusters",
        host,
        ..gateway.call("eks")
    };
    let answer = send(gateway.address, unsigned.unsigned()).await;
    assert_eq!(answer.status, StatusCode::FORBIDDEN);
    assert_eq!(
        answer.headers["x-amzn-errortype"],
        "MissingAuthenticationTokenException"
    );
}

#[tokio::test]
async fn a_session_that_has_ended_is_refused() {
    let gateway = Running::start().await;
    let ended = gateway
        .credentials
        .mint_role_session("lab-node", "i-0a1b2c3d4e5f60718", std::time::Duration::ZERO)
        .unwrap();
    let call = TestCall {
        uri: "/?Action=GetCallerIdentity",
        ..gateway.call("sts")
    };
    let answer = send(gateway.address, call.signed(&ended)).await;
    assert_eq!(answer.status, StatusCode::FORBIDDEN);
    assert_eq!(
        xml::text(&answer.text(), "Code").as_deref(),
        Some("ExpiredToken")
    );
    let call = TestCall {
        uri: "/clusters/lab",
        ..gateway.call("eks")
    };
    let answer = send(gateway.address, call.signed(&ended)).await;
    assert_eq!(answer.headers["x-amzn-errortype"], "ExpiredTokenException");
}

#[tokio::test]
async fn a_host_of_aws_wants_its_own_region() {
    let gateway = Running::start().await;
    let call = TestCall {
        uri: "/?Action=GetCallerIdentity",
        host: "sts.eu-west-1.amazonaws.com".to_owned(),
        ..gateway.call("sts")
    };
    let answer = send(gateway.address, call.signed(&gateway.node())).await;
    assert_eq!(
        xml::text(&answer.text(), "Code").as_deref(),
        Some("SignatureDoesNotMatch")
    );
    let call = TestCall {
        region: "eu-west-1",
        ..call
    };
    let answer = send(gateway.address, call.signed(&gateway.node())).await;
    assert_eq!(answer.status, StatusCode::OK);
}

#[tokio::test]
async fn the_cluster_is_described_and_others_are_not_found() {
    let gateway = Running::start().await;
    let (status, body) = gateway.eks("GET", "/clusters", "").await;
    assert_eq!(
        (status, body),
        (
            StatusCode::OK,
            json!({ "clusters": ["lab"], "nextToken": null })
        )
    );

    let (status, body) = gateway.eks("GET", "/clusters/lab", "").await;
    assert_eq!(status, StatusCode::OK);
    let cluster = &body["cluster"];
    assert_eq!(cluster["endpoint"], "https://10.88.0.1:6443");
    assert_eq!(cluster["status"], "ACTIVE");
    assert_eq!(cluster["certificateAuthority"]["data"], "TFMwdA==");
    assert_eq!(
        cluster["kubernetesNetworkConfig"]["serviceIpv4Cidr"],
        "172.20.0.0/16"
    );
    assert_eq!(cluster["kubernetesNetworkConfig"]["ipFamily"], "ipv4");

    let (status, body) = gateway.eks("GET", "/clusters/other", "").await;
    assert_eq!(status, StatusCode::NOT_FOUND);
    assert_eq!(body["message"], "No cluster found for name: other.");
    assert_eq!(body["nodegroupName"], Value::Null);
}

#[tokio::test]
async fn access_entries_are_made_shown_and_taken_away() {
    let gateway = Running::start().await;
    let mapped_roles = || -> Value {
        let text = std::fs::read(gateway.run.path().join("mapping.json")).unwrap();
        serde_json::from_slice::<Value>(&text).unwrap()["mapRoles"].take()
    };
    let entries = "/clusters/lab/access-entries";
    let arn = "arn:aws:iam::111122223333:role/lab-node";
    let entry = format!("{entries}/arn%3Aaws%3Aiam%3A%3A111122223333%3Arole%2Flab-node");

    assert_eq!(
        gateway.eks("GET", &entry, "").await.0,
        StatusCode::NOT_FOUND
    );
    let body = json!({ "principalArn": arn, "type": "EC2_LINUX", "clientRequestToken": "1" });
    let (status, made) = gateway.eks("POST", entries, &body.to_string()).await;
    assert_eq!(status, StatusCode::OK);
    assert_eq!(
        made["accessEntry"]["username"],
        "system:node:{{EC2PrivateDNSName}}"
    );
    let entry_arn = made["accessEntry"]["accessEntryArn"].as_str().unwrap();
    let prefix = "arn:aws:eks:us-west-2:111122223333:access-entry/lab/role/111122223333/lab-node/";
    assert!(entry_arn.starts_with(prefix), "{entry_arn}");
    assert_eq!(mapped_roles()[0]["rolearn"], arn);

    assert_eq!(gateway.eks("GET", &entry, "").await.1, made);
    assert_eq!(
        gateway.eks("GET", entries, "").await.1["accessEntries"],
        json!([arn])
    );
    // The same request again is the same entry; another one for the same principal is refused.
    let (status, again) = gateway.eks("POST", entries, &body.to_string()).await;
    assert_eq!((status, again), (StatusCode::OK, made));
    let body = json!({ "principalArn": arn, "type": "EC2_LINUX", "clientRequestToken": "2" });
    let (status, _) = gateway.eks("POST", entries, &body.to_string()).await;
    assert_eq!(status, StatusCode::CONFLICT);
    assert_eq!(
        gateway.eks("POST", entries, "[]").await.0,
        StatusCode::BAD_REQUEST
    );

    assert_eq!(
        gateway.eks("DELETE", &entry, "").await,
        (StatusCode::OK, json!({}))
    );
    assert_eq!(
        gateway.eks("DELETE", &entry, "").await.0,
        StatusCode::NOT_FOUND
    );
    assert_eq!(mapped_roles(), json!([]));
}

#[tokio::test]
async fn the_console_is_that_of_the_machine() {
    let gateway = Running::start().await;
    let console = gateway.run.path().join("console");
    let machine = MachineRecord {
        console: console.clone(),
        ..MachineRecord::typical()
    };
    record::write(gateway.run.path(), &machine).unwrap();

    let empty = gateway.console_output(&machine.instance_id).await;
    assert_eq!(empty.status, StatusCode::OK);
    assert_eq!(xml::text(&empty.text(), "output"), None);

    std::fs::write(&console, "NODEAGENT|v1|boot|1/1\n").unwrap();
    let answer = gateway.console_output(&machine.instance_id).await.text();
    assert_eq!(
        xml::text(&answer, "instanceId").as_deref(),
        Some("i-0a1b2c3d4e5f60718")
    );
    assert_eq!(
        xml::text(&answer, "output").as_deref(),
        Some("Tk9ERUFHRU5UfHYxfGJvb3R8MS8xCg==")
    );

    for (instance_id, code) in [
        ("i-0ffffffffffffffff", "InvalidInstanceID.NotFound"),
        ("worker-1", "InvalidInstanceID.Malformed"),
    ] {
        let answer = gateway.console_output(instance_id).await;
        assert_eq!(answer.status, StatusCode::BAD_REQUEST);
        assert_eq!(xml::text(&answer.text(), "Code").as_deref(), Some(code));
    }
}

#[tokio::test]
async fn everything_else_reaches_moto_unchanged() {
    let gateway = Running::start().await;
    let call = TestCall {
        method: "POST",
        uri: "/?a=%2F",
        host: "ec2.us-west-2.amazonaws.com".to_owned(),
        body: "Action=DescribeVpcs",
        ..gateway.call("ec2")
    };
    let answer = send(gateway.address, call.signed(&gateway.node())).await;
    assert_eq!(answer.status, StatusCode::IM_A_TEAPOT);
    assert_eq!(answer.headers["x-moto"], "1");
    assert_eq!(
        answer.text(),
        "POST /?a=%2F host=ec2.us-west-2.amazonaws.com body=Action=DescribeVpcs signed=true"
    );
}

#[tokio::test]
async fn without_moto_the_service_is_unavailable() {
    let gateway = Running::start().await;
    gateway.tasks[0].abort();
    while !gateway.tasks[0].is_finished() {
        tokio::task::yield_now().await;
    }
    let call = TestCall {
        uri: "/?Action=DescribeVpcs",
        ..gateway.call("ec2")
    };
    let answer = send(gateway.address, call.signed(&gateway.node())).await;
    assert_eq!(answer.status, StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(
        xml::text(&answer.text(), "Code").as_deref(),
        Some("ServiceUnavailable")
    );
}

#[tokio::test]
async fn each_call_is_logged_with_its_caller_and_no_secret() {
    let gateway = Running::start().await;
    let node = gateway.node();
    let call = TestCall {
        uri: "/?Action=GetCallerIdentity",
        ..gateway.call("sts")
    };
    send(gateway.address, call.presigned(&node)).await;
    send(gateway.address, call.unsigned()).await;
    let logged = LoggedRequest::read_all(gateway.run.path()).unwrap();
    let summary: Vec<_> = logged
        .iter()
        .map(|call| {
            (
                call.action.as_str(),
                call.caller.as_deref(),
                call.status,
                call.error.as_deref(),
            )
        })
        .collect();
    assert_eq!(
        summary,
        [
            (
                "GetCallerIdentity",
                Some(node.identity.arn.as_str()),
                200,
                None
            ),
            (
                "GetCallerIdentity",
                None,
                403,
                Some("MissingAuthenticationTokenException")
            ),
        ]
    );
    let path = gateway.run.path().join("log/gateway-requests.jsonl");
    let text = std::fs::read_to_string(path).unwrap();
    assert!(!text.contains(&node.session_token.unwrap()) && !text.contains("Signature"));
}

#[tokio::test]
async fn systems_manager_knows_the_instances_that_have_reported() {
    let gateway = Running::start().await;
    let ssm = async |action: &str, body: Value| {
        let target = format!("AmazonSSM.{action}");
        let body = body.to_string();
        let call = TestCall {
            method: "POST",
            headers: vec![("x-amz-target", target.as_str())],
            body: &body,
            ..gateway.call("ssm")
        };
        send(gateway.address, call.signed(&gateway.node())).await
    };
    let id = "i-0a1b2c3d4e5f60718";
    let report = json!({ "InstanceId": id, "AgentVersion": "3.3.1.0", "AgentStatus": "Active" });
    let answer = ssm("UpdateInstanceInformation", report.clone()).await;
    assert_eq!(
        (answer.status, answer.text()),
        (StatusCode::OK, "{}".to_owned())
    );
    let nobody = json!({ "InstanceId": "i-none" });
    let answer = ssm("UpdateInstanceInformation", nobody).await;
    assert_eq!(answer.status, StatusCode::BAD_REQUEST);

    let listed = async |request: Value| {
        let answer = ssm("DescribeInstanceInformation", request).await;
        let body: Value = serde_json::from_slice(&answer.body).unwrap();
        body["InstanceInformationList"].as_array().unwrap().clone()
    };
    let all = listed(json!({})).await;
    assert_eq!(
        (all.len(), &all[0]["InstanceId"], &all[0]["PingStatus"]),
        (1, &json!(id), &json!("Online"))
    );
    let other = json!({ "Filters": [{ "Key": "InstanceIds", "Values": ["i-00000000"] }] });
    assert_eq!(listed(other).await, Vec::<Value>::new());
    // The rest of the service is moto's.
    assert_eq!(
        ssm("GetParameter", json!({})).await.status,
        StatusCode::IM_A_TEAPOT
    );

    Refusals {
        refusals: vec![Refused {
            role: "lab-node".to_owned(),
            action: "ssm:UpdateInstanceInformation".to_owned(),
            times: None,
            reason: Reason::Denied,
        }],
        ..Refusals::default()
    }
    .write(gateway.run.path())
    .unwrap();
    let answer = ssm("UpdateInstanceInformation", report).await;
    let body: Value = serde_json::from_slice(&answer.body).unwrap();
    assert_eq!(
        (answer.status, &body["__type"]),
        (StatusCode::BAD_REQUEST, &json!("AccessDeniedException"))
    );
    let message = body["message"].as_str().unwrap();
    assert!(
        message.contains("is not authorized to perform: ssm:UpdateInstanceInformation on resource: arn:aws:ec2:us-east-1:111122223333:instance/i-0a1b2c3d4e5f60718"),
        "{message}"
    );
}

#[tokio::test]
async fn a_signal_is_written_down_and_a_hook_is_completed_once() {
    let gateway = Running::start().await;
    let ask = async |service: &str, body: &str| {
        let call = TestCall {
            method: "POST",
            body,
            ..gateway.call(service)
        };
        send(gateway.address, call.signed(&gateway.node())).await
    };
    let hook = "Action=CompleteLifecycleAction&Version=2011-01-01&AutoScalingGroupName=g&InstanceId=i-1&LifecycleHookName=h&LifecycleActionResult=";
    let abandon = format!("{hook}ABANDON");
    assert_eq!(ask("autoscaling", &abandon).await.status, StatusCode::OK);
    for body in [abandon, format!("{hook}MAYBE")] {
        let answer = ask("autoscaling", &body).await;
        assert_eq!(
            xml::text(&answer.text(), "Code").as_deref(),
            Some("ValidationError")
        );
    }
    let stack = "Action=SignalResource&Version=2010-05-15&StackName=s&LogicalResourceId=r&UniqueId=i-1&Status=SUCCESS";
    assert_eq!(ask("cloudformation", stack).await.status, StatusCode::OK);
    let results: Vec<_> = Signal::read_all(gateway.run.path())
        .unwrap()
        .into_iter()
        .map(|signal| (signal.of, signal.result))
        .collect();
    let of = |one: &str, two: &str| [one.to_owned(), two.to_owned()];
    assert_eq!(
        results,
        [
            (of("g", "h"), "ABANDON".to_owned()),
            (of("s", "r"), "SUCCESS".to_owned())
        ]
    );
}
