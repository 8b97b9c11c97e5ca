use std::time::Duration;

use super::*;

const HEAD: &str = "apiVersion: node.eks.aws/v1alpha1\nkind: NodeConfig\nspec:\n";

fn root(files: &[(&str, &str)]) -> (tempfile::TempDir, Root) {
    let directory = tempfile::tempdir().unwrap();
    let root = Root::new(directory.path());
    for (path, text) in files {
        root.write(path, text.as_bytes(), 0o644).unwrap();
    }
    (directory, root)
}

async fn load_files(root: &Root, paths: &[&str]) -> Result<Loaded, Error> {
    let imds = Imds::new(Some("http://127.0.0.1:9"), Duration::ZERO);
    let locations: Vec<_> = paths
        .iter()
        .map(|path| Location::File((*path).to_owned()))
        .collect();
    load(root, &imds, &locations, None).await
}

async fn message(root: &Root, paths: &[&str]) -> String {
    let error = load_files(root, paths).await.unwrap_err();
    node::chain::Chain(&error).to_string()
}

#[tokio::test]
async fn files_of_a_directory_merge_in_lexical_order() {
    let (_directory, root) = root(&[
        (
            "/d/20.yaml",
            &format!("{HEAD}  cluster: {{name: second}}\n"),
        ),
        (
            "/d/10.yaml",
            &format!("{HEAD}  cluster: {{name: first, cidr: 10.100.0.0/16}}\n"),
        ),
        (
            "/d/15.json",
            "{\"apiVersion\": \"node.eks.aws/v1alpha1\", \"kind\": \"NodeConfig\", \"spec\": {\"cluster\": {\"id\": \"x\"}}}",
        ),
        ("/d/30.txt", "not read"),
    ]);
    let loaded = load_files(&root, &["/d"]).await.unwrap();
    assert_eq!(loaded.config.spec.cluster.name, "second");
    assert_eq!(loaded.config.spec.cluster.cidr, "10.100.0.0/16");
    assert_eq!(loaded.config.spec.cluster.id, "x");
    let name = loaded.tree.at(&["spec", "cluster", "name"]).unwrap();
    assert_eq!(
        node::config::problem::told_place(name.place, &loaded.documents),
        "`/d/20.yaml`, line 4, column 19"
    );
}

#[tokio::test]
async fn an_error_names_the_file() {
    let (_directory, root) = root(&[
        ("/d/a.yaml", "apiVersion: v1\nkind: Pod\n"),
        ("/empty/readme", ""),
        ("/script.yaml", "#!/bin/sh\n"),
    ]);
    let told = message(&root, &["/d"]).await;
    assert!(
        told.starts_with(
            "`/d/a.yaml`, line 1, column 13: `apiVersion: v1`, `kind: Pod` is no configuration"
        ),
        "{told}"
    );
    assert_eq!(
        message(&root, &["/none.yaml"]).await,
        "configuration source `file:///none.yaml` does not exist"
    );
    assert_eq!(
        message(&root, &["/none/"]).await,
        "configuration source `file:///none/` does not exist"
    );
    assert_eq!(
        message(&root, &["/empty/"]).await,
        "no NodeConfig in `file:///empty/`"
    );
    assert_eq!(
        message(&root, &["/script.yaml"]).await,
        "`/script.yaml` holds no NodeConfig: it is one document that begins with `#!/bin/sh`"
    );
}

#[tokio::test]
async fn an_error_in_one_file_is_not_forgiven() {
    let (_directory, root) = root(&[
        ("/d/a.yaml", &format!("{HEAD}  cluster: {{name: a}}\n")),
        ("/d/b.yaml", "{"),
    ]);
    let told = message(&root, &["/d"]).await;
    assert!(told.starts_with("`/d/b.yaml`, line 1, column "), "{told}");
}

