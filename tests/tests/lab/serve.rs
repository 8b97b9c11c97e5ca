//! The agent asked over the network, in front of a real API server that knows its tokens and its rules: who is answered,
//! who is not, and that nobody is while it cannot be asked. And on loopback, with the token of the boot.

#[path = "serve/client.rs"]
mod client;
#[path = "serve/token.rs"]
mod token;

use std::time::Duration;

use lab::{
    cloud::record::MachineRecord, guard::GuardedLab, lifecycle::Lab, machine::Wanted, network,
    setup,
};
use node::wire::Status;

use super::{
    DEADLINE, layout,
    option::{ask, says},
    user_data,
};
use client::{Trust, get, get_from};
use token::{apply_example, create_account, delete_account, request, signed};

const AGENT: &str = "nodectl.dev/agent";
const SETTINGS: &str = "apiVersion: nodectl.dev/v1alpha1\nkind: AgentConfig\nspec: {serve: {loopback: true, tls: true}}\n";

#[test]
fn an_agent_answers_over_the_network_whom_the_cluster_allows_it_and_nobody_else() {
    let Some((cache, layout)) = layout("serve") else {
        return;
    };
    setup::all(&cache).unwrap();
    let lab = Lab::up_guarded(&layout).unwrap();
    let wanted = Wanted {
        user_data: user_data("eks-managed"),
        files: vec![("etc/nodeagent/config.d/serve.yaml", SETTINGS.to_owned())],
        ..Wanted::default()
    };
    let record = lab.add_machine(&wanted).unwrap();
    lab.wait_ready(&record, DEADLINE).unwrap();
    for file in ["status.yaml", "diagnostics.yaml", "token-request.yaml"] {
        apply_example(&lab, file);
    }
    for name in ["nobody", "deleted"] {
        create_account(&lab, name);
    }

    the_certificate_is_the_nodes(&lab, &record);
    what_is_granted_is_answered(&lab, &record);
    who_is_not_known_is_told_nothing(&lab, &record);
    nobody_is_answered_unasked(&lab, &record);
    loopback_wants_the_token_of_the_boot(&lab, &record);
    a_bundle_is_whole_without_the_daemon_and_without_space(&lab, &record);
    let left = GuardedLab::down(lab).unwrap();
    assert_eq!(left, Vec::<String>::new(), "left behind");
}

/// The listener comes with the certificate, which comes with the approval of the request for it.
fn the_certificate_is_the_nodes(lab: &Lab, record: &MachineRecord) {
    let by_name = Trust {
        authority: "cluster-ca.crt",
        name: &record.local_hostname,
    };
    let began = std::time::Instant::now();
    while let Err(error) = get_from(lab, record, &by_name, "/livez", "") {
        assert!(began.elapsed() < DEADLINE, "no answer by TLS: {error}");
        lab.inside(|| tokio::time::sleep(Duration::from_secs(1)))
            .unwrap();
    }
    let address = record.private_ip.to_string();
    let by_address = Trust {
        name: &address,
        ..by_name
    };
    let (status, body) = get_from(lab, record, &by_address, "/livez", "").unwrap();
    assert_eq!((status, body.as_str()), (401, ""));
    for other in [
        Trust {
            authority: "aws-ca.crt",
            ..by_name
        },
        Trust {
            name: "another-node",
            ..by_name
        },
    ] {
        let error = get_from(lab, record, &other, "/livez", "").unwrap_err();
        println!("{other:?}: {error}");
        assert!(error.contains("certificate"), "{error}");
    }
}

fn what_is_granted_is_answered(lab: &Lab, record: &MachineRecord) {
    let [status, diagnostics] = ["nodeagent-status", "nodeagent-diagnostics"]
        .map(|account| request(lab, account, &[AGENT]));
    let (code, body) = get(lab, record, "/v1/status", &status);
    assert_eq!(code, 200, "{body}");
    let document: Status = serde_json::from_str(&body).unwrap();
    println!(
        "status over TLS: {:?}",
        document.verdict.map(|verdict| verdict.outcome)
    );
    for path in [
        "/livez",
        "/healthz",
        "/metrics",
        "/v1/findings",
        "/v1/boot",
        "/v1/facts",
    ] {
        assert_eq!(get(lab, record, path, &status).0, 200, "{path}");
    }
    for path in ["/v1/logs?unit=kubelet", "/v1/bundle"] {
        let (code, body) = get(lab, record, path, &status);
        println!("{path}: {code} {body}");
        assert_eq!(code, 403, "{path}");
        assert!(body.contains("nodeagent-status"), "{body}");
    }
    let (code, lines) = get(lab, record, "/v1/logs?unit=kubelet", &diagnostics);
    assert!(code == 200 && lines.contains("kubelet"), "{code}: {lines}");
    assert_eq!(get(lab, record, "/v1/bundle", &diagnostics).0, 200);
    let nobody = request(lab, "nobody", &[AGENT]);
    assert_eq!(get(lab, record, "/v1/status", &nobody).0, 403);
}

