//! User data that cannot be used: one clear message with the next step, a verdict with a code, no file written.

use super::machine::{Machine, fill_in};

struct Bad {
    user_data: &'static str,
    code: &'static str,
    message: &'static str,
}

const BAD: [Bad; 8] = [
    Bad {
        user_data: "",
        code: "bootstrap.no_node_config",
        message: "the instance has no user data",
    },
    Bad {
        user_data: "#!/bin/bash\nset -ex\n/etc/eks/bootstrap.sh demo\n",
        code: "bootstrap.al2_script",
        message: "the user data calls `/etc/eks/bootstrap.sh`",
    },
    Bad {
        user_data: "#!/bin/bash\necho hello\n",
        code: "bootstrap.no_node_config",
        message: "the user data holds no NodeConfig: it is one document that begins with `#!/bin/bash`",
    },
    Bad {
        user_data: "apiVersion: node.eks.aws/v1alpha\nkind: NodeConfig\n",
        code: "bootstrap.bad_user_data",
        message: "`apiVersion: node.eks.aws/v1alpha`, `kind: NodeConfig` is no configuration of a node",
    },
    Bad {
        user_data: "apiVersion: node.eks.aws/v1alpha1\nkind: NodeConfig\nspec: [\n",
        code: "bootstrap.bad_user_data",
        message: "the user data, line ",
    },
    Bad {
        user_data: "apiVersion: node.eks.aws/v1alpha1\nkind: NodeConfig\nspec:\n  cluster: {name: demo}\n",
        code: "bootstrap.incomplete_config",
        message: "`spec.cluster.apiServerEndpoint` is missing; `spec.cluster.certificateAuthority` is missing; `spec.cluster.cidr` is missing",
    },
    Bad {
        user_data: "apiVersion: node.eks.aws/v1alpha1\nkind: NodeConfig\nspec:\n  cluster:\n    name: demo\n    apiServerEndpoint: ${API_SERVER_ENDPOINT}\n    certificateAuthority: aGVsbG8=\n    cidr: ${SERVICE_CIDR}\n",
        code: "bootstrap.incomplete_config",
        message: "`spec.cluster.certificateAuthority` is base64 of text that is no PEM certificate",
    },
    Bad {
        user_data: "apiVersion: node.eks.aws/v1alpha1\nkind: NodeConfig\nspec:\n  cluster:\n    name: demo\n    apiServerEndpoint: ${API_SERVER_ENDPOINT}\n    certificateAuthority: ${CERTIFICATE_AUTHORITY}\n    cidr: ${SERVICE_CIDR}\n  containerd:\n    config: 'hunter2'\n",
        code: "bootstrap.bad_user_data",
        message: "planning containerd's configuration: `spec.containerd.config` is not TOML",
    },
];

#[tokio::test]
async fn bad_user_data_ends_with_its_code_and_writes_no_configuration() {
    for Bad {
        user_data,
        code,
        message,
    } in BAD
    {
        let machine = Machine::new(Some(fill_in(user_data).as_bytes())).await;
        let output = machine.run(machine.config_phase()).await;
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(1), "{user_data}\n{stderr}");
        let error = stderr
            .lines()
            .find(|line| line.starts_with("error: "))
            .unwrap_or_default();
        assert!(
            error.contains(message) && error.ends_with(&format!("[{code}]")),
            "{user_data}\n{stderr}"
        );
        assert!(
            stderr.lines().any(|line| line.starts_with("hint: ")),
            "{user_data}\n{stderr}"
        );
        assert!(!stderr.contains("hunter2"), "user data is quoted\n{stderr}");
        assert_eq!(
            machine
                .verdict()
                .root_cause
                .map(|cause| cause.code)
                .as_deref(),
            Some(code)
        );
        assert!(
            machine.files().is_empty(),
            "{user_data}\n{:?}",
            machine.files().keys()
        );
    }
}

#[tokio::test]
async fn without_user_data_the_verdict_says_so() {
    let machine = Machine::new(None).await;
    let output = machine.run(machine.config_phase()).await;
    assert_eq!(output.status.code(), Some(1));
    let cause = machine.verdict().root_cause.unwrap();
    assert_eq!(cause.code, "bootstrap.no_node_config");
    assert_eq!(
        cause.evidence,
        ["reading the configuration: the instance has no user data"]
    );
}

#[tokio::test]
async fn an_unknown_field_joins_and_is_told() {
    let user_data = "apiVersion: node.eks.aws/v1alpha1\nkind: NodeConfig\nspec:\n  cluster:\n    name: demo\n    apiServerEndpoint: ${API_SERVER_ENDPOINT}\n    certificateAuthority: ${CERTIFICATE_AUTHORITY}\n    cidr: ${SERVICE_CIDR}\n  kubelet: {flag: []}\n";
    let machine = Machine::new(Some(fill_in(user_data).as_bytes())).await;
    let output = machine.run(machine.config_phase()).await;
    assert_eq!(
        output.status.code(),
        Some(0),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    assert_eq!(
        machine.verdict().warnings,
        [
            "the user data: `spec.kubelet.flag` is not a field of NodeConfig and has no effect; did you mean `flags`?"
        ]
    );
}
