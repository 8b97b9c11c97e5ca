//! Can the SSM agent report: has the instance a role, and is there a way to the endpoints of Systems Manager?
//!
//! Whether the role is allowed to report only the SSM agent can tell: the call that would show it changes what Systems
//! Manager knows of the instance. Endpoints: <https://docs.aws.amazon.com/general/latest/gr/ssm.html>; since version 3.3.40
//! the agent does without `ec2messages` where it has `ssmmessages`.

use http::Uri;
use node::chain::Chain;
use node::finding;
use serde_json::Value;
use tower::Service as _;

use super::{Fault, Outcome, PATIENCE};
use crate::host::connect::{self, Connector, Https, Kind};
use crate::host::environment::Environment;
use crate::host::imds::Imds;
use crate::host::path;
use crate::host::root::Root;

const REGION: &str = "/latest/meta-data/placement/region";
const ROLES: &str = "/latest/meta-data/iam/security-credentials/";

/// The services by the first label of their host, each with the place of an endpoint of the user's own in the SSM agent's
/// configuration, and whether the agent can do nothing without it.
const SERVICES: [(&str, &str, bool); 3] = [
    ("ssm", "/Ssm/Endpoint", true),
    ("ssmmessages", "/Mgs/Endpoint", true),
    ("ec2messages", "/Mds/Endpoint", false),
];

/// An endpoint, and what came of connecting to it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reached {
    /// Host, without scheme.
    pub host: String,
    /// Whether the agent can do nothing without it.
    pub is_needed: bool,
    /// What is in the way; none: TLS stands.
    pub obstacle: Option<(Kind, String)>,
}

/// Whether the instance has a role.
pub async fn role(imds: &Imds) -> Outcome {
    match imds.text(ROLES).await {
        Ok(Some(roles)) if !roles.is_empty() => Outcome::Passed,
        Ok(_) => Outcome::fault(
            &finding::SSM_NO_ROLE,
            "the metadata service has no role for this instance",
        ),
        Err(error) => Outcome::CannotTell(Chain(&error).to_string()),
    }
}

/// Whether the endpoints can be reached: the way that the SSM agent has, its proxy included if it is every unit's.
pub async fn endpoints(root: &Root, environment: &Environment, imds: &Imds) -> Outcome {
    let region = match imds.required(REGION).await {
        Ok(region) => region,
        Err(error) => return Outcome::CannotTell(Chain(&error).to_string()),
    };
    let environment = environment.clone().with_kept_defaults(root);
    let https = Connector::new(root, &environment).and_then(|connector| {
        let tls = connect::public_tls(root, &environment)?;
        Ok(Https::new(connector.with_patience(PATIENCE), tls))
    });
    let https = match https {
        Ok(https) => https,
        Err(error) => return Outcome::CannotTell(Chain(&error).to_string()),
    };
    let configuration = root.read(path::SSM_CONFIG).ok().flatten();
    let hosts = hosts(&region, configuration.as_deref());
    let [ssm, messages, old_messages] = hosts.map(|(host, is_needed)| {
        let https = https.clone();
        async move {
            let obstacle = obstacle(https, &host).await;
            Reached {
                host,
                is_needed,
                obstacle,
            }
        }
    });
    let (ssm, messages, old_messages) = tokio::join!(ssm, messages, old_messages);
    judge(&[ssm, messages, old_messages])
}

/// The hosts of a region, or those that the SSM agent's own configuration names, and whether each is needed.
fn hosts(region: &str, configuration: Option<&[u8]>) -> [(String, bool); 3] {
    let configuration: Value = configuration
        .and_then(|text| serde_json::from_slice(text).ok())
        .unwrap_or_default();
    SERVICES.map(|(service, place, is_needed)| {
        let own = configuration
            .pointer(place)
            .and_then(Value::as_str)
            .map(|endpoint| endpoint.trim_start_matches("https://").trim_matches('/'))
            .filter(|endpoint| !endpoint.is_empty());
        let host = own.map_or_else(
            || format!("{service}.{region}.{}", node::token::dns_suffix(region)),
            str::to_owned,
        );
        (host, is_needed)
    })
}

