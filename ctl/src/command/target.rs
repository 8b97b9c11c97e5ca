//! The cluster that a command means which does not read a `cluster.yaml`.

use super::error::Error;
use super::ground::Ground;
use crate::cli::{AccessFlags, ClusterFlag};
use crate::observe::cluster::{self, Target, Wish};
use crate::observe::kubeconfig;

/// The cluster of the flag, else of the context.
pub(super) fn target(flag: &ClusterFlag, access: &AccessFlags) -> Result<Target, Error> {
    let kubeconfig = kubeconfig::read(access.kubeconfig.as_deref())?;
    let wish = Wish {
        cluster: flag.name.clone(),
        context: access.context.clone(),
        kubeconfig_given: access.kubeconfig.is_some(),
        access: access.aws(),
    };
    Ok(cluster::resolve(kubeconfig.as_ref(), &wish)?)
}

/// Its account and region.
pub(super) async fn ground(target: &Target, access: &AccessFlags) -> Result<Ground, Error> {
    let access = AccessFlags {
        profile: target.access.profile.clone(),
        region: target.access.region.clone(),
        role_arn: target.access.role_arn.clone(),
        ..access.clone()
    };
    Ground::new(&access, None).await
}