fn who_is_not_known_is_told_nothing(lab: &Lab, record: &MachineRecord) {
    let good = request(lab, "nodeagent-status", &[AGENT]);
    let deleted = request(lab, "deleted", &[AGENT]);
    delete_account(lab, "deleted");
    let of_aws = says(
        lab,
        record,
        &["nodeagent", "token", "--cluster-name", &lab.cluster.name],
    );
    let of_aws: serde_json::Value = serde_json::from_str(&of_aws).unwrap();
    let of_aws = of_aws["status"]["token"].as_str().unwrap().to_owned();
    let (claims, _) = good.rsplit_once('.').unwrap();
    let forged = format!("{claims}.{}", "A".repeat(86));
    // The same claims count until they have expired.
    let own = signed(lab, "nodeagent-status", AGENT, 600);
    assert_eq!(get(lab, record, "/v1/status", &own).0, 200);
    for (what, token) in [
        ("none", String::new()),
        ("expired", signed(lab, "nodeagent-status", AGENT, -60)),
        ("other audience", request(lab, "nodeagent-status", &["x"])),
        ("the cluster's", request(lab, "nodeagent-diagnostics", &[])),
        (
            "both audiences",
            request(
                lab,
                "nodeagent-diagnostics",
                &[AGENT, "https://kubernetes.default.svc"],
            ),
        ),
        ("of a deleted account", deleted),
        ("forged", forged),
        ("of AWS", of_aws),
    ] {
        let answer = get(lab, record, "/v1/status", &token);
        println!("{what}: {answer:?}");
        assert_eq!(answer, (401, String::new()), "{what}");
    }
    let journal = says(lab, record, &["journalctl", "-u", "nodeagent", "-o", "cat"]);
    let lines: Vec<&str> = journal
        .lines()
        .filter(|line| line.contains("a request over the network is refused"))
        .collect();
    println!("{}", lines.join("\n"));
    assert!(lines.iter().any(|line| line.contains("status=403")));
    assert!(!journal.contains(&good) && !journal.contains("eyJ"));
}

/// The way to the API server is gone; who was allowed long ago is not answered either.
fn nobody_is_answered_unasked(lab: &Lab, record: &MachineRecord) {
    let good = request(lab, "nodeagent-status", &[AGENT]);
    let server = network::API_SERVER.to_string();
    says(lab, record, &["ip", "route", "add", "blackhole", &server]);
    let answer = get(lab, record, "/v1/status", &good);
    println!("without the API server: {answer:?}");
    assert_eq!(answer.0, 503);
    let on_the_socket = ask(lab, record, &["nodeagent", "status"]);
    assert!(!on_the_socket.stdout.is_empty());
    says(lab, record, &["ip", "route", "del", "blackhole", &server]);
}

fn loopback_wants_the_token_of_the_boot(lab: &Lab, record: &MachineRecord) {
    let curl = |path: &str, more: &str| {
        let script = format!(
            "curl -sS -o /tmp/answer -w '%{{http_code}}' {more} http://127.0.0.1:9977{path} && echo && cat /tmp/answer"
        );
        let said = says(lab, record, &["sh", "-c", &script]);
        let (code, body) = said.split_once('\n').unwrap();
        (code.to_owned(), body.to_owned())
    };
    for path in ["/livez", "/v1/status"] {
        for token in ["", "-H 'Authorization: Bearer x'"] {
            let answer = curl(path, token);
            assert_eq!(answer, ("401".to_owned(), String::new()), "{path}");
        }
    }
    let with = r#"-H "Authorization: Bearer $(cat /run/nodeagent/token)""#;
    assert_eq!(curl("/livez", with), ("200".to_owned(), "ok\n".to_owned()));
    assert!(curl("/v1/status", with).1.contains("\"kind\":\"Status\""));
    let file = says(
        lab,
        record,
        &["stat", "-c", "%a %U %G", "/run/nodeagent/token"],
    );
    assert_eq!(file.trim(), "640 root nodeagent");
    // From outside there is nothing.
    let outside = lab.inside(|| async {
        let address = (record.private_ip, node::wire::access::LOOPBACK_PORT);
        tokio::net::TcpStream::connect(address).await.is_err()
    });
    assert!(outside.unwrap());
}

fn a_bundle_is_whole_without_the_daemon_and_without_space(lab: &Lab, record: &MachineRecord) {
    let files = |script: &str| {
        let said = says(lab, record, &["sh", "-c", script]);
        said.lines().map(str::to_owned).collect::<Vec<_>>()
    };
    let asked = files(
        "curl -sS --unix-socket /run/nodeagent/agent.sock http://localhost/v1/bundle | tar -tz",
    );
    let collected =
        files("nodeagent collect -o - 2>/tmp/progress | tar -tz; cat /tmp/progress >&2");
    assert_eq!(asked, collected);
    println!("{}", collected.join(" "));
    for file in [
        "agent/status.json",
        "boot/verdict.json",
        "config/kubeconfig.yaml",
        "config/containerd.toml",
        "journal/kubelet.log",
        "journal/containerd.log",
        "machine/mounts.txt",
        "network/tables.txt",
        "report.json",
    ] {
        assert!(collected.iter().any(|name| name == file), "{file}");
    }
    says(lab, record, &["systemctl", "stop", "nodeagent"]);
    let without = files(
        "cd /tmp && nodeagent collect -o a.tar.gz 2>/tmp/progress && stat -c 'mode %a' a.tar.gz && tar -tzf a.tar.gz",
    );
    let has = |name: &str| without.iter().any(|line| line == name);
    assert!(has("mode 600") && has("journal/kubelet.log") && has("report.json"));
    assert!(!has("agent/status.json"));
    let progress = says(lab, record, &["cat", "/tmp/progress"]);
    println!("{progress}");
    assert!(progress.contains("skipped: the daemon does not answer"));
    let full = "mount -t tmpfs -o size=16k tmpfs /mnt && nodeagent collect -o /mnt/a.tar.gz; echo $? $(ls /mnt)";
    let ended = files(full);
    assert_eq!(ended.last().map(String::as_str), Some("1"), "{ended:?}");
}
