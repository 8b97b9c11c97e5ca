use std::sync::{Arc, Mutex};

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

use super::*;

const INSTANCE: &str = "i-0a1b2c3d4e5f60718";
const DEADLINE: Duration = Duration::from_secs(30);

/// The answer that EC2 gives, cut down to what surrounds the fields that are read.
fn instances(private_dns_name: &str) -> String {
    format!(
        r#"<?xml version="1.0" encoding="UTF-8"?>
<DescribeInstancesResponse xmlns="http://ec2.amazonaws.com/doc/2016-11-15/">
    <requestId>8f7724cf-496f-496e-8fe3-example</requestId>
    <reservationSet>
        <item>
            <reservationId>r-1234567890abcdef0</reservationId>
            <groupSet/>
            <instancesSet>
                <item>
                    <instanceId>{INSTANCE}</instanceId>
                    <networkInterfaceSet>
                        <item><privateDnsName>ip-10-0-0-99.eu-west-1.compute.internal</privateDnsName></item>
                    </networkInterfaceSet>
                    <privateDnsName>{private_dns_name}</privateDnsName>
                    <tagSet><item><key>Name</key><value>a &lt;b&gt;</value></item></tagSet>
                </item>
            </instancesSet>
        </item>
    </reservationSet>
</DescribeInstancesResponse>"#
    )
}

fn refusal(code: &str, message: &str) -> String {
    format!(
        r#"<?xml version="1.0" encoding="UTF-8"?>
<Response><Errors><Error><Code>{code}</Code><Message>{message}</Message></Error></Errors><RequestID>ea966190-f9aa-478e-9ede-example</RequestID></Response>"#
    )
}

/// What the service does with a request.
#[derive(Clone)]
enum Act {
    Answer(u16, String),
    /// Half of an answer, then the end of the connection.
    Half(String),
    Hang,
    /// Nothing: the connection is closed.
    Close,
}

/// A server that does these things, one after the other, the last one for ever.
struct Service {
    url: String,
    heard: Arc<Mutex<Vec<String>>>,
    serving: JoinHandle<()>,
}

impl Drop for Service {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

impl Service {
    async fn start(acts: Vec<Act>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let heard = Arc::<Mutex<Vec<String>>>::default();
        let log = Arc::clone(&heard);
        let serving = tokio::spawn(async move {
            let mut held = Vec::new();
            for index in 0.. {
                let (mut stream, _) = listener.accept().await.unwrap();
                let request = request(&mut stream).await;
                log.lock().unwrap().push(request);
                match &acts[std::cmp::min(index, acts.len() - 1)] {
                    Act::Answer(status, body) => {
                        answer(&mut stream, *status, body, body.len()).await;
                    }
                    Act::Half(body) => answer(&mut stream, 200, body, body.len() * 2).await,
                    Act::Hang => held.push(stream),
                    Act::Close => {}
                }
            }
        });
        Self {
            url,
            heard,
            serving,
        }
    }