#[tokio::test]
async fn toml_that_does_not_merge_is_named_with_its_place() {
    let part = |toml: &str| format!("{HEAD}  containerd:\n    config: '{toml}'\n");
    let (_directory, root) = root(&[
        ("/d/a.yaml", &part("a = 1")),
        ("/d/b.yaml", &part("hunter2")),
    ]);
    let told = message(&root, &["/d"]).await;
    assert!(
        told.starts_with(
            "merging the NodeConfigs: `/d/b.yaml`, line 5, column 13: `spec.containerd.config` is not TOML"
        ),
        "{told}"
    );
    assert!(!told.contains("hunter2"), "{told}");
}

#[tokio::test]
async fn settings_of_the_agent_come_from_its_own_directory() {
    let (_directory, root) = root(&[
        ("/d/a.yaml", &format!("{HEAD}  cluster: {{name: a}}\n")),
        (
            "/etc/nodeagent/config.d/a.yaml",
            "apiVersion: nodectl.dev/v1alpha1\nkind: AgentConfig\nspec: {credential: awsCli}\n",
        ),
    ]);
    let loaded = load_files(&root, &["/d"]).await.unwrap();
    assert_eq!(
        loaded.agent.credential,
        node::config::CredentialSource::AwsCli
    );
    root.write("/etc/nodeagent/config.d/b.yaml", HEAD.as_bytes(), 0o644)
        .unwrap();
    let loaded = load_files(&root, &["/d"]).await.unwrap();
    assert_eq!(
        loaded.agent.credential,
        node::config::CredentialSource::AwsCli
    );
    let [told, unused] = &*loaded.warnings else {
        panic!("{:?}", loaded.warnings)
    };
    assert!(
        told.starts_with("`/etc/nodeagent/config.d/b.yaml`, line 2, column 7: a NodeConfig where"),
        "{told}"
    );
    assert_eq!(
        unused,
        "the settings in `/etc/nodeagent/config.d/b.yaml` are not used"
    );
}

#[test]
fn sources_are_named_as_nodeadm_names_them() {
    for text in ["imds://user-data", "file:///etc/eks/nodeadm.d/"] {
        assert_eq!(text.parse::<Location>().unwrap().to_string(), text);
    }
    assert_eq!("IMDS://".parse::<Location>().unwrap(), Location::UserData);
    assert_eq!(
        "file:/etc/a.yaml".parse::<Location>().unwrap(),
        Location::File("/etc/a.yaml".to_owned())
    );
    let here = std::env::current_dir().unwrap();
    assert_eq!(
        "file://a.yaml".parse::<Location>().unwrap(),
        Location::File(here.join("a.yaml").display().to_string())
    );
    assert!("http://example.com".parse::<Location>().is_err());
    assert!("/etc/a.yaml".parse::<Location>().is_err());
}

/// A metadata service that has this user data.
async fn imds_with(user_data: &'static str) -> (Imds, tokio::task::JoinHandle<()>) {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let endpoint = format!("http://{}", listener.local_addr().unwrap());
    let service = axum::Router::new()
        .route(
            "/latest/api/token",
            axum::routing::put(|| async { "token" }),
        )
        .route(
            "/latest/user-data",
            axum::routing::get(move || async move { user_data }),
        );
    let served = tokio::spawn(async move {
        drop(axum::serve(listener, service).await);
    });
    (Imds::new(Some(&endpoint), Duration::from_secs(5)), served)
}

