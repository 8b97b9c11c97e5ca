//! Everything that a machine, its agent and its Node say to anybody, and whether a secret is in it.

use k8s_openapi::api::core::v1::Event;
use kube::{Api, api::ListParams};
use lab::{cloud::record::MachineRecord, control_plane, lifecycle::Lab};

/// Begins a part of what the script prints.
const MARK: &str = "=== said by ";

/// Asks all that a person or a probe may ask inside the machine. What does not answer is a part without text.
const SCRIPT: &str = r#"
say() { printf '\n=== said by %s\n' "$1"; shift; timeout 5 "$@" 2>&1; }
say journal journalctl --no-pager --output=export --all
say verdict.json cat /run/nodeagent/verdict.json
say plan.json cat /run/nodeagent/plan.json
say /var/log find /var/log -type f -not -path '/var/log/journal/*' -exec cat {} +
for path in /v1/status /v1/findings /v1/boot /v1/facts /metrics /livez?verbose /readyz?verbose /healthz?verbose; do
  say "GET $path" curl -sS --unix-socket /run/nodeagent/agent.sock "http://localhost$path"
done
say status nodeagent status
say 'status -o json' nodeagent status -o json
say 'boot' nodeagent boot
say 'config check' nodeagent config check
say 'config explain' nodeagent config explain
printf '\n=== said by collect\n'; nodeagent collect -o - 2>/dev/null | tar -xzO
"#;

/// What one of them says.
#[derive(Debug)]
pub(crate) struct Said {
    pub(crate) by: String,
    pub(crate) text: String,
}

/// What is said inside the machine, and on its console as EC2 returns it.
pub(crate) fn by_machine(lab: &Lab, record: &MachineRecord) -> Vec<Said> {
    let mut command = lab.enter(record).unwrap();
    let output = command.args(["sh", "-c", SCRIPT]).output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    let mut said: Vec<Said> = text
        .split(&format!("\n{MARK}"))
        .skip(1)
        .map(|part| {
            let (by, text) = part.split_once('\n').unwrap_or((part, ""));
            Said {
                by: by.to_owned(),
                text: text.to_owned(),
            }
        })
        .collect();
    said.push(Said {
        by: "console".to_owned(),
        text: lab.console_output(record).unwrap(),
    });
    said
}

/// What is said in the cluster: the Node with its annotations, and events about it.
pub(crate) fn in_cluster(lab: &Lab, record: &MachineRecord) -> Vec<Said> {
    let node = lab.node(record).unwrap();
    let about = ListParams::default().fields(&format!(
        "involvedObject.kind=Node,involvedObject.name={}",
        record.local_hostname
    ));
    let events = lab
        .inside(|| async {
            let client = control_plane::client(&lab.layout).await.unwrap();
            let events: Api<Event> = Api::all(client);
            events.list(&about).await.unwrap().items
        })
        .unwrap();
    vec![
        Said {
            by: "Node".to_owned(),
            text: serde_json::to_string(&node).unwrap(),
        },
        Said {
            by: "events".to_owned(),
            text: serde_json::to_string(&events).unwrap(),
        },
    ]
}

/// Who says the secret, and in which line. The line itself is not shown: what a suite writes may be kept.
pub(crate) fn who_tells(said: &[Said], secret: &str) -> Vec<String> {
    said.iter()
        .filter_map(|Said { by, text }| {
            let line = text.lines().position(|line| line.contains(secret))?;
            Some(format!("{by}, line {}", line + 1))
        })
        .collect()
}

/// The text of one of them.
pub(crate) fn text<'a>(said: &'a [Said], by: &str) -> &'a str {
    said.iter()
        .find(|said| said.by == by)
        .map_or("", |said| said.text.as_str())
}
