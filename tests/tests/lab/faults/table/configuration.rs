//! What is wrong with what the machine is told.

use base64::{Engine as _, engine::general_purpose::STANDARD};

use super::row;
use crate::faults::{
    row::{CANARY, Change, End, Row},
    user_data::{AUTHORITY, CIDR, ENDPOINT, HEAD, NAME, cluster, endpoint, half_of_a_gzip, node},
};

pub(in crate::faults) fn rows() -> Vec<Row> {
    const BAD: &str = "bootstrap.bad_user_data";
    const INCOMPLETE: &str = "bootstrap.incomplete_config";
    let failed = |fault, code, text: String| row(fault, End::Failed, code, text);
    let lacks = |fault, lines: &[&str]| failed(fault, INCOMPLETE, cluster(lines, ""));
    let authority = format!(
        "    certificateAuthority: {}\n",
        STANDARD.encode("no certificate")
    );
    vec![
        failed("user data: none", "bootstrap.no_node_config", String::new())
            .change(Change::Record(|record| record.user_data = None)),
        failed(
            "user data: an empty line",
            "bootstrap.no_node_config",
            "\n".to_owned(),
        ),
        failed(
            "user data: a shell script only",
            "bootstrap.no_node_config",
            format!("#!/bin/bash\nexport PASSWORD={CANARY}\n"),
        ),
        failed(
            "user data: the script of AL2",
            "bootstrap.al2_script",
            format!(
                "#!/bin/bash\nexport PASSWORD={CANARY}\n/etc/eks/bootstrap.sh lab --b64-cluster-ca abc\n"
            ),
        ),
        failed(
            "user data: unknown apiVersion",
            BAD,
            node("").replace("v1alpha1", "v9"),
        ),
        failed(
            "user data: no YAML",
            BAD,
            format!("{HEAD}  cluster: [ # {CANARY}\n"),
        ),
        row(
            "user data: half of a gzip",
            End::Failed,
            BAD,
            half_of_a_gzip(),
        ),
        failed(
            "user data: containerd's configuration is no TOML",
            BAD,
            node(&format!("  containerd:\n    config: \"[ {CANARY}\"\n")),
        ),
        failed("a file of nodeadm.d: no YAML", BAD, node("")).file(
            "etc/eks/nodeadm.d/50-team.yaml",
            format!("{HEAD}  kubelet: [ # {CANARY}\n"),
        ),
        lacks("NodeConfig: no endpoint", &[NAME, AUTHORITY, CIDR]),
        lacks(
            "NodeConfig: no certificate authority",
            &[NAME, ENDPOINT, CIDR],
        ),
        lacks("NodeConfig: no cluster name", &[ENDPOINT, AUTHORITY, CIDR]),
        lacks(
            "NodeConfig: no network of services",
            &[NAME, ENDPOINT, AUTHORITY],
        ),
        lacks(
            "NodeConfig: the certificate authority is no PEM",
            &[NAME, ENDPOINT, &authority, CIDR],
        ),
        lacks(
            "NodeConfig: the certificate authority is no base64",
            &[NAME, ENDPOINT, "    certificateAuthority: \"%%%\"\n", CIDR],
        ),
        failed(
            "NodeConfig: Outposts, and no such host",
            "network.dns_no_such_host",
            endpoint("https://nowhere.invalid").replace(
                CIDR,
                &format!("{CIDR}    enableOutpost: true\n    id: one\n"),
            ),
        ),
    ]
}