#[tokio::test]
async fn user_data_that_cannot_be_used_is_forgiven_when_a_file_has_a_configuration() {
    const CLUSTER: &str = "  cluster: {name: a, apiServerEndpoint: https://a.example, cidr: 10.100.0.0/16, certificateAuthority: LS0tLS1CRUdJTiBDRVJUSUZJQ0FURS0tLS0tCk1JSQotLS0tLUVORCBDRVJUSUZJQ0FURS0tLS0tCg==}\n";
    let (_directory, root) = root(&[
        ("/d/a.yaml", &format!("{HEAD}{CLUSTER}")),
        ("/part/a.yaml", &format!("{HEAD}  cluster: {{name: a}}\n")),
        (
            "/etc/nodeagent/config.d/a.yaml",
            "apiVersion: nodectl.dev/v1alpha1\nkind: AgentConfig\nspec: {credential: awsCli}\n",
        ),
    ]);
    for user_data in ["#!/bin/sh\n", "a: [hunter2", ""] {
        let (imds, served) = imds_with(user_data).await;
        let file = Location::File("/d".into());
        let loaded = load(&root, &imds, &[Location::UserData, file], None)
            .await
            .unwrap();
        assert_eq!(loaded.config.spec.cluster.name, "a");
        assert_eq!(loaded.warnings.len(), 1);
        assert!(loaded.warnings[0].starts_with("user data was not used: "));
        assert!(!loaded.warnings[0].contains("hunter2"));
        // What is broken is why the rest is not enough.
        let part = Location::File("/part".into());
        let of_both = load(&root, &imds, &[Location::UserData, part], None).await;
        assert_eq!(of_both.is_err(), user_data.contains("hunter2"));
        let error = load(&root, &imds, &[Location::UserData], None)
            .await
            .unwrap_err();
        assert!(
            !matches!(error, Error::NoNodeConfig { .. }),
            "the real reason is hidden"
        );
        let mut cached = NodeConfig::default();
        cached.spec.cluster.name = "kept".into();
        let loaded = load(&root, &imds, &[Location::UserData], Some(&cached))
            .await
            .unwrap();
        assert_eq!(loaded.config, cached);
        assert_eq!(
            loaded.agent.credential,
            node::config::CredentialSource::AwsCli
        );
        assert!(
            loaded.warnings[0].ends_with("; the configuration that an earlier phase kept is used"),
            "{:?}",
            loaded.warnings
        );
        served.abort();
    }
}

#[tokio::test]
async fn settings_of_the_agent_count_without_a_node_config_beside_them() {
    let (_directory, root) = root(&[("/d/a.yaml", &format!("{HEAD}  cluster: {{name: a}}\n"))]);
    let (imds, served) = imds_with("Content-Type: multipart/mixed; boundary=B\n\n--B\nContent-Type: application/nodectl.dev\n\napiVersion: nodectl.dev/v1alpha1\nkind: AgentConfig\nspec: {credential: awsCli}\n--B--\n").await;
    let file = Location::File("/d".into());
    let loaded = load(&root, &imds, &[Location::UserData, file], None)
        .await
        .unwrap();
    assert_eq!(
        loaded.agent.credential,
        node::config::CredentialSource::AwsCli
    );
    let error = load(&root, &imds, &[Location::UserData], None)
        .await
        .unwrap_err();
    assert_eq!(error.to_string(), "no NodeConfig in `imds://user-data`");
    served.abort();
}

#[tokio::test]
async fn of_the_watch_only_what_the_daemon_cannot_read_itself_is_kept_with_the_boot() {
    let setting = |code: &str| {
        format!(
            "apiVersion: nodectl.dev/v1alpha1\nkind: AgentConfig\nspec: {{watch: {{disabledRules: [{code}]}}}}\n"
        )
    };
    let (_directory, root) = root(&[
        ("/d/a.yaml", &format!("{HEAD}  cluster: {{name: a}}\n")),
        ("/d/b.yaml", &setting("cni.not_ready")),
        (
            "/etc/nodeagent/config.d/a.yaml",
            &setting("kernel.oom_node"),
        ),
    ]);
    let loaded = load_files(&root, &["/d"]).await.unwrap();
    let disabled = |watch: &node::config::Watch| Vec::from_iter(watch.disabled_rules.clone());
    assert_eq!(disabled(&loaded.agent.watch), ["cni.not_ready"]);
    assert_eq!(disabled(&own_settings(&root).watch), ["kernel.oom_node"]);
}
