//! `nodectl status NODE` asks the agent of a real node, says which way the answer came, and why a way led nowhere.

use std::{ffi::OsStr, process::Output, time::Instant};

use lab::{
    cloud::record::MachineRecord, control_plane, guard::GuardedLab, image, lifecycle::Lab,
    machine::Wanted, setup,
};
use node::wire::Outcome;
use serde_json::{Value, json};

use super::{DEADLINE, layout, option::says, user_data};

const SERVE: &str = "apiVersion: nodectl.dev/v1alpha1
kind: AgentConfig
spec: {serve: {tls: true}}
";

#[test]
fn an_agent_is_asked_and_the_answer_says_how() {
    let Some((cache, layout)) = layout("ask") else {
        return;
    };
    setup::all(&cache).unwrap();
    let lab = Lab::up_guarded(&layout).unwrap();
    let wanted = Wanted {
        user_data: user_data("eks-managed"),
        files: vec![("etc/nodeagent/config.d/serve.yaml", SERVE.to_owned())],
        ..Wanted::default()
    };
    let record = lab.add_machine(&wanted).unwrap();
    let verdict = lab.wait_last_word(&record, DEADLINE).unwrap();
    assert_eq!(verdict.outcome, Outcome::Joined);

    over_ssm(&lab, &record);
    at_its_own_listener(&lab, &record);
    a_broken_node_says_what_is_wrong(&lab, &record);
    an_ssm_agent_that_is_off_is_told(&lab, &record);
    a_stranger_is_diagnosed_without_a_node(&lab);
    let left = GuardedLab::down(lab).unwrap();
    assert_eq!(left, Vec::<String>::new(), "left behind");
}

fn over_ssm(lab: &Lab, record: &MachineRecord) {
    // The daemon reads what became of the boot a moment after the console has it.
    let page = page_with(lab, record, 0, "\nboot        joined in ");
    assert!(page.contains("\nanswered by ssm (just now)\n"), "{page}");

    diagnoses(lab, record, 0, "ok          agent: ");
    let output = nodectl(lab, &["logs", &record.instance_id, "--since", "10m"]);
    let lines = text(&output.stdout);
    println!(
        "{} lines of the kubelet\n{}",
        lines.lines().count(),
        text(&output.stderr)
    );
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    assert!(lines.contains(" kubelet: "), "{lines}");

    let row = row(lab, &record.instance_id, &[], 0);
    let agent = &row["agent"];
    assert_eq!(
        (&agent["reach"], &agent["document"]["kind"]),
        (&"ssm".into(), &"Status".into()),
        "{agent:#}"
    );
    assert_eq!(
        agent["document"]["verdict"]["identity"]["nodeName"],
        record.local_hostname.as_str()
    );
}

/// Nobody is let in before the account exists and may; the administrator's own token would be, and is not shown.
fn at_its_own_listener(lab: &Lab, record: &MachineRecord) {
    let flags = ["--reach", "forward"];
    let absent = until_refused(lab, record, "the API server answers 404");
    println!("{absent}");
    create_account(lab);
    // The listener opens with the kubelet's serving certificate, some seconds after the Node.
    println!("{}", until_refused(lab, record, "answers 403"));
    create(
        lab,
        "/apis/rbac.authorization.k8s.io/v1/clusterrolebindings",
        &json!({
            "metadata": {"name": "nodectl-agents"},
            "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "nodectl-agents"},
            "subjects": [{"kind": "ServiceAccount", "name": "nodectl", "namespace": "nodectl"}],
        }),
    );
    let row = until_row(lab, &record.instance_id, &flags);
    assert_eq!(
        (&row["agent"]["reach"], &row["agent"]["document"]["kind"]),
        (&"forward".into(), &"Status".into()),
        "{row:#}"
    );
    let logs = nodectl(
        lab,
        &[
            "logs",
            &record.local_hostname,
            "--reach",
            "forward",
            "--unit",
            "containerd",
        ],
    );
    assert_eq!(logs.status.code(), Some(0), "{logs:?}");
    println!("{} bytes of containerd", logs.stdout.len());
    assert!(text(&logs.stdout).contains(" containerd: "), "{logs:?}");
    follows(lab, record);
}

