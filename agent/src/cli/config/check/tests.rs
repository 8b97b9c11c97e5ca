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
    let document = node::config::Document {
        name: "a".to_owned(),
        text: format!("{HEAD}spec: {{cluster: {{name: 5, cidr: x}}, kubelet: 1}}\n"),
    };
    let mut gathered = Gathered::default();
    gathered
        .data(node::config::user_data::UserData {
            documents: vec![document],
            ..node::config::user_data::UserData::default()
        })
        .unwrap_err();
    let known = gathered.problems.clone();
    let loaded = gathered.finish_damaged().unwrap();
    let told: Vec<String> = further(&loaded, &known)
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
