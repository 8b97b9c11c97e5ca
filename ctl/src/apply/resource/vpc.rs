//! VPCs.

use aws_sdk_ec2::types::{self, AttributeBooleanValue, ResourceType, VpcState};

use super::at::{At, id, once, pending};
use super::{ec2_tags, tags};
use crate::apply::hands::{Error, Look};
use crate::plan::change::FieldChange;
use crate::resource::{Outputs, Vpc};

const CREATE: &str = "ec2:CreateVpc";
const MODIFY: &str = "ec2:ModifyVpcAttribute";

pub(super) async fn create(at: At<'_>, wanted: &Vpc) -> Result<Outputs, Error> {
    let found = find(at, wanted, &Outputs::new()).await?;
    let vpc = match found.as_ref().and_then(types::Vpc::vpc_id) {
        Some(vpc) => vpc.to_owned(),
        None => make(at, wanted).await?,
    };
    // Only a plan that knew nothing of it gets here with one that was there; what it then has is set in any case.
    let has = match found {
        Some(_) => (!wanted.dns_support, !wanted.dns_hostnames),
        None => NEW,
    };
    set_attributes(at, &vpc, has, wanted).await?;
    Ok(id(vpc))
}

async fn make(at: At<'_>, wanted: &Vpc) -> Result<String, Error> {
    let answer = at
        .clients
        .ec2
        .create_vpc()
        .cidr_block(&wanted.cidr)
        .tag_specifications(tags::specification(ResourceType::Vpc, &wanted.tags))
        .customize()
        .config_override(once())
        .send()
        .await
        .map_err(at.failed(CREATE))?;
    let vpc = answer.vpc().and_then(types::Vpc::vpc_id);
    at.has(CREATE, "id", vpc.map(str::to_owned))
}

/// Whether the resolver and host names are on in a VPC that was just made.
const NEW: (bool, bool) = (true, false);

/// Sets what differs. EC2 takes one attribute a call, and host names only after the resolver.
async fn set_attributes(
    at: At<'_>,
    vpc: &str,
    (has_support, has_hostnames): (bool, bool),
    wanted: &Vpc,
) -> Result<(), Error> {
    let flag = |value| AttributeBooleanValue::builder().value(value).build();
    let modify = || at.clients.ec2.modify_vpc_attribute().vpc_id(vpc);
    let support = (has_support != wanted.dns_support)
        .then(|| modify().enable_dns_support(flag(wanted.dns_support)));
    let hostnames = (has_hostnames != wanted.dns_hostnames)
        .then(|| modify().enable_dns_hostnames(flag(wanted.dns_hostnames)));
    // Host names need the resolver: the one that goes off goes first.
    let calls = if wanted.dns_support {
        [support, hostnames]
    } else {
        [hostnames, support]
    };
    for call in calls.into_iter().flatten() {
        call.send().await.map_err(at.failed(MODIFY))?;
    }
    Ok(())
}

pub(super) async fn change(
    at: At<'_>,
    vpc: &str,
    (observed, wanted): (&Vpc, &Vpc),
    fields: &[FieldChange],
) -> Result<Outputs, Error> {
    let has = (observed.dns_support, observed.dns_hostnames);
    set_attributes(at, vpc, has, wanted).await?;
    ec2_tags::change(at, vpc, fields, (&observed.tags, &wanted.tags)).await?;
    Ok(id(vpc))
}

pub(super) async fn delete(at: At<'_>, vpc: &str) -> Result<(), Error> {
    let call = at.clients.ec2.delete_vpc().vpc_id(vpc);
    call.send().await.map_err(at.failed("ec2:DeleteVpc"))?;
    Ok(())
}

pub(super) async fn look(at: At<'_>, wanted: &Vpc, known: &Outputs) -> Result<Look, Error> {
    let Some(vpc) = find(at, wanted, known).await? else {
        return Ok(Look::Gone);
    };
    let name = vpc.vpc_id().unwrap_or_default();
    Ok(match vpc.state() {
        Some(VpcState::Available) => Look::Ready(id(name)),
        state => pending(format!(
            "{name} is {}",
            state.map_or("new", VpcState::as_str)
        )),
    })
}

async fn find(at: At<'_>, wanted: &Vpc, known: &Outputs) -> Result<Option<types::Vpc>, Error> {
    let Some(filters) = tags::filters("vpc-id", known, &wanted.tags) else {
        return Ok(None);
    };
    let call = at.clients.ec2.describe_vpcs().set_filters(Some(filters));
    let answer = call.send().await.map_err(at.failed("ec2:DescribeVpcs"))?;
    Ok(answer.vpcs().first().cloned())
}