/// Why the listener gave no answer, once it is for this reason.
fn until_refused(lab: &Lab, record: &MachineRecord, words: &str) -> String {
    let began = Instant::now();
    loop {
        let row = row(lab, &record.instance_id, &["--reach", "forward"], 4);
        let error = row["agent"]["failures"][0]["error"].to_string();
        if error.contains(words) {
            return error;
        }
        assert!(began.elapsed() < DEADLINE, "{error}");
    }
}

/// Goes on until somebody ends it.
fn follows(lab: &Lab, record: &MachineRecord) {
    let program = image::program("nodectl").unwrap();
    let mut words = vec![OsStr::new("5"), program.as_os_str()];
    let flags = [
        "logs",
        &record.local_hostname,
        "--follow",
        "--unit",
        "containerd",
    ];
    words.extend(flags.map(OsStr::new));
    let output = lab.output(OsStr::new("timeout"), &words).unwrap();
    assert_eq!(output.status.code(), Some(124), "{output:?}");
    assert!(text(&output.stdout).contains(" containerd: "), "{output:?}");
}

/// The account, and the role that is not bound to it yet.
fn create_account(lab: &Lab) {
    let named = json!({"metadata": {"name": "nodectl"}});
    create(lab, "/api/v1/namespaces", &named);
    create(lab, "/api/v1/namespaces/nodectl/serviceaccounts", &named);
    create(
        lab,
        "/apis/rbac.authorization.k8s.io/v1/clusterroles",
        &json!({
            "metadata": {"name": "nodectl-agents"},
            "rules": [{
                "apiGroups": ["nodectl.dev"],
                "resources": ["nodeagents/status", "nodeagents/logs"],
                "verbs": ["get"],
            }],
        }),
    );
}

/// The row, once the agent has answered: it may remember a refusal for a moment.
fn until_row(lab: &Lab, name: &str, flags: &[&str]) -> Value {
    let began = Instant::now();
    loop {
        let output = nodectl(lab, &[&["status", name, "-o", "json"], flags].concat());
        if output.status.code() == Some(0) {
            let document: Value = serde_json::from_slice(&output.stdout).unwrap();
            return document["items"][0].clone();
        }
        assert!(began.elapsed() < DEADLINE, "{output:?}");
    }
}

/// What the agent says goes before what the API server still says.
fn a_broken_node_says_what_is_wrong(lab: &Lab, record: &MachineRecord) {
    let mask = ["systemctl", "mask", "--runtime", "containerd"];
    says(lab, record, &mask);
    says(lab, record, &["systemctl", "stop", "containerd"]);
    let page = page_with(lab, record, 3, "\nroot cause  fatal ");
    assert!(page.contains("\nanswered by ssm"), "{page}");
    assert!(
        page.contains("\nevidence ") && page.contains("\nfix "),
        "{page}"
    );
    diagnoses(lab, record, 3, "failed      agent: runtime.");
    says(
        lab,
        record,
        &["systemctl", "unmask", "--runtime", "containerd"],
    );
    let start = ["systemctl", "start", "containerd", "kubelet"];
    says(lab, record, &start);
    lab.wait_ready(record, DEADLINE).unwrap();
}

/// Whether the page says that Systems Manager had no answer in time.
fn is_unanswered(page: &str) -> bool {
    let mut lines = page.lines();
    lines.any(|line| line.starts_with("not ssm     ") && line.ends_with(" within 5s"))
}

