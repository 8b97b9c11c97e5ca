//! What only EC2 knows: asked after the configuration is known, and only where IMDS and the table do not tell. On a
//! normal boot nothing is asked.

use std::time::Duration;

use node::chain::Chain;
use node::config::NodeConfig;
use node::finding::{self, Finding};
use node::max_pods::Limits;

use super::{Error, Facts, Instance};
use crate::host::aws::{self, Ec2, Failure};
use crate::host::connect;
use crate::host::environment::Environment;
use crate::host::imds::Imds;
use crate::host::root::Root;

/// A node without its name cannot register, so this is worth a third of the ten minutes that a node may take to do so;
/// nodeadm spends all of them. It must also end before the unit's own limit of five minutes, IMDS's minute included,
/// so that the verdict is ours.
pub(crate) const NAME_DEADLINE: Duration = Duration::from_secs(210);
/// Without limits the node joins all the same, with the kubelet's default.
const LIMITS_DEADLINE: Duration = Duration::from_secs(20);

impl Instance {
    /// Takes the private DNS name from the name that an earlier run of this boot gave the node: configuration that comes
    /// late makes the config phase run again, and EC2 has said once what there is to say.
    pub fn recall_name(&mut self, instance_id: &str, node_name: &str) {
        let is_private_dns_name = instance_id == self.id && node_name != self.id;
        if self.private_dns_name.is_empty() && is_private_dns_name {
            node_name.clone_into(&mut self.private_dns_name);
        }
    }
}

impl Facts {
    /// Asks EC2 for the private DNS name, if nodes are named by it and IMDS does not show it, and for the limits of an
    /// instance type that no table knows; both at once. Returns what a person should know.
    pub async fn complete_from_ec2(
        &mut self,
        root: &Root,
        imds: &Imds,
        environment: &Environment,
        config: &NodeConfig,
    ) -> Result<Vec<String>, Error> {
        let by_instance_id = config.spec.names_nodes_by_instance_id();
        let instance = &self.instance;
        let needs_name = instance.private_dns_name.is_empty() && !by_instance_id;
        let needs_limits = self.instance_limits.is_none() && self.known_type.is_none();
        if !needs_name && !needs_limits {
            return Ok(Vec::new());
        }
        let role = instance.role_arn();
        let ec2 = match Ec2::new(root, environment, imds, &instance.region, &role) {
            Ok(ec2) => ec2,
            Err(error) if needs_name => return Err(of_name(error)),
            Err(error) => return Ok(vec![no_limits(&instance.instance_type, &error)]),
        };
        let name = async {
            if needs_name {
                tracing::info!(
                    "the local hostname in IMDS is not a name that EC2 gives; EC2 is asked for the private DNS name"
                );
                let asked = ec2.private_dns_name(&instance.id, NAME_DEADLINE).await;
                return asked.map(Some).map_err(of_name);
            }
            Ok(None)
        };
        let limits = async {
            if needs_limits {
                let asked = ec2.limits(&instance.instance_type, LIMITS_DEADLINE);
                return Ok(Some(asked.await));
            }
            Ok(None)
        };
        let (name, limits) = tokio::try_join!(name, limits)?;
        if let Some(name) = name {
            self.instance.private_dns_name = name;
        }
        Ok(limits
            .and_then(|answer| self.take_limits(answer))
            .into_iter()
            .collect())
    }

    fn take_limits(&mut self, answer: Result<Limits, aws::Error>) -> Option<String> {
        match answer {
            Ok(limits) => {
                self.instance_limits = Some(limits);
                None
            }
            Err(error) => Some(no_limits(&self.instance.instance_type, &error)),
        }
    }
}

fn of_name(source: aws::Error) -> Error {
    Error::Ec2 {
        source: Box::new(source),
    }
}

fn no_limits(instance_type: &str, error: &aws::Error) -> String {
    let error = Chain(error).to_string();
    format!(
        "the limits of instance type `{instance_type}` are in no table and EC2 does not tell them: {}",
        node::redact::text(&error)
    )
}

