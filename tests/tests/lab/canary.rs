//! Secrets in every place of user data, environment and proxy settings that can hold one: nobody says any of them, on a
//! node that joins, on one that the cluster refuses, and on one whose user data are broken.

use lab::{
    cloud::{proxy::Proxy, record::MachineRecord},
    cluster::NODE_ROLE,
    file,
    guard::GuardedLab,
    lifecycle::Lab,
    machine::Wanted,
    network, setup, verdict,
};
use node::wire::Outcome;
use std::{net::SocketAddr, thread};
use tokio::{net::TcpListener, sync::oneshot};

use super::{DEADLINE, layout, said};

/// The beginning of all of them.
const SECRET: &str = "canary-b07e55";
const PORT: u16 = 3128;

/// A shell part, the cluster with environments and a proxy, what no schema knows, and settings of the agent's own.
fn user_data(broken: &str) -> Vec<u8> {
    format!(
        "MIME-Version: 1.0\nContent-Type: multipart/mixed; boundary=\"B\"\n\n\
--B\nContent-Type: text/x-shellscript\n\n#!/bin/bash\nexport DATABASE_PASSWORD={SECRET}-shell\n\n\
--B\nContent-Type: application/node.eks.aws\n\n\
apiVersion: node.eks.aws/v1alpha1\nkind: NodeConfig\nspec:\n  cluster:\n    name: ${{CLUSTER_NAME}}\n    \
apiServerEndpoint: ${{API_SERVER_ENDPOINT}}\n    certificateAuthority: ${{CERTIFICATE_AUTHORITY}}\n    \
cidr: ${{SERVICE_CIDR}}\n  instance:\n    environment:\n      default:\n        \
DATABASE_PASSWORD: {SECRET}-default\n        \
HTTPS_PROXY: http://node:{SECRET}-proxy@{gateway}:{PORT}\n        \
NO_PROXY: localhost,127.0.0.1,169.254.169.254,10.88.0.2,10.100.0.0/16,.svc,.cluster.local\n      \
kubelet: {{REGISTRY_TOKEN: {SECRET}-kubelet}}\n      containerd: {{REGISTRY_TOKEN: {SECRET}-containerd}}\n  \
kubelet:\n    noSuchPassword: {SECRET}-unknown-field\n    config: {{registryPassword: {SECRET}-config}}\n{broken}\n\
--B\nContent-Type: application/nodectl.dev\n\n\
apiVersion: nodectl.dev/v1alpha1\nkind: AgentConfig\nspec: {{noSuchToken: {SECRET}-agent}}\n\n--B--\n",
        gateway = network::GATEWAY
    )
    .into_bytes()
}

/// A drop-in beside the user data.
fn team_file() -> (&'static str, String) {
    let content = format!(
        "apiVersion: node.eks.aws/v1alpha1\nkind: NodeConfig\nspec:\n  instance:\n    environment:\n      default: {{TEAM_SECRET: {SECRET}-team}}\n"
    );
    ("etc/eks/nodeadm.d/50-team.yaml", content)
}

fn serve(lab: &Lab, stopped: oneshot::Receiver<()>) {
    let hosts = file::read(&lab.layout.hosts()).unwrap();
    let proxy = Proxy::new("node", &format!("{SECRET}-proxy"), &hosts);
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

#[test]
fn no_secret_of_user_data_environment_or_proxy_is_said_by_anybody() {
    let Some((cache, layout)) = layout("canary") else {
        return;
    };
    setup::all(&cache).unwrap();
    let lab = Lab::up_guarded(&layout).unwrap();
    let (stop, stopped) = oneshot::channel::<()>();
    thread::scope(|scope| {
        scope.spawn(|| serve(&lab, stopped));
        look(&lab);
        stop.send(()).unwrap();
    });
    let left = GuardedLab::down(lab).unwrap();
    assert_eq!(left, Vec::<String>::new(), "left behind");
}

fn look(lab: &Lab) {
    let add = |role: &str, broken: &str| {
        let wanted = Wanted {
            role: role.to_owned(),
            user_data: user_data(broken),
            files: vec![team_file()],
            ..Wanted::default()
        };
        lab.add_machine(&wanted).unwrap()
    };
    let joining = add(NODE_ROLE, "");
    let refused = add("not-mapped", "");
    let broken = add(
        NODE_ROLE,
        &format!("  containerd:\n    config: \"password = [ {SECRET}-toml\""),
    );

    lab.wait_ready(&joining, DEADLINE).unwrap();
    let word = lab.wait_last_word(&joining, DEADLINE).unwrap();
    assert_eq!(word.outcome, Outcome::Joined, "{word:#?}");
    // Both warnings name the field and not its value.
    let warnings = word.warnings.join("\n");
    for field in ["noSuchPassword", "noSuchToken"] {
        assert!(warnings.contains(field), "{field}: {warnings}");
    }
    nothing_is_told(lab, &joining);
    lab.wait_verdict(&refused, "join.unauthorized", DEADLINE)
        .unwrap();
    nothing_is_told(lab, &refused);
    let word = lab.wait_last_word(&broken, DEADLINE).unwrap();
    assert_eq!(verdict::code(&word), Some("bootstrap.bad_user_data"));
    nothing_is_told(lab, &broken);
}

fn nothing_is_told(lab: &Lab, record: &MachineRecord) {
    let mut said = said::by_machine(lab, record);
    said.extend(said::in_cluster(lab, record));
    // Each was really asked.
    for by in [
        "journal",
        "verdict.json",
        "GET /v1/status",
        "GET /metrics",
        "status",
        "config check",
        "config explain",
        "collect",
        "console",
        "Node",
    ] {
        let length = said::text(&said, by).trim().len();
        assert!(length > 3, "{}: {by} says nothing", record.name);
    }
    let told = said::who_tells(&said, SECRET);
    assert!(told.is_empty(), "{}: {told:?}", record.name);
    println!("{}: {} sources say no secret", record.name, said.len());
}