async fn obstacle(mut https: Https, host: &str) -> Option<(Kind, String)> {
    let uri: Uri = match format!("https://{host}/").parse() {
        Ok(uri) => uri,
        Err(_) => return Some((Kind::Configuration, "it is no name of a host".to_owned())),
    };
    let error = https.call(uri).await.err()?;
    Some((
        connect::kind(error.as_ref()),
        Chain(error.as_ref()).to_string(),
    ))
}

/// What it means that these could be reached, or not.
pub fn judge(endpoints: &[Reached]) -> Outcome {
    let lines = |is_needed| {
        endpoints
            .iter()
            .filter(move |reached| reached.is_needed == is_needed)
            .filter_map(|reached| {
                let (kind, why) = reached.obstacle.as_ref()?;
                Some((*kind, format!("https://{}: {why}", reached.host)))
            })
    };
    let is_told = |kind: Kind| kind != Kind::Configuration;
    let needed: Vec<String> = lines(true)
        .filter(|(kind, _)| is_told(*kind))
        .map(|(_, line)| line)
        .collect();
    if !needed.is_empty() {
        // What an agent of today can do without is told first: the plainest line is the last.
        let evidence = lines(false).map(|(_, line)| line).chain(needed);
        return Outcome::Fault(Fault {
            finding: &finding::SSM_UNREACHABLE,
            evidence: evidence.collect(),
        });
    }
    if let Some((_, line)) = lines(true).next() {
        return Outcome::CannotTell(line);
    }
    for (_, line) in lines(false) {
        tracing::debug!("an SSM agent before 3.3.40 cannot work: {line}");
    }
    Outcome::Passed
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reached(obstacles: [Option<(Kind, &str)>; 3]) -> Vec<Reached> {
        hosts("us-west-2", None)
            .into_iter()
            .zip(obstacles)
            .map(|((host, is_needed), obstacle)| Reached {
                host,
                is_needed,
                obstacle: obstacle.map(|(kind, why)| (kind, why.to_owned())),
            })
            .collect()
    }

    #[test]
    fn one_needed_endpoint_out_of_reach_is_a_fault_and_the_old_one_alone_is_none() {
        let silent = Some((Kind::Timeout, "no connection within 4 s"));
        assert_eq!(judge(&reached([None, None, None])), Outcome::Passed);
        assert_eq!(judge(&reached([None, None, silent])), Outcome::Passed);
        assert_eq!(
            judge(&reached([None, silent, None])).told(),
            (
                "ssm.unreachable",
                "https://ssmmessages.us-west-2.amazonaws.com: no connection within 4 s"
            )
        );
        let Outcome::Fault(all) = judge(&reached([silent, silent, silent])) else {
            panic!("no fault");
        };
        assert_eq!(all.evidence.len(), 3);
        assert!(all.evidence[0].starts_with("https://ec2messages."));
    }

    #[test]
    fn what_cannot_be_looked_at_is_no_fault() {
        let wrong = Some((Kind::Configuration, "it is no name of a host"));
        assert_eq!(judge(&reached([wrong, None, None])).told().0, "cannot tell");
    }

    #[test]
    fn hosts_are_those_of_the_partition_or_those_of_the_agents_configuration() {
        let names = |region, configuration: Option<&str>| {
            hosts(region, configuration.map(str::as_bytes)).map(|(host, _)| host)
        };
        assert_eq!(
            names("cn-north-1", None),
            [
                "ssm.cn-north-1.amazonaws.com.cn",
                "ssmmessages.cn-north-1.amazonaws.com.cn",
                "ec2messages.cn-north-1.amazonaws.com.cn"
            ]
        );
        let own = r#"{"Ssm":{"Endpoint":"https://vpce-1.ssm.example/"},"Mgs":{"Endpoint":""}}"#;
        assert_eq!(
            names("eu-west-1", Some(own)),
            [
                "vpce-1.ssm.example",
                "ssmmessages.eu-west-1.amazonaws.com",
                "ec2messages.eu-west-1.amazonaws.com"
            ]
        );
        assert_eq!(
            names("eu-west-1", Some("{"))[0],
            "ssm.eu-west-1.amazonaws.com"
        );
    }
}
