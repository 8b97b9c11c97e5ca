//! User data of three producers, a role that the cluster does not know, user data that nobody can read: who joins, and
//! what the others say of why they cannot.

use std::ffi::OsStr;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use k8s_openapi::api::core::v1::Node;
use lab::{
    cloud::{gateway::LoggedRequest, record::MachineRecord},
    cluster::{self, NODE_ROLE},
    file,
    guard::GuardedLab,
    image,
    lifecycle::Lab,
    machine::Wanted,
    setup,
};
use node::wire::{Outcome, SsmState, Status};
use serde_json::Value;

use super::{DEADLINE, layout, user_data};

struct Case {
    producer: &'static str,
    instance_type: &'static str,
    /// From the tables of Amazon: interfaces × (addresses − 1) + 2.
    pods: &'static str,
    labels: &'static [(&'static str, &'static str)],
}

const PRODUCERS: [Case; 3] = [
    Case {
        producer: "eks-managed",
        instance_type: "m5.large",
        pods: "29",
        labels: &[
            ("eks.amazonaws.com/nodegroup", "general"),
            ("eks.amazonaws.com/capacityType", "ON_DEMAND"),
        ],
    },
    Case {
        producer: "eksctl",
        instance_type: "t3.small",
        pods: "11",
        labels: &[("alpha.eksctl.io/nodegroup-name", "ng-1")],
    },
    Case {
        producer: "terraform-aws-eks",
        instance_type: "t3.small",
        pods: "11",
        labels: &[("team", "data"), ("node.kubernetes.io/lifecycle", "normal")],
    },
];

/// A machine that cannot join, and what it says of that.
struct Refused {
    code: &'static str,
    role: &'static str,
    user_data: String,
    /// Whether the boot is given so little time that its last word is heard here.
    is_hurried: bool,
}

const HEAD: &str = "apiVersion: node.eks.aws/v1alpha1\nkind: NodeConfig\nspec:\n";
const CLUSTER: &str = "  cluster:\n    name: ${CLUSTER_NAME}\n    apiServerEndpoint: ${API_SERVER_ENDPOINT}\n    cidr: ${SERVICE_CIDR}\n";
const CA: &str = "    certificateAuthority: ${CERTIFICATE_AUTHORITY}\n";
/// What the agent's own setting makes of ten minutes.
const HURRY: &str =
    "apiVersion: nodectl.dev/v1alpha1\nkind: AgentConfig\nspec: {deadlines: {registered: 20s}}\n";

fn hurried(node_config: &str) -> String {
    format!(
        "MIME-Version: 1.0\nContent-Type: multipart/mixed; boundary=\"B\"\n\n\
         --B\nContent-Type: application/node.eks.aws\n\n{node_config}\n\
         --B\nContent-Type: application/nodectl.dev\n\n{HURRY}\n--B--\n"
    )
}

fn refused(lab: &Lab) -> [Refused; 5] {
    // A certificate that is one, of somebody else.
    let foreign = file::read_bytes(&lab.layout.pki("aws-ca.crt")).unwrap();
    let foreign = format!("    certificateAuthority: {}\n", STANDARD.encode(foreign));
    [
        Refused {
            code: "join.unauthorized",
            role: "not-mapped",
            user_data: String::from_utf8(user_data("eks-managed")).unwrap(),
            is_hurried: false,
        },
        Refused {
            code: "bootstrap.bad_user_data",
            role: NODE_ROLE,
            user_data: format!("{HEAD}  cluster: ["),
            is_hurried: true,
        },
        Refused {
            code: "bootstrap.incomplete_config",
            role: NODE_ROLE,
            user_data: format!("{HEAD}  cluster: {{name: ${{CLUSTER_NAME}}}}\n"),
            is_hurried: true,
        },
        Refused {
            code: "network.ca_mismatch",
            role: NODE_ROLE,
            user_data: hurried(&[HEAD, CLUSTER, &foreign].concat()),
            is_hurried: true,
        },
        Refused {
            code: "kubelet.unknown_flag",
            role: NODE_ROLE,
            user_data: hurried(
                &[HEAD, CLUSTER, CA, "  kubelet: {flags: [--no-such-flag]}\n"].concat(),
            ),
            is_hurried: true,
        },
    ]
}

#[test]
fn nodes_of_three_producers_join_and_the_others_say_why_they_cannot() {
    let Some((cache, layout)) = layout("suite") else {
        return;
    };
    setup::all(&cache).unwrap();
    let lab = Lab::up_guarded(&layout).unwrap();

    let members = PRODUCERS.map(|case| {
        let wanted = Wanted {
            instance_type: case.instance_type.to_owned(),
            user_data: user_data(case.producer),
            ..Wanted::default()
        };
        (lab.add_machine(&wanted).unwrap(), case)
    });
    let refused = refused(&lab).map(|case| {
        let wanted = Wanted {
            role: case.role.to_owned(),
            user_data: case.user_data.clone().into_bytes(),
            ..Wanted::default()
        };
        (lab.add_machine(&wanted).unwrap(), case)
    });

    for (record, case) in &members {
        let node = lab.wait_ready(record, DEADLINE).unwrap();
        has_joined_as_it_was_told(&lab, &node, record, case);
        was_let_in_by_the_authenticator(&lab, record);
    }
    for (record, case) in &refused {
        let mut verdict = lab.wait_verdict(record, case.code, DEADLINE).unwrap();
        if case.is_hurried {
            verdict = lab.wait_last_word(record, DEADLINE).unwrap();
            assert_eq!(verdict.outcome, Outcome::Failed, "{verdict:#?}");
        }
        let after = verdict.at.duration_since(record.launch_time);
        println!(
            "{}: {} after {:.1} s",
            case.code,
            verdict.outcome.as_str(),
            after.as_secs_f64()
        );
        let cause = verdict.root_cause.unwrap();
        assert_eq!(cause.code, case.code);
        assert!(
            !cause.fix.is_empty() && !cause.evidence.is_empty(),
            "{cause:#?}"
        );
    }

    let rows = status(&lab);
    for (record, _) in &members {
        let row = row(&rows, record);
        assert_eq!(row["state"], "Ready", "{row:#}");
        assert_eq!(row["name"], record.local_hostname.as_str());
        says_that_it_is_well(&lab, record);
    }
    for (record, case) in &refused {
        assert!(
            lab.node(record).unwrap().is_none(),
            "{} has a Node",
            record.name
        );
        let row = row(&rows, record);
        assert_eq!(
            (&row["name"], &row["code"]),
            (&Value::Null, &Value::from(case.code)),
            "{row:#}"
        );
    }
    nodes_asked_ec2_nothing(&lab);

    let left = GuardedLab::down(lab).unwrap();
    assert_eq!(left, Vec::<String>::new(), "left behind");
}

