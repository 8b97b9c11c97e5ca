//! The calls that make, change, delete and look at each kind of thing in AWS and in the cluster.
//!
//! One file a kind. What a service is asked for is made by pure functions; the calls themselves are thin. A thing is made with
//! its owner tags in the same call wherever its API can do that, and every creation looks first for what carries them: a run that
//! was killed after the call finds what it made.

mod access_entry;
mod addon;
mod at;
mod auto_scaling_group;
mod aws_auth;
mod cluster;
mod ec2_tags;
mod eks;
mod error;
mod fields;
mod iam_tags;
mod instance_profile;
mod internet_gateway;
mod launch_template;
mod log_group;
mod nat_gateway;
mod network_interface;
mod node_group;
mod oidc_provider;
mod pod_identity;
mod role;
mod route_table;
mod security_group;
mod subnet;
mod tags;
mod updates;
mod vpc;

use at::At;
use error::{Reason, while_creating};
use updates::Updates;

use super::hands::{Error, Hands, Look, Why};
use crate::observe::clients::Clients;
use crate::plan::change::FieldChange;
use crate::resource::{Address, Attribute, Body, Observed, Outputs};

/// The calls, to AWS and to the API server of the cluster.
#[derive(Debug)]
pub struct AwsHands {
    clients: Clients,
    updates: Updates,
}

impl AwsHands {
    /// Calls with these clients.
    pub fn new(clients: Clients) -> Self {
        Self {
            clients,
            updates: Updates::default(),
        }
    }

    fn at<'a>(&'a self, address: &'a Address) -> At<'a> {
        At {
            clients: &self.clients,
            address,
        }
    }
}

/// The id by which the API of a thing knows it.
fn known_id(observed: &Observed) -> &str {
    observed
        .outputs
        .get(&Attribute::Id)
        .map_or("", String::as_str)
}

impl Hands for AwsHands {
    async fn create(&self, address: &Address, body: &Body, token: &str) -> Result<Outputs, Error> {
        let at = self.at(address);
        let mut created = Box::pin(create(at, body, token)).await;
        if matches!(&created, Err(error) if error.why == Why::Exists) {
            // The SDK repeats a call whose answer was lost, and the second one finds what the first has made: another look tells
            // whose it is.
            created = Box::pin(create(at, body, token)).await;
        }
        created.map_err(while_creating)
    }

    async fn change(
        &self,
        address: &Address,
        observed: &Observed,
        wanted: &Body,
        fields: &[FieldChange],
    ) -> Result<Outputs, Error> {
        let at = self.at(address);
        Box::pin(change(at, &self.updates, observed, wanted, fields)).await
    }

    async fn delete(&self, observed: &Observed) -> Result<(), Error> {
        let at = self.at(&observed.address);
        at::unless_gone(Box::pin(delete(at, observed)).await)?;
        Ok(())
    }

    async fn look(&self, address: &Address, body: &Body, known: &Outputs) -> Result<Look, Error> {
        let at = self.at(address);
        match Box::pin(look(at, &self.updates, body, known)).await {
            Err(error) if error.why == Why::Gone => Ok(Look::Gone),
            answer => answer,
        }
    }
}

async fn create(at: At<'_>, body: &Body, token: &str) -> Result<Outputs, Error> {
    match body {
        Body::Vpc(body) => vpc::create(at, body).await,
        Body::InternetGateway(body) => internet_gateway::create(at, body).await,
        Body::Subnet(body) => subnet::create(at, body).await,
        Body::SubnetTags(body) => subnet::tag(at, body).await,
        Body::ElasticIp(body) => nat_gateway::allocate(at, body).await,
        Body::NatGateway(body) => nat_gateway::create(at, body, token).await,
        Body::RouteTable(body) => route_table::create(at, body, token).await,
        Body::SecurityGroup(body) => security_group::create(at, body).await,
        Body::LogGroup(body) => log_group::create(at, body).await,
        Body::Role(body) => role::create(at, body).await,
        Body::InstanceProfile(body) => instance_profile::create(at, body).await,
        Body::Cluster(body) => cluster::create(at, body, token).await,
        Body::OidcProvider(body) => oidc_provider::create(at, body).await,
        Body::AccessEntry(body) => access_entry::create(at, body, token).await,
        Body::AwsAuthRole(body) => aws_auth::put(at, body).await,
        Body::Addon(body) => addon::create(at, body, token).await,
        Body::PodIdentityAssociation(body) => pod_identity::create(at, body, token).await,
        Body::LaunchTemplate(body) => launch_template::create(at, body, token).await,
        Body::NodeGroup(body) => node_group::create(at, body, token).await,
        Body::AutoScalingGroup(body) => auto_scaling_group::create(at, body).await,
    }
}