/// Systems Manager does not know yet that nobody fetches its commands, or that who fetched one is gone: the deadline says so, and
/// the listener answers; when that is gone too, the annotation stands in.
fn an_ssm_agent_that_is_off_is_told(lab: &Lab, record: &MachineRecord) {
    says(lab, record, &["systemctl", "stop", "amazon-ssm-agent"]);
    let status = ["status", &record.local_hostname, "--timeout", "5s"];
    let page = text(&nodectl(lab, &status).stdout);
    println!("{page}");
    assert!(page.contains("\nanswered by forward"), "{page}");
    assert!(is_unanswered(&page), "{page}");

    let flags = ["--reach", "ssm", "--timeout", "5s"];
    let row = row(lab, &record.local_hostname, &flags, 4);
    assert_eq!(row["agent"]["reach"], Value::Null);
    assert_eq!(row["agent"]["failures"][0]["reach"], "ssm");
    assert_eq!(row["name"], record.local_hostname.as_str(), "{row:#}");

    says(lab, record, &["systemctl", "stop", "nodeagent"]);
    let page = text(&nodectl(lab, &status).stdout);
    println!("{page}");
    assert!(page.contains("\nanswered by api"), "{page}");
    assert!(is_unanswered(&page), "{page}");
    assert!(
        page.contains("\nnot forward asking the agent at "),
        "{page}"
    );
}

/// It never becomes a Node, and its agent is asked all the same.
fn a_stranger_is_diagnosed_without_a_node(lab: &Lab) {
    let record = lab
        .add_machine(&Wanted {
            role: "stranger".to_owned(),
            user_data: user_data("eks-managed"),
            ..Wanted::default()
        })
        .unwrap();
    let began = Instant::now();
    let page = loop {
        let output = nodectl(lab, &["diagnose", &record.instance_id]);
        let page = text(&output.stdout);
        if output.status.code() == Some(3) && page.contains("\nroot cause  join.unauthorized: ") {
            break page;
        }
        assert!(began.elapsed() < DEADLINE, "{output:?}");
    };
    println!("{page}after {:.1} s", began.elapsed().as_secs_f64());
    assert!(page.contains("\nanswered by ssm"), "{page}");
    assert!(page.contains("access: no access entry for "), "{page}");
    assert!(
        page.contains("\nfix         aws eks create-access-entry "),
        "{page}"
    );
}

/// `nodectl diagnose` ends so; its ladder has this rung.
fn diagnoses(lab: &Lab, record: &MachineRecord, code: i32, rung: &str) {
    let asked = Instant::now();
    let output = nodectl(lab, &["diagnose", &record.local_hostname]);
    let page = text(&output.stdout);
    println!(
        "{page}after {:.1} s\n{}",
        asked.elapsed().as_secs_f64(),
        text(&output.stderr)
    );
    assert_eq!(output.status.code(), Some(code), "{output:?}");
    assert!(page.contains(rung), "{page}");
}

/// The page of the node, once it has these words and the command ends so.
fn page_with(lab: &Lab, record: &MachineRecord, code: i32, words: &str) -> String {
    let began = Instant::now();
    loop {
        let asked = Instant::now();
        let output = nodectl(lab, &["status", &record.local_hostname]);
        let took = asked.elapsed().as_secs_f64();
        let page = text(&output.stdout);
        if output.status.code() == Some(code) && page.contains(words) {
            println!("{page}after {took:.1} s\n{}", text(&output.stderr));
            return page;
        }
        assert!(began.elapsed() < DEADLINE, "{output:?}");
    }
}

/// Creates an object by its path.
fn create(lab: &Lab, path: &str, object: &Value) {
    lab.inside(|| async move {
        let client = control_plane::client(&lab.layout).await.unwrap();
        let request = http::Request::post(path)
            .header("content-type", "application/json")
            .body(object.to_string().into_bytes())
            .unwrap();
        let _created: Value = client.request(request).await.unwrap();
    })
    .unwrap();
}

/// The one row of `nodectl status NAME -o json`.
fn row(lab: &Lab, name: &str, flags: &[&str], code: i32) -> Value {
    let output = nodectl(lab, &[&["status", name, "-o", "json"], flags].concat());
    assert_eq!(output.status.code(), Some(code), "{output:?}");
    let document: Value = serde_json::from_slice(&output.stdout).unwrap();
    document["items"][0].clone()
}

fn nodectl(lab: &Lab, arguments: &[&str]) -> Output {
    let program = image::program("nodectl").unwrap();
    let arguments: Vec<&OsStr> = arguments.iter().map(OsStr::new).collect();
    lab.output(program.as_os_str(), &arguments).unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}