/// The entry of the catalogue that says what an error of EC2 means for a node.
pub fn finding(error: &aws::Error) -> &'static Finding {
    let failure = match error {
        aws::Error::Client {
            source: connect::Error::NoProxyUrl { .. } | connect::Error::ProxyScheme { .. },
            ..
        } => return &finding::NETWORK_PROXY_FAILED,
        aws::Error::Client { .. } => return &finding::BOOTSTRAP_EC2_UNREACHABLE,
        aws::Error::Denied { source, .. } | aws::Error::Failed { source, .. } => source,
    };
    match failure {
        Failure::Denied { .. } | Failure::Rejected { .. } => &finding::BOOTSTRAP_EC2_FORBIDDEN,
        Failure::Throttled { .. } => &finding::AWS_API_THROTTLED,
        Failure::Clock { .. } => &finding::TIME_SIGNATURE_EXPIRED,
        Failure::NotFoundYet { .. } => &finding::JOIN_NO_PRIVATE_DNS,
        Failure::NoCredentials { .. } => &finding::JOIN_NO_CREDENTIALS,
        Failure::Unreachable { kind, .. } if kind.is_of_proxy() => &finding::NETWORK_PROXY_FAILED,
        Failure::Misconfigured { .. } | Failure::Server { .. } | Failure::Unreachable { .. } => {
            &finding::BOOTSTRAP_EC2_UNREACHABLE
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::host::connect::Kind;

    fn failed(source: Failure) -> aws::Error {
        aws::Error::Failed {
            action: "ec2:DescribeInstances".to_owned(),
            endpoint: "https://ec2.eu-west-1.amazonaws.com".to_owned(),
            attempts: 3,
            seconds: 9,
            source,
        }
    }

    #[test]
    fn each_failure_has_the_code_that_tells_what_to_do() {
        let unreachable = |kind| {
            failed(Failure::Unreachable {
                kind,
                reason: String::new(),
            })
        };
        assert_eq!(
            finding(&unreachable(Kind::Timeout)).code,
            "bootstrap.ec2_unreachable"
        );
        assert_eq!(
            finding(&unreachable(Kind::ProxyDenied)).code,
            "network.proxy_failed"
        );
        let no_url = aws::Error::Client {
            endpoint: "https://ec2.eu-west-1.amazonaws.com".to_owned(),
            source: connect::Error::NoProxyUrl {
                variable: "HTTPS_PROXY",
            },
        };
        assert_eq!(finding(&no_url).code, "network.proxy_failed");
        let missing = failed(Failure::NotFoundYet {
            what: String::new(),
        });
        assert_eq!(finding(&missing).code, "join.no_private_dns");
    }

    #[test]
    fn the_name_of_an_earlier_run_is_taken_if_it_is_this_instances_private_one() {
        let facts = |private_dns_name: &str| Instance {
            id: "i-1".to_owned(),
            private_dns_name: private_dns_name.to_owned(),
            ..Instance::default()
        };
        let recalled = |private_dns_name, instance_id, node_name| {
            let mut instance = facts(private_dns_name);
            instance.recall_name(instance_id, node_name);
            instance.private_dns_name
        };
        assert_eq!(
            recalled("", "i-1", "ip-1.ec2.internal"),
            "ip-1.ec2.internal"
        );
        assert_eq!(recalled("ip-2", "i-1", "ip-1.ec2.internal"), "ip-2");
        // Another instance's, on an image made from a node; and a node named by its instance id.
        assert_eq!(recalled("", "i-0", "ip-1.ec2.internal"), "");
        assert_eq!(recalled("", "i-1", "i-1"), "");
    }

    #[test]
    fn a_denial_names_the_action_and_the_role() {
        let error = aws::Error::Denied {
            role: "arn:aws:iam::111122223333:role/node".to_owned(),
            action: "ec2:DescribeInstances".to_owned(),
            source: Failure::Denied {
                message: "You are not authorized to perform this operation.".to_owned(),
            },
        };
        assert_eq!(finding(&error).code, "bootstrap.ec2_forbidden");
        assert_eq!(
            Chain(&of_name(error)).to_string(),
            "asking EC2 for the private DNS name of this instance: the role `arn:aws:iam::111122223333:role/node` may not call ec2:DescribeInstances: You are not authorized to perform this operation."
        );
    }
}
