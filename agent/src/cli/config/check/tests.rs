use crate::host::environment::Environment;
use crate::host::root::Root;

use super::*;

const HEAD: &str = "apiVersion: node.eks.aws/v1alpha1\nkind: NodeConfig\n";
const CLUSTER: &str = "  cluster:\n    name: demo\n    apiServerEndpoint: https://example.com\n    cidr: 10.100.0.0/16\n    certificateAuthority: ";
/// Base64 of PEM around no certificate, which deserves a warning.
const AUTHORITY: &str =
    "LS0tLS1CRUdJTiBDRVJUSUZJQ0FURS0tLS0tCk1JSQotLS0tLUVORCBDRVJUSUZJQ0FURS0tLS0tCg==";

/// Whether `config check` accepts files of a directory that is a source.
async fn accepts(name: Name, strict: bool, files: &[(&str, String)]) -> bool {
    let directory = tempfile::tempdir().unwrap();
    let root = Root::new(directory.path());
    root.write("/d/readme", b"", 0o644).unwrap();
    for (path, text) in files {
        root.write(path, text.as_bytes(), 0o644).unwrap();
    }
    let context = Context {
        name,
        root,
        environment: Environment::read(|_| None),
    };
    let options = Options {
        files: Vec::new(),
        sources: vec!["file:///d".parse().unwrap()],
        strict,
    };
    run(&context, &options).await == Exit::Ok
}

#[tokio::test]
async fn a_warning_is_refused_unless_called_as_nodeadm() {
    let files = [("/d/a.yaml", format!("{HEAD}spec:\n{CLUSTER}{AUTHORITY}\n"))];
    assert!(!accepts(Name::Nodeagent, false, &files).await);
    assert!(accepts(Name::Nodeadm, false, &files).await);
    assert!(!accepts(Name::Nodeadm, true, &files).await);
}

#[tokio::test]
async fn what_nodeadm_refuses_is_refused_by_any_name() {
    let whole = format!("{HEAD}spec:\n{CLUSTER}{AUTHORITY}\n");
    let refused = [
        vec![("/d/a.yaml", format!("{HEAD}spec: {{}}\n"))],
        vec![("/d/a.yaml", whole.replace("name: demo", "name: 5"))],
        vec![("/d/a.yaml", whole.clone()), ("/d/b.yaml", "{".to_owned())],
        vec![
            ("/d/a.yaml", whole),
            (
                "/d/b.yaml",
                format!("{HEAD}spec: {{containerd: {{config: '='}}}}\n"),
            ),
        ],
        Vec::new(),
    ];
    for files in refused {
        assert!(!accepts(Name::Nodeadm, false, &files).await, "{files:?}");
        assert!(!accepts(Name::Nodeagent, false, &files).await, "{files:?}");
    }
}

#[tokio::test]
async fn a_wrong_document_of_the_agents_own_directory_is_refused() {
    let files = [
        ("/d/a.yaml", format!("{HEAD}spec:\n{CLUSTER}{AUTHORITY}\n")),
        (
            "/etc/nodeagent/config.d/a.yaml",
            "apiVersion: nodectl.dev/v1alpha1\nkind: AgentConfig\nspec: {labels: {team: iam/info}}\n".to_owned(),
        ),
    ];
    assert!(!accepts(Name::Nodeagent, false, &files).await);
    // nodeadm does not read it.
    assert!(accepts(Name::Nodeadm, false, &files).await);
    assert!(!accepts(Name::Nodeadm, true, &files).await);
}

#[test]
fn a_wrong_value_is_not_told_as_missing_too() {
    let document = Document {
        name: "a".to_owned(),
        text: format!("{HEAD}spec: {{cluster: {{name: 5, cidr: x}}, kubelet: 1}}\n"),
    };
    let mut gathered = Gathered::default();
    gathered
        .data(UserData {
            documents: vec![document],
            ..UserData::default()
        })
        .unwrap_err();
    let known = gathered.problems.clone();
    let loaded = gathered.finish_damaged().unwrap();
    let told: Vec<String> = further(&loaded, &[], &known)
        .iter()
        .map(ToString::to_string)
        .collect();
    assert_eq!(
        told,
        [
            "`spec.cluster.apiServerEndpoint` is missing",
            "`spec.cluster.certificateAuthority` is missing",
            "`spec.cluster.cidr` `x` is not an IPv4 or IPv6 network such as `10.100.0.0/16`"
        ]
    );
}

const RULES: &str = "apiVersion: nodectl.dev/v1alpha1
kind: RuleSet
spec:
  rules:
    - {code: user.a, severity: info, title: t, fix: f, match: [{units: [a], contains: [some words]}]}
";

/// Whether `config check` accepts one FILE.
async fn accepts_file(text: &str) -> bool {
    let directory = tempfile::tempdir().unwrap();
    let root = Root::new(directory.path());
    root.write("/a.yaml", text.as_bytes(), 0o644).unwrap();
    let context = Context {
        name: Name::Nodeagent,
        root,
        environment: Environment::read(|_| None),
    };
    let options = Options {
        files: vec!["/a.yaml".to_owned()],
        sources: Vec::new(),
        strict: false,
    };
    run(&context, &options).await == Exit::Ok
}

#[tokio::test]
async fn a_file_of_rules_is_checked_alone() {
    assert!(accepts_file(RULES).await);
    assert!(!accepts_file(&RULES.replace("severity", "severty")).await);
    assert!(!accepts_file(&RULES.replace("v1alpha1", "v1")).await);
}

#[tokio::test]
async fn rules_of_the_node_are_checked_too_and_refused_under_our_own_name_only() {
    // No certificate is in the authority, which alone is refused under our own name.
    let config = || ("/d/a.yaml", format!("{HEAD}spec:\n{CLUSTER}{AUTHORITY}\n"));
    let rules = |text: &str| ("/etc/nodeagent/rules.d/a.yaml", text.to_owned());
    assert!(accepts(Name::Nodeadm, false, &[config(), rules(RULES)]).await);
    assert!(accepts(Name::Nodeadm, false, &[config(), rules("]")]).await);
    assert!(!accepts(Name::Nodeadm, true, &[config(), rules("]")]).await);
}

#[test]
fn a_disabled_code_that_is_none_is_told_with_the_nearest() {
    let mut gathered = Gathered::default();
    let text = "apiVersion: nodectl.dev/v1alpha1\nkind: AgentConfig\nspec:\n  watch:\n    units: [sshd, 'a b']\n    \
                disabledRules: [user.a, join.unauthorised, join.sts_region_disabled, cni.not_ready]\n";
    gathered.agent_setting(Document {
        name: "`w.yaml`".to_owned(),
        text: text.to_owned(),
    });
    let loaded = gathered.finish().unwrap();
    let told: Vec<String> = check::agent(&loaded.agent, &loaded.agent_tree, &["user.a"])
        .iter()
        .map(|problem| problem.told(&loaded.documents))
        .collect();
    assert_eq!(
        told,
        [
            "`w.yaml`, line 5, column 19: `spec.watch.units[1]` is not the name of a unit",
            "`w.yaml`, line 6, column 29: `spec.watch.disabledRules[1]` is the code of no rule; did you mean `join.unauthorized`?",
            "`w.yaml`, line 6, column 48: `spec.watch.disabledRules[2]` is found by no rule of the daemon, so there is none to disable",
        ]
    );
}