    fn heard(&self) -> Vec<String> {
        self.heard.lock().unwrap().clone()
    }
}

async fn request(stream: &mut TcpStream) -> String {
    let mut text = Vec::new();
    loop {
        let mut buffer = [0; 4096];
        let length = stream.read(&mut buffer).await.unwrap();
        text.extend_from_slice(&buffer[..length]);
        let whole = String::from_utf8_lossy(&text).into_owned();
        if let Some((head, body)) = whole.split_once("\r\n\r\n") {
            let length = head
                .lines()
                .find_map(|line| {
                    line.to_lowercase()
                        .strip_prefix("content-length: ")?
                        .parse()
                        .ok()
                })
                .unwrap_or(0);
            if body.len() >= length {
                return whole;
            }
        }
        assert!(length > 0, "the request broke off");
    }
}

async fn answer(stream: &mut TcpStream, status: u16, body: &str, length: usize) {
    let head = format!(
        "HTTP/1.1 {status} x\r\nContent-Length: {length}\r\nRetry-After: 0\r\nConnection: close\r\n\r\n"
    );
    stream.write_all(head.as_bytes()).await.unwrap();
    stream.write_all(body.as_bytes()).await.unwrap();
}

/// An IMDS with one role and its credentials.
async fn metadata() -> Service {
    let document = serde_json::json!({
        "Code": "Success",
        "AccessKeyId": "ASIAIOSFODNN7EXAMPLE",
        "SecretAccessKey": "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",
        "Token": "session-token",
        "Expiration": "2100-01-01T00:00:00Z",
    });
    let mut acts = vec![Act::Answer(200, "imds-token".to_owned())];
    // For each try the role's name, then its credentials.
    for _ in 0..20 {
        acts.push(Act::Answer(200, "node".to_owned()));
        acts.push(Act::Answer(200, document.to_string()));
    }
    Service::start(acts).await
}

struct World {
    service: Service,
    // Lives as long as the client.
    _metadata: Service,
    ec2: Ec2,
}

async fn world(acts: Vec<Act>) -> World {
    let service = Service::start(acts).await;
    let metadata = metadata().await;
    let environment = Environment {
        ec2_endpoint: Some(service.url.clone()),
        ..Environment::default()
    };
    let imds = Imds::new(Some(&metadata.url), DEADLINE);
    let directory = tempfile::tempdir().unwrap();
    let root = Root::new(directory.path());
    let role = "arn:aws:iam::111122223333:role/node";
    let mut ec2 = Ec2::new(&root, &environment, &imds, "eu-west-1", role).unwrap();
    ec2.patience = Duration::from_millis(300);
    ec2.chance = || 0.0;
    World {
        service,
        _metadata: metadata,
        ec2,
    }
}

#[tokio::test]
async fn a_call_is_a_signed_form_and_its_answer_a_name() {
    let name = "ip-10-0-1-2.eu-west-1.compute.internal";
    let world = world(vec![Act::Answer(200, instances(name))]).await;
    assert_eq!(
        world
            .ec2
            .private_dns_name(INSTANCE, DEADLINE)
            .await
            .unwrap(),
        name
    );
    let heard = world.service.heard();
    let [request] = heard.as_slice() else {
        panic!("{heard:?}");
    };
    assert!(request.starts_with("POST / HTTP/1.1\r\n"), "{request}");
    assert!(
        request.ends_with(&format!(
            "\r\n\r\nAction=DescribeInstances&Version=2016-11-15&InstanceId.1={INSTANCE}"
        )),
        "{request}"
    );
    let request = request.to_lowercase();
    assert!(request.contains("/eu-west-1/ec2/aws4_request, signedheaders=content-type;host;x-amz-date;x-amz-security-token"), "{request}");
    assert!(
        request.contains("\r\nx-amz-security-token: session-token\r\n"),
        "{request}"
    );
}

#[tokio::test]
async fn what_passes_is_waited_for() {
    let name = "ip-10-0-1-2.eu-west-1.compute.internal";
    let world = world(vec![
        Act::Answer(
            503,
            refusal("RequestLimitExceeded", "Request limit exceeded."),
        ),
        Act::Half(instances(name)),
        Act::Hang,
        Act::Close,
        Act::Answer(500, "<html>".to_owned()),
        Act::Answer(200, instances(name)),
    ])
    .await;
    assert_eq!(
        world
            .ec2
            .private_dns_name(INSTANCE, DEADLINE)
            .await
            .unwrap(),
        name
    );
    assert_eq!(world.service.heard().len(), 6);
}

#[test]
fn an_instance_without_a_name_is_one_that_is_not_there_yet() {
    let of = |document: &str| private_dns_name(&Element::parse(document).unwrap(), INSTANCE);
    let missing = |document: &str| match of(document) {
        Err(Failure::NotFoundYet { what }) => what,
        other => panic!("{other:?}"),
    };
    assert_eq!(
        missing(&instances("")),
        "EC2 has no private DNS name for i-0a1b2c3d4e5f60718"
    );
    assert_eq!(
        missing("<DescribeInstancesResponse><reservationSet/></DescribeInstancesResponse>"),
        "EC2 does not know the instance i-0a1b2c3d4e5f60718"
    );
}

#[tokio::test]
async fn a_denial_ends_at_once_and_names_action_and_role() {
    let message = "You are not authorized to perform this operation.";
    let world = world(vec![Act::Answer(
        403,
        refusal("UnauthorizedOperation", message),
    )])
    .await;
    let error = world
        .ec2
        .private_dns_name(INSTANCE, DEADLINE)
        .await
        .unwrap_err();
    assert_eq!(
        Chain(&error).to_string(),
        "the role `arn:aws:iam::111122223333:role/node` may not call ec2:DescribeInstances: You are not authorized to perform this operation."
    );
    assert_eq!(world.service.heard().len(), 1);
}

#[tokio::test]
async fn what_does_not_pass_ends_with_the_deadline_and_says_what_it_was() {
    let world = world(vec![Act::Hang]).await;
    let deadline = Duration::from_secs(1);
    let error = world
        .ec2
        .private_dns_name(INSTANCE, deadline)
        .await
        .unwrap_err();
    let Error::Failed {
        source: Failure::Unreachable { kind, .. },
        ..
    } = &error
    else {
        panic!("{error:?}");
    };
    assert_eq!(*kind, connect::Kind::Timeout);
}

#[tokio::test]
async fn an_answer_without_end_is_not_read_to_its_end() {
    let world = world(vec![Act::Answer(200, "<a>".repeat(MAXIMUM_BYTES))]).await;
    let error = world
        .ec2
        .private_dns_name(INSTANCE, Duration::from_millis(400))
        .await
        .unwrap_err();
    assert!(
        matches!(
            error,
            Error::Failed {
                source: Failure::Unreachable { .. },
                ..
            }
        ),
        "{error:?}"
    );
}

fn types(name: &str) -> String {
    format!(
        r#"<DescribeInstanceTypesResponse xmlns="http://ec2.amazonaws.com/doc/2016-11-15/">
    <instanceTypeSet>
        <item>
            <instanceType>{name}</instanceType>
            <networkInfo>
                <defaultNetworkCardIndex>1</defaultNetworkCardIndex>
                <ipv4AddressesPerInterface>50</ipv4AddressesPerInterface>
                <maximumNetworkInterfaces>60</maximumNetworkInterfaces>
                <networkCards>
                    <item><maximumNetworkInterfaces>45</maximumNetworkInterfaces><networkCardIndex>0</networkCardIndex></item>
                    <item><maximumNetworkInterfaces>15</maximumNetworkInterfaces><networkCardIndex>1</networkCardIndex></item>
                </networkCards>
            </networkInfo>
        </item>
    </instanceTypeSet>
</DescribeInstanceTypesResponse>"#
    )
}

#[tokio::test]
async fn the_interfaces_of_a_type_are_those_of_its_default_card() {
    let world = world(vec![Act::Answer(200, types("z9.huge"))]).await;
    let expected = Limits {
        enis: 15,
        ipv4_per_eni: 50,
    };
    assert_eq!(
        world.ec2.limits("z9.huge", DEADLINE).await.unwrap(),
        expected
    );
    // What was not asked for is no answer.
    let error = world.ec2.limits("z9.small", DEADLINE).await.unwrap_err();
    assert!(
        Chain(&error).to_string().ends_with(
            "AWS refuses the call: EC2 tells no limits of the instance type z9.small (no limits)"
        ),
        "{}",
        Chain(&error)
    );
}
