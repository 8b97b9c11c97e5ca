//! Many agents that start together, each with a metadata service of its own and all with one EC2 that throttles as the
//! real one does. `HERD=1000` makes the herd larger than the few that fit into every run of the tests.

use std::collections::BTreeMap;
use std::process::Stdio;
use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use lab::cloud::record::MachineRecord;
use lab::virtual_root::Image;
use tokio::task::JoinSet;

use super::ec2::{Answer, Bucket, Ec2};
use super::machine::{Machine, fill_in};

/// More than the bucket holds.
const HERD: usize = 90;
/// What EC2 publishes for calls that describe: <https://docs.aws.amazon.com/ec2/latest/devguide/ec2-api-throttling.html>.
const BURST: u32 = 50;
const PER_SECOND: u32 = 10;
/// What an agent gives EC2 for the node's name.
const DEADLINE: Duration = Duration::from_secs(210);

const NODE_CONFIG: &str = "apiVersion: node.eks.aws/v1alpha1
kind: NodeConfig
spec:
  cluster:
    name: ${CLUSTER_NAME}
    apiServerEndpoint: ${API_SERVER_ENDPOINT}
    certificateAuthority: ${CERTIFICATE_AUTHORITY}
    cidr: ${SERVICE_CIDR}
";

/// How a herd has fared.
struct Fared {
    agents: usize,
    calls: usize,
    throttled: usize,
    seconds: Vec<f64>,
}

impl Fared {
    fn print(&self, what: &str) {
        let (median, maximum) = (self.seconds[self.agents / 2], self.seconds[self.agents - 1]);
        println!(
            "{} agents at once, {what}: {} calls to EC2, {} throttled; the config phase took {median:.1} s in the median, {maximum:.1} s at most",
            self.agents, self.calls, self.throttled
        );
    }
}

fn size() -> usize {
    std::env::var("HERD").map_or(HERD, |size| size.parse().unwrap())
}

/// Starts them all; every one must succeed.
async fn start(local_hostname: Option<&str>) -> Fared {
    let ec2 = Ec2::start().await;
    ec2.set_bucket(Bucket::new(BURST, PER_SECOND));
    let mut record = MachineRecord {
        user_data: Some(STANDARD.encode(fill_in(NODE_CONFIG))),
        ..MachineRecord::typical()
    };
    let answer = format!(
        "<DescribeInstancesResponse><reservationSet><item><instancesSet><item><instanceId>{}</instanceId><privateDnsName>{}</privateDnsName></item></instancesSet></item></reservationSet></DescribeInstancesResponse>",
        record.instance_id, record.local_hostname
    );
    let answer = Answer {
        status: 200,
        body: answer,
    };
    ec2.set_answers(BTreeMap::from([("DescribeInstances".to_owned(), answer)]));
    if let Some(name) = local_hostname {
        name.clone_into(&mut record.local_hostname);
    }

    let mut machines = Vec::new();
    for _ in 0..size() {
        machines.push(Machine::of(record.clone(), &Image::default()).await);
    }
    let mut agents = JoinSet::new();
    for machine in machines {
        let mut command = tokio::process::Command::from(machine.config_phase());
        command
            .env("AWS_ENDPOINT_URL", ec2.endpoint())
            .stdout(Stdio::null())
            .stderr(Stdio::piped());
        agents.spawn(async move {
            let began = Instant::now();
            let output = command.output().await.unwrap();
            let error = String::from_utf8_lossy(&output.stderr).into_owned();
            assert!(output.status.success(), "{error}");
            assert!(machine.files().len() > 5, "{error}");
            began.elapsed().as_secs_f64()
        });
    }
    let mut seconds = agents.join_all().await;
    seconds.sort_by(f64::total_cmp);
    Fared {
        agents: seconds.len(),
        calls: ec2.take_calls().len(),
        throttled: ec2.throttled(),
        seconds,
    }
}

#[tokio::test]
async fn a_herd_asks_ec2_nothing_on_a_normal_boot() {
    let fared = start(None).await;
    fared.print("on a normal boot");
    assert_eq!(fared.calls, 0);
}

#[tokio::test]
async fn a_herd_whose_names_only_ec2_knows_gets_them_all_in_time() {
    let fared = start(Some("ip-10-88-0-11.corp.example")).await;
    fared.print("in a VPC with a domain of its own");
    assert_eq!(fared.calls, fared.agents + fared.throttled);
    assert!(fared.throttled > 0);
    assert!(fared.seconds[fared.agents - 1] < DEADLINE.as_secs_f64());
}
