//! After a 401: is the node named as EC2 names its instance? A mapping to `system:node:{{EC2PrivateDNSName}}` makes the
//! cluster ask EC2 for that name.

use node::chain::Chain;
use tokio::time::timeout;

use super::{DEADLINE, Outcome};
use crate::host::aws::{Ec2, Error, Failure};
use crate::host::environment::Environment;
use crate::host::imds::Imds;
use crate::host::root::Root;
use crate::plan::Summary;

/// Asks EC2 for the private DNS name of this instance. `None`: it does not answer in time.
pub async fn ask(
    root: &Root,
    environment: &Environment,
    imds: &Imds,
    summary: &Summary,
) -> Option<Result<String, Error>> {
    let asking = async {
        let ec2 = Ec2::new(root, environment, imds, &summary.region, &summary.role_arn)?.once();
        ec2.private_dns_name(&summary.instance_id, DEADLINE).await
    };
    timeout(DEADLINE, asking).await.ok()
}

/// What the answer means for a node of this name. It explains no refusal by itself, so it is never a fault.
pub fn judge(asked: Option<&Result<String, Error>>, summary: &Summary) -> Outcome {
    let node = &summary.node_name;
    let name = match asked {
        Some(Ok(name)) => name,
        Some(Err(Error::Denied {
            role,
            action,
            source: Failure::Denied { .. },
        })) => {
            return Outcome::CannotTell(format!(
                "which private DNS name EC2 has for this instance is not known: {role} may not call {action}"
            ));
        }
        Some(Err(error)) => return Outcome::CannotTell(Chain(error).to_string()),
        None => {
            return Outcome::CannotTell(format!(
                "EC2 does not answer within {} s",
                DEADLINE.as_secs()
            ));
        }
    };
    if name == node {
        Outcome::Passed
    } else if *node == summary.instance_id {
        Outcome::CannotTell(format!(
            "the node is named by its instance id, `{node}`, so its role must be mapped to system:node:{{{{SessionName}}}}"
        ))
    } else {
        Outcome::CannotTell(format!(
            "EC2 knows this instance as `{name}`, the kubelet registers `{node}`: a mapping to system:node:{{{{EC2PrivateDNSName}}}} does not fit"
        ))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn judged(name: &str, node_name: &str) -> Outcome {
        let summary = Summary {
            node_name: node_name.into(),
            instance_id: "i-1".into(),
            ..Summary::default()
        };
        judge(Some(&Ok(name.into())), &summary)
    }

    #[test]
    fn a_name_that_is_not_that_of_the_instance_is_told() {
        assert_eq!(judged("ip-10-0-0-1", "ip-10-0-0-1"), Outcome::Passed);
        assert_eq!(
            judged("ip-10-0-0-1", "worker").told(),
            (
                "cannot tell",
                "EC2 knows this instance as `ip-10-0-0-1`, the kubelet registers `worker`: a mapping to system:node:{{EC2PrivateDNSName}} does not fit"
            )
        );
        assert_eq!(
            judged("ip-10-0-0-1", "i-1").told().1,
            "the node is named by its instance id, `i-1`, so its role must be mapped to system:node:{{SessionName}}"
        );
    }

    #[test]
    fn a_role_that_may_not_ask_is_named_with_the_action() {
        let denied = Error::Denied {
            role: "arn:aws:iam::1:role/node".into(),
            action: "ec2:DescribeInstances".into(),
            source: Failure::Denied {
                message: "no".into(),
            },
        };
        assert_eq!(
            judge(Some(&Err(denied)), &Summary::default()).told(),
            (
                "cannot tell",
                "which private DNS name EC2 has for this instance is not known: arn:aws:iam::1:role/node may not call ec2:DescribeInstances"
            )
        );
        assert_eq!(
            judge(None, &Summary::default()).told().1,
            "EC2 does not answer within 5 s"
        );
    }
}
