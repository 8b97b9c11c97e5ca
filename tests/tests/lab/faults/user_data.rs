//! User data of the matrix's machines. A secret stands in all that a secret can stand in.

use std::{
    io::Write as _,
    process::{Command, Stdio},
};

use super::{front::Front, row::CANARY};

pub(super) const HEAD: &str = "apiVersion: node.eks.aws/v1alpha1\nkind: NodeConfig\nspec:\n";
pub(super) const NAME: &str = "    name: ${CLUSTER_NAME}\n";
pub(super) const ENDPOINT: &str = "    apiServerEndpoint: ${API_SERVER_ENDPOINT}\n";
pub(super) const AUTHORITY: &str = "    certificateAuthority: ${CERTIFICATE_AUTHORITY}\n";
pub(super) const CIDR: &str = "    cidr: ${SERVICE_CIDR}\n";

/// Stands for a certificate that is one, of somebody else.
pub(super) const FOREIGN_AUTHORITY: &str = "${FOREIGN_AUTHORITY}";
/// Stands for the authority of the fronts.
pub(super) const FRONT_AUTHORITY: &str = "${FRONT_AUTHORITY}";

/// A NodeConfig of these lines of `cluster`, and more of `spec`.
pub(super) fn cluster(lines: &[&str], more: &str) -> String {
    format!(
        "{HEAD}  cluster:\n{}  instance:\n    environment:\n      default:\n        LAB_PASSWORD: {CANARY}\n{more}",
        lines.concat()
    )
}

/// A NodeConfig that is right, with more of `spec` (or of the environment, when the lines are so far in).
pub(super) fn node(more: &str) -> String {
    cluster(&[NAME, ENDPOINT, AUTHORITY, CIDR], more)
}

/// A NodeConfig with another endpoint.
pub(super) fn endpoint(url: &str) -> String {
    let line = format!("    apiServerEndpoint: {url}\n");
    cluster(&[NAME, &line, AUTHORITY, CIDR], "")
}

/// A NodeConfig for a front.
pub(super) fn front(front: Front) -> String {
    endpoint(&front.url()).replace("${CERTIFICATE_AUTHORITY}", FRONT_AUTHORITY)
}

/// The same, by a boot that is given up early, so that its last word is heard.
pub(super) fn hurried(node_config: &str) -> String {
    format!(
        "MIME-Version: 1.0\nContent-Type: multipart/mixed; boundary=\"B\"\n\n\
         --B\nContent-Type: application/node.eks.aws\n\n{node_config}\n\
         --B\nContent-Type: application/nodectl.dev\n\n\
         apiVersion: nodectl.dev/v1alpha1\nkind: AgentConfig\nspec: {{deadlines: {{registered: 20s}}}}\n\n--B--\n"
    )
}

/// The first half of what gzip makes of a NodeConfig.
pub(super) fn half_of_a_gzip() -> Vec<u8> {
    let mut gzip = Command::new("gzip")
        .arg("--stdout")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut input = gzip.stdin.take().unwrap();
    input.write_all(node("").as_bytes()).unwrap();
    drop(input);
    let mut output = gzip.wait_with_output().unwrap().stdout;
    output.truncate(output.len() / 2);
    output
}
