//! What a cluster stands in: subnets, role and keys that must be there, and what EKS makes of its own accord beside
//! them: the cluster's security group, the network interfaces of the control plane, and the group of its logs.

use std::collections::BTreeSet;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use serde_json::Value;

use super::super::request::texts;
use super::super::{Fault, Work, tolerate, words};
use crate::cloud::cluster::ClusterDescription;
use crate::cloud::moto::MotoError;
use crate::cloud::xml;

/// Zones in which there are no control planes, by their end, as the user guide lists them.
/// <https://docs.aws.amazon.com/eks/latest/userguide/network-reqs.html>
const UNSUPPORTED: [&str; 3] = ["us-east-1e", "us-west-1b", "ca-central-1d"];
/// Interfaces of the control plane.
const MOST_INTERFACES: usize = 4;

/// What was found of a cluster's surroundings.
#[derive(Debug)]
pub(super) struct Surroundings {
    pub(super) vpc_id: String,
    vpc_cidr: String,
    subnets: Vec<String>,
}

impl Surroundings {
    /// The network of the services that EKS chooses: the one that is not the VPC's.
    pub(super) fn service_cidr(&self, own: Option<&ClusterDescription>) -> String {
        match own {
            Some(own) => own.service_ipv4_cidr.clone(),
            None if self.vpc_cidr.starts_with("10.") => "172.20.0.0/16".to_owned(),
            None => "10.100.0.0/16".to_owned(),
        }
    }
}

/// A subnet as EC2 describes it.
#[derive(Debug)]
pub(in crate::cloud::gateway::eks) struct Subnet {
    pub(in crate::cloud::gateway::eks) vpc_id: String,
    pub(in crate::cloud::gateway::eks) zone: String,
}

