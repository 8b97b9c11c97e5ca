//! Who asks, and what the region offers.

use aws_sdk_ec2::types::{AvailabilityZone, AvailabilityZoneOptInStatus};
use node::chain::Chain;

use crate::observe::aws;
use crate::observe::clients::Clients;

/// Zones, by id, in which EKS has no control planes: "Amazon EKS VPC and subnet requirements" of the EKS user guide.
const WITHOUT_EKS: [&str; 3] = ["use1-az3", "usw1-az2", "cac1-az3"];

/// Who asks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Caller {
    /// Twelve digits.
    pub account: String,
    /// ARN.
    pub arn: String,
    /// `aws`, `aws-cn` or `aws-us-gov`.
    pub partition: String,
}

/// Asks who asks.
pub async fn caller(clients: &Clients) -> Result<Caller, aws::Error> {
    let answer = clients.sts.get_caller_identity().send().await;
    let answer = answer.map_err(|error| {
        aws::Error::of_call("sts:GetCallerIdentity", "these credentials", error)
    })?;
    let arn = answer.arn().unwrap_or_default().to_owned();
    Ok(Caller {
        account: answer.account().unwrap_or_default().to_owned(),
        partition: arn.split(':').nth(1).unwrap_or("aws").to_owned(),
        arn,
    })
}

/// Asks for the zones that need no opt-in and in which EKS can work, in their order.
pub(super) async fn zones(clients: &Clients) -> Result<Vec<String>, aws::Error> {
    let answer = clients.ec2.describe_availability_zones().send().await;
    let answer = answer.map_err(|error| {
        let object = format!("region `{}`", clients.aws.region());
        aws::Error::of_call("ec2:DescribeAvailabilityZones", object, error)
    })?;
    let mut zones: Vec<String> = answer
        .availability_zones()
        .iter()
        .filter(|zone| is_usual(zone))
        .filter_map(|zone| zone.zone_name().map(str::to_owned))
        .collect();
    zones.sort();
    Ok(zones)
}

/// Neither a local zone nor one of a telephone network, and not without EKS.
fn is_usual(zone: &AvailabilityZone) -> bool {
    let opt_in = zone
        .opt_in_status()
        .is_none_or(|status| *status == AvailabilityZoneOptInStatus::OptInNotRequired);
    let zone_type = zone
        .zone_type()
        .is_none_or(|zone_type| zone_type == "availability-zone");
    let id = zone.zone_id().unwrap_or_default();
    opt_in && zone_type && !WITHOUT_EKS.contains(&id)
}

/// Asks for the versions of Kubernetes that EKS offers, the default first. An EKS that does not answer this question
/// offers an empty list: creating the cluster shows which versions it takes.
pub(super) async fn versions(clients: &Clients) -> Vec<String> {
    let pages = clients.eks.describe_cluster_versions().into_paginator();
    let found = match pages.items().send().try_collect().await {
        Ok(found) => found,
        Err(error) => {
            let error = aws::Error::of_call("eks:DescribeClusterVersions", "EKS", error);
            tracing::debug!(error = %Chain(&error), "versions of EKS are not known");
            return Vec::new();
        }
    };
    let mut versions: Vec<(bool, String)> = found
        .iter()
        .filter_map(|version| {
            let name = version.cluster_version()?.to_owned();
            Some((!version.default_version(), name))
        })
        .collect();
    versions.sort_by_key(|(other, _)| *other);
    versions.into_iter().map(|(_, name)| name).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn local_zones_and_those_without_eks_are_left_out() {
        let zone = |status, zone_type: &str, id: &str| {
            AvailabilityZone::builder()
                .opt_in_status(status)
                .zone_type(zone_type)
                .zone_id(id)
                .build()
        };
        let usual = AvailabilityZoneOptInStatus::OptInNotRequired;
        assert!(is_usual(&zone(
            usual.clone(),
            "availability-zone",
            "use1-az1"
        )));
        assert!(!is_usual(&zone(usual, "availability-zone", "use1-az3")));
        let local = AvailabilityZoneOptInStatus::OptedIn;
        assert!(!is_usual(&zone(local, "local-zone", "use1-bos1-az1")));
    }
}
