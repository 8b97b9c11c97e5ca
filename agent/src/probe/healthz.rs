//! Does the kubelet say that it is well? Its `/healthz` answers on the loopback, without TLS and without a credential:
//! <https://kubernetes.io/docs/reference/config-api/kubelet-config.v1beta1/> (`healthzPort`).

use node::finding;

use super::reading::Reading;
use super::{DEADLINE, kubelet_config};
use crate::host::loopback::{self, Answer, Error};
use crate::host::path;
use crate::host::root::Root;

/// Where the kubelet answers unless it is told otherwise.
const PORT: u16 = 10248;
/// All of its checks take less.
const ANSWER: u64 = 64 * 1024;

/// The port on the loopback; none where the kubelet is told not to answer, or not there.
pub fn port(root: &Root) -> Option<u16> {
    let flags = root.read_text(path::KUBELET_ENVIRONMENT).ok().flatten();
    // Flags win over every file, and are rarely used: then nothing is known.
    if flags.is_some_and(|flags| flags.contains("--healthz-")) {
        return None;
    }
    let config = kubelet_config::read(root);
    let is_here = config
        .healthz_bind_address
        .is_none_or(|address| matches!(address.as_str(), "" | "127.0.0.1" | "0.0.0.0" | "::"));
    let port = config.healthz_port.unwrap_or(PORT);
    (is_here && port != 0).then_some(port)
}

/// Asks.
pub async fn ask(port: u16) -> Result<Answer, Error> {
    loopback::get(port, "/healthz?verbose", DEADLINE, ANSWER).await
}

/// What the answer means.
pub fn judge(port: u16, asked: &Result<Answer, Error>) -> Option<Reading> {
    let finding = &finding::KUBELET_NOT_HEALTHY;
    let why = match asked {
        Ok(Answer { status: 200, .. }) => return Some(Reading::passed(finding, "")),
        Ok(answer) => {
            let failed = answer.body.lines().filter(|line| line.starts_with("[-]"));
            let failed: Vec<&str> = failed.take(3).collect();
            let (status, failed) = (answer.status, failed.join("; "));
            format!("the kubelet answers /healthz with HTTP {status}: {failed}")
        }
        Err(Error::Refused { .. }) => format!("the kubelet does not listen on 127.0.0.1:{port}"),
        Err(Error::Deadline { deadline, .. }) => format!(
            "the kubelet takes a connection on 127.0.0.1:{port} and gives no answer within {} s",
            deadline.as_secs()
        ),
        // It ends in this moment, or is somebody else.
        Err(Error::Broken { .. } | Error::Unusable { .. }) => return None,
    };
    Some(Reading::failed(finding, "", why))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn judged(asked: &Result<Answer, Error>) -> String {
        match judge(PORT, asked) {
            Some(reading) => reading.failure.unwrap_or_else(|| "passed".to_owned()),
            None => "nothing is known".to_owned(),
        }
    }

    fn answer(status: u16, body: &str) -> Answer {
        let body = body.to_owned();
        Answer { status, body }
    }

    #[test]
    fn a_kubelet_that_is_well_passes_and_one_that_is_not_says_why() {
        assert_eq!(judged(&Ok(answer(200, "[+]ping ok\n"))), "passed");
        let body = "[+]ping ok\n[-]syncloop failed: reason withheld\nhealthz check failed\n";
        assert_eq!(
            judged(&Ok(answer(500, body))),
            "the kubelet answers /healthz with HTTP 500: [-]syncloop failed: reason withheld"
        );
        let hung = Error::Deadline {
            port: PORT,
            deadline: DEADLINE,
        };
        assert_eq!(
            judged(&Err(hung)),
            "the kubelet takes a connection on 127.0.0.1:10248 and gives no answer within 5 s"
        );
        assert_eq!(
            judged(&Err(Error::Refused { port: PORT })),
            "the kubelet does not listen on 127.0.0.1:10248"
        );
        assert_eq!(
            judged(&Err(Error::Unusable { port: PORT })),
            "nothing is known"
        );
    }

    #[test]
    fn the_port_is_that_of_the_last_setting() {
        let directory = tempfile::tempdir().unwrap();
        let root = Root::new(directory.path());
        let set =
            |file: &str, text: &str| root.write(file, text.as_bytes(), 0o644).map(drop).unwrap();
        assert_eq!(port(&root), Some(PORT));
        set(
            path::KUBELET_CONFIG,
            "{\"healthzPort\": 1, \"kind\": \"KubeletConfiguration\"}",
        );
        assert_eq!(port(&root), Some(1));
        set(path::KUBELET_CONFIG_DROP_IN, "{\"healthzPort\": 2}");
        assert_eq!(port(&root), Some(2));
        set(path::KUBELET_CONFIG_DROP_IN, "{\"healthzPort\": 0}");
        assert_eq!(port(&root), None);
        set(
            path::KUBELET_CONFIG_DROP_IN,
            "{\"healthzBindAddress\": \"10.0.0.1\"}",
        );
        assert_eq!(port(&root), None);
        set(path::KUBELET_CONFIG_DROP_IN, "{}");
        assert_eq!(port(&root), Some(1));
        set(
            path::KUBELET_ENVIRONMENT,
            "NODEADM_KUBELET_ARGS=--healthz-port=3",
        );
        assert_eq!(port(&root), None);
    }
}