impl Work<'_> {
    /// Looks at everything that a new cluster needs.
    pub(super) async fn look_around(&self, name: &str) -> Result<Surroundings, Fault> {
        let vpc = self.request.get("resourcesVpcConfig");
        let subnet_ids = texts(&vpc["subnetIds"]);
        let mut subnets = Vec::new();
        for id in &subnet_ids {
            subnets.push(self.subnet(id).await?);
        }
        let zones: BTreeSet<&str> = subnets.iter().map(|subnet| subnet.zone.as_str()).collect();
        let is_unsupported = |zone: &&&str| UNSUPPORTED.contains(zone) || is_local(zone);
        if let Some(zone) = zones.iter().find(is_unsupported) {
            let valid = self.valid_zones().await?;
            return Err(words::unsupported_zone(name, zone, &valid));
        }
        if zones.len() < 2 {
            let message = "Subnets specified must be in at least two different AZs";
            return Err(words::invalid(message));
        }
        let vpc_id = one_vpc(&subnets)?;
        for group in texts(&vpc["securityGroupIds"]) {
            self.security_group_in(&group, &vpc_id).await?;
        }
        self.role(self.request.need("roleArn")?, "eks.amazonaws.com")
            .await?;
        for encryption in self
            .request
            .get("encryptionConfig")
            .as_array()
            .into_iter()
            .flatten()
        {
            self.key(&encryption["provider"]["keyArn"]).await?;
        }
        let found = self
            .moto
            .call("ec2", "DescribeVpcs", &[("VpcId.1", &vpc_id)])
            .await;
        let found = found.map_err(|error| Fault::internal(&error))?;
        Ok(Surroundings {
            vpc_cidr: xml::text(&found, "cidrBlock").unwrap_or_default(),
            vpc_id,
            subnets: subnet_ids,
        })
    }

    /// A subnet, which must be there.
    pub(in crate::cloud::gateway::eks) async fn subnet(&self, id: &str) -> Result<Subnet, Fault> {
        let found = self
            .moto
            .call("ec2", "DescribeSubnets", &[("SubnetId.1", id)])
            .await;
        let found = found.map_err(|error| refused(&error))?;
        Ok(Subnet {
            vpc_id: xml::text(&found, "vpcId").unwrap_or_default(),
            zone: xml::text(&found, "availabilityZone").unwrap_or_default(),
        })
    }

    async fn security_group_in(&self, id: &str, vpc_id: &str) -> Result<(), Fault> {
        let found = self
            .moto
            .call("ec2", "DescribeSecurityGroups", &[("GroupId.1", id)])
            .await;
        let found = found.map_err(|error| refused(&error))?;
        if xml::text(&found, "vpcId").as_deref() == Some(vpc_id) {
            return Ok(());
        }
        let message = "Security group(s) and subnet(s) must belong to the same VPC";
        Err(words::invalid(message))
    }

    async fn valid_zones(&self) -> Result<Vec<String>, Fault> {
        let found = self
            .moto
            .call("ec2", "DescribeAvailabilityZones", &[])
            .await;
        let found = found.map_err(|error| Fault::internal(&error))?;
        let zones = xml::texts(&found, "zoneName").into_iter();
        Ok(zones
            .filter(|zone| !UNSUPPORTED.contains(&zone.as_str()) && !is_local(zone))
            .collect())
    }

    /// A role that EKS, or what it starts, can assume: there, old enough to be known everywhere, and with the right trust.
    pub(in crate::cloud::gateway::eks) async fn role(
        &self,
        arn: &str,
        service: &str,
    ) -> Result<(), Fault> {
        let not_assumable = || {
            words::invalid(format!(
                "Role with arn: {arn}, could not be assumed because it does not exist or the trusted entity is not correct"
            ))
        };
        let (_, name) = arn.split_once(":role/").ok_or_else(not_assumable)?;
        let name = name.rsplit('/').next().unwrap_or(name);
        let found = self
            .moto
            .call("iam", "GetRole", &[("RoleName", name)])
            .await;
        let Ok(found) = found else {
            return Err(not_assumable());
        };
        let created = xml::text(&found, "CreateDate").and_then(|text| text.parse().ok());
        let age = created.map(|created| self.now.duration_since(created));
        let known = crate::cloud::transition::seconds(self.transitions.role_assumable);
        let trust = xml::text(&found, "AssumeRolePolicyDocument").unwrap_or_default();
        let trust = crate::cloud::uri::decode_text(&trust);
        let is_young = age.is_some_and(|age| age < known);
        if xml::text(&found, "Arn").as_deref() != Some(arn) || is_young {
            return Err(not_assumable());
        }
        if trusts(&trust, service) {
            return Ok(());
        }
        Err(if service == "eks.amazonaws.com" {
            not_assumable()
        } else {
            words::invalid(format!(
                "Following required service principals [{service}] were not found in the trust relationships of nodeRole {arn}"
            ))
        })
    }

    pub(super) async fn key(&self, arn: &Value) -> Result<(), Fault> {
        let arn = arn.as_str().unwrap_or_default();
        let body = serde_json::json!({ "KeyId": arn });
        let found = self
            .moto
            .json("kms", "TrentService.DescribeKey", &body)
            .await;
        found.map(drop).map_err(|error| refused(&error))
    }

    /// The cluster's security group and the interfaces of its control plane.
    pub(super) async fn make_surroundings(
        &self,
        name: &str,
        surroundings: &Surroundings,
    ) -> Result<(String, Vec<String>), Fault> {
        let made = async {
            let group = self.make_security_group(name, &surroundings.vpc_id).await?;
            let mut interfaces = Vec::new();
            for subnet in surroundings.subnets.iter().take(MOST_INTERFACES) {
                let description = format!("Amazon EKS {name}");
                let parameters = [
                    ("SubnetId", subnet.as_str()),
                    ("Description", &description),
                    ("SecurityGroupId.1", &group),
                ];
                let answer = self
                    .moto
                    .call("ec2", "CreateNetworkInterface", &parameters)
                    .await?;
                interfaces.extend(xml::text(&answer, "networkInterfaceId"));
            }
            Ok((group, interfaces))
        };
        made.await
            .map_err(|error: MotoError| Fault::internal(&error))
    }

    async fn make_security_group(&self, name: &str, vpc_id: &str) -> Result<String, MotoError> {
        let unique: u32 = u32::from_be_bytes(crate::cloud::random::bytes());
        let group_name = format!("eks-cluster-sg-{name}-{unique}");
        let owned = format!("kubernetes.io/cluster/{name}");
        let parameters = [
            ("GroupName", group_name.as_str()),
            (
                "GroupDescription",
                "EKS created security group applied to ENI that is attached to EKS Control Plane master nodes, as well as any managed workloads.",
            ),
            ("VpcId", vpc_id),
            ("TagSpecification.1.ResourceType", "security-group"),
            ("TagSpecification.1.Tag.1.Key", "aws:eks:cluster-name"),
            ("TagSpecification.1.Tag.1.Value", name),
            ("TagSpecification.1.Tag.2.Key", &owned),
            ("TagSpecification.1.Tag.2.Value", "owned"),
            ("TagSpecification.1.Tag.3.Key", "Name"),
            ("TagSpecification.1.Tag.3.Value", &group_name),
        ];
        let answer = self
            .moto
            .call("ec2", "CreateSecurityGroup", &parameters)
            .await?;
        let group = xml::text(&answer, "groupId").unwrap_or_default();
        let parameters = [
            ("GroupId", group.as_str()),
            ("IpPermissions.1.IpProtocol", "-1"),
            ("IpPermissions.1.Groups.1.GroupId", &group),
        ];
        self.moto
            .call("ec2", "AuthorizeSecurityGroupIngress", &parameters)
            .await?;
        Ok(group)
    }

    /// The group of the cluster's logs, made where some are wanted and it is not there.
    pub(super) async fn keep_logs(&self, name: &str, logging: &Value) {
        let mut setups = logging["clusterLogging"].as_array().into_iter().flatten();
        if setups.any(|setup| setup["enabled"] == true) {
            let body = serde_json::json!({ "logGroupName": format!("/aws/eks/{name}/cluster") });
            tolerate(
                self.moto
                    .json("logs", "Logs_20140328.CreateLogGroup", &body)
                    .await,
            );
        }
    }
}