async fn change(
    at: At<'_>,
    updates: &Updates,
    observed: &Observed,
    wanted: &Body,
    fields: &[FieldChange],
) -> Result<Outputs, Error> {
    let id = known_id(observed);
    match (&observed.body, wanted) {
        (Body::Vpc(was), Body::Vpc(is)) => vpc::change(at, id, (was, is), fields).await,
        (Body::InternetGateway(was), Body::InternetGateway(is)) => {
            internet_gateway::change(at, id, (was, is), fields).await
        }
        (Body::Subnet(was), Body::Subnet(is)) => subnet::change(at, id, (was, is), fields).await,
        (Body::SubnetTags(_), Body::SubnetTags(is)) => subnet::tag(at, is).await,
        (Body::ElasticIp(was), Body::ElasticIp(is)) => {
            nat_gateway::change(at, id, (&was.tags, &is.tags), fields).await
        }
        (Body::NatGateway(was), Body::NatGateway(is)) => {
            nat_gateway::change(at, id, (&was.tags, &is.tags), fields).await
        }
        (Body::RouteTable(was), Body::RouteTable(is)) => {
            route_table::change(at, id, (was, is), fields).await
        }
        (Body::SecurityGroup(was), Body::SecurityGroup(is)) => {
            security_group::change(at, id, (was, is), fields).await
        }
        (Body::LogGroup(was), Body::LogGroup(is)) => log_group::change(at, (was, is), fields).await,
        (Body::Role(was), Body::Role(is)) => role::change(at, (was, is), fields).await,
        (Body::InstanceProfile(was), Body::InstanceProfile(is)) => {
            instance_profile::change(at, (was, is), fields).await
        }
        (Body::Cluster(was), Body::Cluster(is)) => {
            cluster::change(at, updates, (was, is), fields).await
        }
        (Body::OidcProvider(was), Body::OidcProvider(is)) => {
            oidc_provider::change(at, id, (was, is), fields).await
        }
        (Body::AccessEntry(was), Body::AccessEntry(is)) => {
            access_entry::change(at, (was, is), fields).await
        }
        (Body::AwsAuthRole(_), Body::AwsAuthRole(is)) => aws_auth::put(at, is).await,
        (Body::Addon(was), Body::Addon(is)) => addon::change(at, updates, (was, is), fields).await,
        (Body::PodIdentityAssociation(was), Body::PodIdentityAssociation(is)) => {
            pod_identity::change(at, (was, is), fields).await
        }
        (Body::LaunchTemplate(was), Body::LaunchTemplate(is)) => {
            launch_template::change(at, &observed.outputs, (was, is), fields).await
        }
        (Body::NodeGroup(was), Body::NodeGroup(is)) => {
            node_group::change(at, updates, (was, is), fields).await
        }
        (Body::AutoScalingGroup(was), Body::AutoScalingGroup(is)) => {
            auto_scaling_group::change(at, updates, (was, is), fields).await
        }
        _ => Err(Reason::Kind {
            object: at.address.to_string(),
        }
        .into()),
    }
}

async fn delete(at: At<'_>, observed: &Observed) -> Result<(), Error> {
    let id = known_id(observed);
    match &observed.body {
        Body::Vpc(_) => vpc::delete(at, id).await,
        Body::InternetGateway(body) => internet_gateway::delete(at, id, body).await,
        Body::Subnet(_) => subnet::delete(at, id).await,
        Body::SubnetTags(body) => subnet::untag(at, body).await,
        Body::ElasticIp(_) => nat_gateway::release(at, id).await,
        Body::NatGateway(_) => nat_gateway::delete(at, id).await,
        Body::RouteTable(body) => route_table::delete(at, id, body).await,
        Body::SecurityGroup(_) => security_group::delete(at, id).await,
        Body::LogGroup(body) => log_group::delete(at, &body.name).await,
        Body::Role(body) => role::delete(at, &body.name).await,
        Body::InstanceProfile(body) => instance_profile::delete(at, &body.name).await,
        Body::Cluster(body) => cluster::delete(at, &body.name).await,
        Body::OidcProvider(_) => oidc_provider::delete(at, id).await,
        Body::AccessEntry(body) => access_entry::delete(at, body).await,
        Body::AwsAuthRole(body) => aws_auth::delete(at, body).await,
        Body::Addon(body) => addon::delete(at, body).await,
        Body::PodIdentityAssociation(body) => pod_identity::delete(at, body).await,
        Body::LaunchTemplate(_) => launch_template::delete(at, id).await,
        Body::NodeGroup(body) => node_group::delete(at, body).await,
        Body::AutoScalingGroup(body) => auto_scaling_group::delete(at, &body.name).await,
    }
}

async fn look(at: At<'_>, updates: &Updates, body: &Body, known: &Outputs) -> Result<Look, Error> {
    match body {
        Body::Vpc(body) => vpc::look(at, body, known).await,
        Body::InternetGateway(body) => internet_gateway::look(at, body, known).await,
        Body::Subnet(body) => subnet::look(at, body, known).await,
        Body::SubnetTags(body) => subnet::look_at_tags(at, body).await,
        Body::ElasticIp(body) => nat_gateway::look_at_address(at, body, known).await,
        Body::NatGateway(body) => nat_gateway::look(at, body, known).await,
        Body::RouteTable(body) => route_table::look(at, body, known).await,
        Body::SecurityGroup(body) => security_group::look(at, body, known).await,
        Body::LogGroup(body) => log_group::look(at, body).await,
        Body::Role(body) => role::look(at, body).await,
        Body::InstanceProfile(body) => instance_profile::look(at, body).await,
        Body::Cluster(body) => cluster::look(at, updates, body).await,
        Body::OidcProvider(body) => oidc_provider::look(at, body).await,
        Body::AccessEntry(body) => access_entry::look(at, body).await,
        Body::AwsAuthRole(body) => aws_auth::look(at, body).await,
        Body::Addon(body) => addon::look(at, updates, body).await,
        Body::PodIdentityAssociation(body) => pod_identity::look(at, body).await,
        Body::LaunchTemplate(body) => launch_template::look(at, body, known).await,
        Body::NodeGroup(body) => node_group::look(at, updates, body).await,
        Body::AutoScalingGroup(body) => auto_scaling_group::look(at, updates, body).await,
    }
}
