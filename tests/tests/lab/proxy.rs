//! Nodes whose name only EC2 knows: behind a proxy, with a role that may not ask, and while EC2 throttles.

use std::{
    collections::BTreeMap,
    net::{IpAddr, SocketAddr},
    thread,
};

use lab::{
    cloud::{
        gateway::{LoggedRequest, Reason, Refusals, Refused},
        proxy::{Proxy, ProxyRequest},
        record::MachineRecord,
    },
    cluster::{Cluster, NODE_ROLE},
    file,
    guard::GuardedLab,
    lifecycle::Lab,
    machine::Wanted,
    network, setup,
};
use node::wire::{Outcome, Verdict};
use tokio::{net::TcpListener, sync::oneshot};

use super::{DEADLINE, layout};

const PORT: u16 = 3128;
const USER: &str = "node";
/// A canary: it may stand in the user data and in what is made of it, and in nothing that anybody says.
const PASSWORD: &str = "canary-6f2b91d07c";
const DESCRIBE: &str = "ec2:DescribeInstances";

const NODE_CONFIG: &str = "apiVersion: node.eks.aws/v1alpha1
kind: NodeConfig
spec:
  cluster:
    name: ${CLUSTER_NAME}
    apiServerEndpoint: ${API_SERVER_ENDPOINT}
    certificateAuthority: ${CERTIFICATE_AUTHORITY}
    cidr: ${SERVICE_CIDR}
";

/// A machine in a VPC whose DHCP options have a domain of their own.
fn wanted(role: &str, user_data: String) -> Wanted {
    let local_hostname = (
        "local-hostname".to_owned(),
        "ip-10-88-1-1.corp.example".to_owned(),
    );
    Wanted {
        role: role.to_owned(),
        user_data: user_data.into_bytes(),
        metadata: BTreeMap::from([local_hostname]),
        ..Wanted::default()
    }
}

fn behind_the_proxy() -> String {
    format!(
        "{NODE_CONFIG}  instance:
    environment:
      default:
        HTTPS_PROXY: http://{USER}:{PASSWORD}@{}:{PORT}
        NO_PROXY: localhost,127.0.0.1,169.254.169.254,10.100.0.0/16,.svc,.cluster.local
",
        network::GATEWAY
    )
}

fn refused(role: &str, times: Option<u64>, reason: Reason) -> Refused {
    Refused {
        role: role.to_owned(),
        action: DESCRIBE.to_owned(),
        times,
        reason,
    }
}

#[test]
fn a_node_whose_name_only_ec2_knows_asks_for_it() {
    let Some((cache, layout)) = layout("proxy") else {
        return;
    };
    setup::all(&cache).unwrap();
    let lab = Lab::up_guarded(&layout).unwrap();
    let hosts = file::read(&lab.layout.hosts()).unwrap();
    let proxy = Proxy::new(USER, PASSWORD, &hosts);
    let (stop, stopped) = oneshot::channel::<()>();
    thread::scope(|scope| {
        scope.spawn(|| serve(&lab, &proxy, stopped));
        a_node_behind_a_proxy_joins_through_it(&lab, &proxy);
        stop.send(()).unwrap();
    });
    a_role_that_may_not_ask_is_refused_by_name(&lab);
    a_throttled_node_joins_a_little_later(&lab);
    let left = GuardedLab::down(lab).unwrap();
    assert_eq!(left, Vec::<String>::new(), "left behind");
}

fn serve(lab: &Lab, proxy: &Proxy, stopped: oneshot::Receiver<()>) {
    lab.inside(|| async {
        let address = SocketAddr::from((network::GATEWAY, PORT));
        let listener = TcpListener::bind(address).await.unwrap();
        tokio::select! {
            served = proxy.serve(listener) => served.unwrap(),
            _ = stopped => {}
        }
    })
    .unwrap();
}

fn a_node_behind_a_proxy_joins_through_it(lab: &Lab, proxy: &Proxy) {
    // EC2 and the API server listen on 443, the proxy and the metadata service do not.
    let address = network::machine_address(1);
    network::block(
        &lab.layout.network_namespace(),
        address,
        443,
        network::Block::Refused,
    )
    .unwrap();
    let record = lab
        .add_machine(&wanted(NODE_ROLE, behind_the_proxy()))
        .unwrap();
    assert_eq!(record.private_ip, address);
    let node = lab.wait_ready(&record, DEADLINE).unwrap();
    assert_eq!(
        node.metadata.name.as_deref(),
        Some(record.local_hostname.as_str())
    );
    let verdict = lab.wait_last_word(&record, DEADLINE).unwrap();
    assert_eq!(verdict.outcome, Outcome::Joined, "{verdict:#?}");
    println!("behind the proxy: {}", told(&record, &verdict));

    let requests = proxy.requests();
    let ours = |request: &&ProxyRequest| request.from == IpAddr::from(record.private_ip);
    let targets: Vec<_> = requests
        .iter()
        .filter(ours)
        .map(|request| (request.target.as_str(), request.status))
        .collect();
    let ec2 = format!("ec2.{}.amazonaws.com:443", record.region);
    let api_server = format!("{}:443", lab.cluster.endpoint_host.to_lowercase());
    for wanted in [ec2.as_str(), api_server.as_str()] {
        assert!(
            targets
                .iter()
                .any(|(target, status)| target.eq_ignore_ascii_case(wanted) && *status == 200),
            "{wanted}: {targets:?}"
        );
    }
    assert!(
        targets
            .iter()
            .all(|(target, _)| !target.starts_with("169.254")),
        "{targets:?}"
    );
    says_nothing_of_the_password(lab, &record);
}

