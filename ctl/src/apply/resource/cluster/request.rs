//! What EKS is asked for. Pure.

use aws_sdk_eks::operation::create_cluster::builders::CreateClusterInputBuilder;
use aws_sdk_eks::operation::update_cluster_config::builders::UpdateClusterConfigInputBuilder;
use aws_sdk_eks::types::{
    AuthenticationMode, CreateAccessConfigRequest, EncryptionConfig,
    KubernetesNetworkConfigRequest, LogSetup, LogType, Logging, Provider,
    UpdateAccessConfigRequest, VpcConfigRequest,
};

use super::super::at::{plain, plains};
use super::super::fields::touches;
use super::super::tags;
use crate::plan::change::FieldChange;
use crate::resource::{Cluster, Endpoint};

/// Every log type of a control plane.
const LOG_TYPES: [LogType; 5] = [
    LogType::Api,
    LogType::Audit,
    LogType::Authenticator,
    LogType::ControllerManager,
    LogType::Scheduler,
];

/// The request that makes a cluster.
pub(super) fn creation(wanted: &Cluster, token: &str) -> CreateClusterInputBuilder {
    let network = endpoint(&wanted.endpoint)
        .set_subnet_ids(Some(plains(&wanted.subnets)))
        .set_security_group_ids(
            Some(plains(&wanted.security_groups)).filter(|groups| !groups.is_empty()),
        );
    let access = CreateAccessConfigRequest::builder()
        .authentication_mode(AuthenticationMode::from(
            wanted.authentication_mode.as_str(),
        ))
        .bootstrap_cluster_creator_admin_permissions(wanted.creator_admin);
    let service_network = wanted.service_cidr.as_ref().map(|cidr| {
        KubernetesNetworkConfigRequest::builder()
            .service_ipv4_cidr(cidr)
            .build()
    });
    CreateClusterInputBuilder::default()
        .name(&wanted.name)
        .version(&wanted.version)
        .role_arn(plain(&wanted.role))
        .resources_vpc_config(network.build())
        .access_config(access.build())
        .set_kubernetes_network_config(service_network)
        .set_logging((!wanted.log_types.is_empty()).then(|| logging(wanted)))
        .set_encryption_config(encryption(wanted).map(|config| vec![config]))
        .bootstrap_self_managed_addons(wanted.self_managed_addons)
        .client_request_token(token)
        .set_tags(Some(tags::map(&wanted.tags)))
}

fn endpoint(wanted: &Endpoint) -> aws_sdk_eks::types::builders::VpcConfigRequestBuilder {
    // EKS refuses networks for a public endpoint that there is not.
    let cidrs = wanted.public.then_some(&wanted.public_cidrs);
    let cidrs = cidrs.filter(|cidrs| !cidrs.is_empty());
    VpcConfigRequest::builder()
        .endpoint_public_access(wanted.public)
        .endpoint_private_access(wanted.private)
        .set_public_access_cidrs(cidrs.map(|cidrs| cidrs.iter().cloned().collect()))
}

/// All log types: those that are on, and those that are off.
fn logging(wanted: &Cluster) -> Logging {
    let (on, off): (Vec<LogType>, Vec<LogType>) = LOG_TYPES
        .into_iter()
        .partition(|kind| wanted.log_types.contains(kind.as_str()));
    let setup = |types: Vec<LogType>, enabled: bool| {
        (!types.is_empty()).then(|| {
            LogSetup::builder()
                .enabled(enabled)
                .set_types(Some(types))
                .build()
        })
    };
    let setups = [setup(on, true), setup(off, false)];
    Logging::builder()
        .set_cluster_logging(Some(setups.into_iter().flatten().collect()))
        .build()
}

/// EKS encrypts all that the API server stores, whatever kinds of objects a request names.
fn encryption(wanted: &Cluster) -> Option<EncryptionConfig> {
    wanted.encryption_key.as_ref().map(|key| {
        EncryptionConfig::builder()
            .provider(Provider::builder().key_arn(key).build())
            .build()
    })
}

/// One update. EKS takes one kind of change in a call.
#[derive(Debug, Clone)]
pub(super) enum Step {
    /// Of the configuration; the name of the cluster is filled in when it is sent.
    Config(Box<UpdateClusterConfigInputBuilder>),
    /// Encryption of secrets.
    Encryption(EncryptionConfig),
    /// To a version of Kubernetes.
    Version(String),
}

/// The updates that lead to what is wanted, in their order: the version last, since it takes longest.
pub(super) fn steps(observed: &Cluster, wanted: &Cluster, fields: &[FieldChange]) -> Vec<Step> {
    let config = UpdateClusterConfigInputBuilder::default;
    let step = |call| Step::Config(Box::new(call));
    let mut steps = Vec::new();
    if touches(fields, "authenticationMode") {
        for mode in modes(&observed.authentication_mode, &wanted.authentication_mode) {
            let access = UpdateAccessConfigRequest::builder()
                .authentication_mode(mode)
                .build();
            steps.push(step(config().access_config(access)));
        }
    }
    if touches(fields, "endpoint") {
        let endpoint = endpoint(&wanted.endpoint).build();
        steps.push(step(config().resources_vpc_config(endpoint)));
    }
    if touches(fields, "subnets") || touches(fields, "securityGroups") {
        let network = VpcConfigRequest::builder()
            .set_subnet_ids(Some(plains(&wanted.subnets)))
            .set_security_group_ids(Some(plains(&wanted.security_groups)))
            .build();
        steps.push(step(config().resources_vpc_config(network)));
    }
    if touches(fields, "logTypes") {
        steps.push(step(config().logging(logging(wanted))));
    }
    if touches(fields, "encryptionKey") {
        steps.extend(encryption(wanted).map(Step::Encryption));
    }
    if touches(fields, "version") {
        steps.push(Step::Version(wanted.version.clone()));
    }
    steps
}

/// EKS goes from the ConfigMap alone to the API alone in two steps.
fn modes(from: &str, to: &str) -> Vec<AuthenticationMode> {
    let to = AuthenticationMode::from(to);
    if AuthenticationMode::from(from) == AuthenticationMode::ConfigMap
        && to == AuthenticationMode::Api
    {
        return vec![AuthenticationMode::ApiAndConfigMap, to];
    }
    vec![to]
}

#[cfg(test)]
mod tests;