/// The VPC of all of these.
fn one_vpc(subnets: &[Subnet]) -> Result<String, Fault> {
    let vpcs: BTreeSet<&str> = subnets
        .iter()
        .map(|subnet| subnet.vpc_id.as_str())
        .collect();
    match Vec::from_iter(vpcs)[..] {
        [vpc] => Ok(vpc.to_owned()),
        _ => Err(words::invalid("Subnets specified must be in the same VPC")),
    }
}

/// Local zones have more parts than `us-east-1a`, such as `us-east-1-bos-1a`.
fn is_local(zone: &str) -> bool {
    zone.split('-').count() > 3
}

/// Whether a trust policy lets a service assume the role.
fn trusts(policy: &str, service: &str) -> bool {
    let Ok(policy) = serde_json::from_str::<Value>(policy) else {
        return false;
    };
    let list = |value: &Value| match value {
        Value::Array(items) => items.clone(),
        Value::Null => Vec::new(),
        one => vec![one.clone()],
    };
    list(&policy["Statement"]).iter().any(|statement| {
        let services = list(&statement["Principal"]["Service"]);
        let actions = list(&statement["Action"]);
        statement["Effect"] == "Allow"
            && services.iter().any(|known| known == service)
            && actions.iter().any(|action| action == "sts:AssumeRole")
    })
}

/// What another service says of what a request names, as EKS passes it on.
fn refused(error: &MotoError) -> Fault {
    match error {
        MotoError::Refused { message, .. } => words::invalid(message.clone()),
        other => Fault::internal(other),
    }
}

/// A new authority for a cluster without a control plane: base64 of its PEM text.
pub(super) fn certificate_authority() -> Result<String, Fault> {
    let made = rcgen::generate_simple_self_signed(["kubernetes".to_owned()]);
    let made = made.map_err(|error| Fault::internal(&error))?;
    Ok(BASE64.encode(made.cert.pem()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_trust_policy_names_the_service() {
        let policy = |principal: &str, effect: &str| {
            format!(
                r#"{{"Statement":[{{"Effect":"{effect}","Principal":{principal},"Action":"sts:AssumeRole"}}]}}"#
            )
        };
        let eks = "eks.amazonaws.com";
        let one = r#"{"Service":"eks.amazonaws.com"}"#;
        let two = r#"{"Service":["ec2.amazonaws.com","eks.amazonaws.com"]}"#;
        assert!(trusts(&policy(one, "Allow"), eks) && trusts(&policy(two, "Allow"), eks));
        assert!(!trusts(&policy(one, "Deny"), eks));
        assert!(!trusts(&policy(one, "Allow"), "ec2.amazonaws.com"));
        assert!(!trusts("no JSON", eks));
    }

    #[test]
    fn services_never_share_the_network_of_the_vpc() {
        let around = |cidr: &str| Surroundings {
            vpc_id: "vpc-1".to_owned(),
            vpc_cidr: cidr.to_owned(),
            subnets: Vec::new(),
        };
        assert_eq!(around("10.0.0.0/16").service_cidr(None), "172.20.0.0/16");
        assert_eq!(around("192.168.0.0/16").service_cidr(None), "10.100.0.0/16");
    }

    #[test]
    fn a_local_zone_is_told_by_its_name() {
        assert!(is_local("us-east-1-bos-1a") && !is_local("us-east-1a"));
    }
}