/// What the daemon of a joined node says: to a person, to a probe, on the Node, and that SSM's agent runs.
fn says_that_it_is_well(lab: &Lab, record: &MachineRecord) {
    let ask = |program: &[&str]| {
        let output = lab.enter(record).unwrap().args(program).output().unwrap();
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        assert!(
            output.status.success(),
            "{program:?} of {}: {text}",
            record.name
        );
        text
    };
    let url = |path: &str| format!("http://localhost{path}");
    let get = |path| {
        ask(&[
            "curl",
            "-sSf",
            "--unix-socket",
            "/run/nodeagent/agent.sock",
            &url(path),
        ])
    };
    let document: Status = serde_json::from_str(&get("/v1/status")).unwrap();
    assert_eq!(
        document.verdict.map(|verdict| verdict.outcome),
        Some(Outcome::Joined)
    );
    assert!(matches!(
        document.ssm,
        SsmState::Running | SsmState::Registered
    ));
    for path in ["/livez", "/readyz", "/healthz"] {
        assert!(get(path).starts_with("ok"), "{path} of {}", record.name);
    }
    assert!(get("/metrics").contains("nodeagent_boot_outcome{outcome=\"joined\"} 1"));
    assert!(ask(&["nodeagent", "status"]).contains("joined"));
    ask(&["systemctl", "is-enabled", "amazon-ssm-agent.service"]);
}

fn has_joined_as_it_was_told(lab: &Lab, node: &Node, record: &MachineRecord, case: &Case) {
    assert_eq!(
        node.metadata.name.as_deref(),
        Some(record.local_hostname.as_str())
    );
    let provider_id = node
        .spec
        .as_ref()
        .and_then(|spec| spec.provider_id.as_deref());
    let expected = format!("aws:///{}/{}", record.availability_zone, record.instance_id);
    assert_eq!(provider_id, Some(expected.as_str()));

    let status = node.status.as_ref().unwrap();
    assert_eq!(
        status.capacity.as_ref().unwrap()["pods"].0,
        case.pods,
        "{}",
        case.producer
    );
    let labels = node.metadata.labels.as_ref().unwrap();
    for (key, value) in case.labels {
        assert_eq!(
            labels.get(*key).map(String::as_str),
            Some(*value),
            "{}: {key}",
            case.producer
        );
    }
    if case.producer == "eksctl" {
        let name = labels.get("alpha.eksctl.io/cluster-name");
        assert_eq!(name.map(String::as_str), Some(lab.cluster.name.as_str()));
    }
}

/// The authenticator logs each token that it accepts with the role and the name that it gives in the cluster.
fn was_let_in_by_the_authenticator(lab: &Lab, record: &MachineRecord) {
    let log = file::read(&lab.layout.log("aws-iam-authenticator")).unwrap();
    let arn = cluster::Cluster::role_arn(NODE_ROLE);
    let name = format!("system:node:{}", record.local_hostname);
    let session = format!("assumed-role/{NODE_ROLE}/{}", record.instance_id);
    assert!(
        log.contains(&session),
        "no token of {session} in the authenticator's log"
    );
    assert!(
        log.lines().any(|line| {
            line.contains("access granted") && line.contains(&arn) && line.contains(&name)
        }),
        "`{arn}` was not let in as `{name}`"
    );
}

/// On a normal boot the instance's own metadata is enough.
fn nodes_asked_ec2_nothing(lab: &Lab) {
    let requests = LoggedRequest::read_all(&lab.layout.run()).unwrap();
    let asked: Vec<_> = requests
        .iter()
        .filter(|request| {
            let caller = request.caller.as_deref().unwrap_or_default();
            request.service == "ec2" && caller.contains(NODE_ROLE)
        })
        .collect();
    assert!(asked.is_empty(), "{asked:?}");
}

/// `nodectl status -o json`, as the administrator sees it.
fn status(lab: &Lab) -> Value {
    let nodectl = image::program("nodectl").unwrap();
    let output = lab
        .output(
            nodectl.as_os_str(),
            &["status", "-o", "json"].map(OsStr::new),
        )
        .unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    // Five machines of this suite cannot join.
    assert_eq!(output.status.code(), Some(3), "{said}");
    serde_json::from_slice(&output.stdout).unwrap()
}

fn row<'a>(status: &'a Value, record: &MachineRecord) -> &'a Value {
    status["items"]
        .as_array()
        .unwrap()
        .iter()
        .find(|row| row["instanceId"] == record.instance_id.as_str())
        .unwrap_or_else(|| panic!("no row of {}", record.instance_id))
}