fn says_nothing_of_the_password(lab: &Lab, record: &MachineRecord) {
    let ask = |program: &[&str]| {
        let output = lab.enter(record).unwrap().args(program).output().unwrap();
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        assert!(
            output.status.success() && !text.is_empty(),
            "{program:?}: {text}"
        );
        text
    };
    let console = file::read_bytes(&record.console).unwrap();
    let said = [
        ask(&["journalctl", "--no-pager", "--output=export", "--all"]),
        ask(&["cat", "/run/nodeagent/verdict.json"]),
        ask(&["cat", "/run/nodeagent/plan.json"]),
        ask(&[
            "curl",
            "-sSf",
            "--unix-socket",
            "/run/nodeagent/agent.sock",
            "http://localhost/v1/status",
        ]),
        String::from_utf8_lossy(&console).into_owned(),
    ];
    for text in &said {
        // The line itself is not shown: this suite's output may be kept.
        let line = text.lines().position(|line| line.contains(PASSWORD));
        assert_eq!(line, None, "the password is said in this line");
    }
    // The one file in which it is kept is root's.
    let mode = ask(&["stat", "--format=%a", "/run/nodeagent/environment.json"]);
    assert_eq!(mode.trim(), "600");
}

fn a_role_that_may_not_ask_is_refused_by_name(lab: &Lab) {
    let role = "may-not-describe";
    let refusals = vec![refused(role, None, Reason::Denied)];
    Refusals {
        refusals,
        ..Refusals::default()
    }
    .write(&lab.layout.run())
    .unwrap();
    let record = lab
        .add_machine(&wanted(role, NODE_CONFIG.to_owned()))
        .unwrap();
    let verdict = lab.wait_last_word(&record, DEADLINE).unwrap();
    assert_eq!(verdict.outcome, Outcome::Failed, "{verdict:#?}");
    println!("denied: {}", told(&record, &verdict));
    let after = verdict.at.duration_since(record.launch_time);
    assert!(after.as_secs() < 15, "{after:?}");
    let cause = verdict.root_cause.unwrap();
    assert_eq!(cause.code, "bootstrap.ec2_forbidden");
    let evidence = cause.evidence.join("\n");
    for named in [DESCRIBE, &Cluster::role_arn(role)] {
        assert!(evidence.contains(named), "{named}: {evidence}");
    }
    assert!(
        cause.fix.contains(&format!("--role-name {role} ")),
        "{}",
        cause.fix
    );
    // Who is denied does not ask again.
    assert_eq!(calls(lab, &record).len(), 1);
}

fn a_throttled_node_joins_a_little_later(lab: &Lab) {
    let refusals = vec![refused(NODE_ROLE, Some(2), Reason::Throttled)];
    Refusals {
        refusals,
        ..Refusals::default()
    }
    .write(&lab.layout.run())
    .unwrap();
    let record = lab
        .add_machine(&wanted(NODE_ROLE, NODE_CONFIG.to_owned()))
        .unwrap();
    lab.wait_ready(&record, DEADLINE).unwrap();
    let verdict = lab.wait_last_word(&record, DEADLINE).unwrap();
    println!("throttled twice: {}", told(&record, &verdict));
    let statuses: Vec<u16> = calls(lab, &record).iter().map(|call| call.status).collect();
    assert_eq!(statuses, [503, 503, 200]);
}

fn told(record: &MachineRecord, verdict: &Verdict) -> String {
    let after = verdict.at.duration_since(record.launch_time);
    format!(
        "{} after {:.1} s",
        verdict.outcome.as_str(),
        after.as_secs_f64()
    )
}

/// What the machine itself asked EC2; the authenticator asks from elsewhere.
fn calls(lab: &Lab, record: &MachineRecord) -> Vec<LoggedRequest> {
    let mut requests = LoggedRequest::read_all(&lab.layout.run()).unwrap();
    requests.retain(|request| {
        request.service == "ec2" && request.peer.ip() == IpAddr::from(record.private_ip)
    });
    requests
}
