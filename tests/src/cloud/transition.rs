//! How long things take that AWS does not do at once: set by suites in `RUN/transitions.json`, read again at each call.

use std::path::{Path, PathBuf};

use jiff::SignedDuration;
use serde::{Deserialize, Serialize};

use super::json_file::{self, JsonFileError};

/// Durations in seconds, one for each kind of transition.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Transitions {
    /// Cluster: `CREATING` to `ACTIVE`.
    pub cluster_create: f64,
    /// Cluster: `DELETING` to gone.
    pub cluster_delete: f64,
    /// Any update of a cluster but that of its version: `InProgress` to `Successful`.
    pub cluster_update: f64,
    /// Update of a cluster's version.
    pub cluster_version: f64,
    /// Node group: `CREATING` to `ACTIVE`.
    pub nodegroup_create: f64,
    /// Node group: `DELETING` to gone.
    pub nodegroup_delete: f64,
    /// Any update of a node group: `InProgress` to `Successful`.
    pub nodegroup_update: f64,
    /// Instance refresh of an Auto Scaling group: `InProgress` to `Successful`.
    pub instance_refresh: f64,
    /// Add-on: `CREATING` to `ACTIVE`.
    pub addon_create: f64,
    /// Add-on: `DELETING` to gone.
    pub addon_delete: f64,
    /// Update of an add-on: `InProgress` to `Successful`.
    pub addon_update: f64,
    /// NAT gateway: `pending` to `available`.
    pub nat_gateway_create: f64,
    /// NAT gateway: `deleting` to `deleted`.
    pub nat_gateway_delete: f64,
    /// From `CreateRole` until EKS can assume the role: IAM is eventually consistent.
    pub role_assumable: f64,
}

impl Default for Transitions {
    /// For suites: each a fifth of a second, so that every state is seen and nobody waits.
    fn default() -> Self {
        Self::all(0.2)
    }
}

impl Transitions {
    /// Everything takes as long.
    #[must_use]
    pub fn all(seconds: f64) -> Self {
        Self {
            cluster_create: seconds,
            cluster_delete: seconds,
            cluster_update: seconds,
            cluster_version: seconds,
            nodegroup_create: seconds,
            nodegroup_delete: seconds,
            nodegroup_update: seconds,
            instance_refresh: seconds,
            addon_create: seconds,
            addon_delete: seconds,
            addon_update: seconds,
            nat_gateway_create: seconds,
            nat_gateway_delete: seconds,
            role_assumable: seconds,
        }
    }

    /// As users of EKS report them, times `scale`; with 1 a whole cluster takes a quarter of an hour.
    #[must_use]
    pub fn realistic(scale: f64) -> Self {
        Self {
            cluster_create: 540.0 * scale,
            cluster_delete: 180.0 * scale,
            cluster_update: 120.0 * scale,
            cluster_version: 600.0 * scale,
            nodegroup_create: 150.0 * scale,
            nodegroup_delete: 210.0 * scale,
            nodegroup_update: 60.0 * scale,
            instance_refresh: 600.0 * scale,
            addon_create: 35.0 * scale,
            addon_delete: 15.0 * scale,
            addon_update: 30.0 * scale,
            nat_gateway_create: 110.0 * scale,
            nat_gateway_delete: 60.0 * scale,
            role_assumable: 10.0 * scale,
        }
    }

    /// Sets the durations of the account below `run`; they hold for what begins from now on.
    pub fn write(&self, run: &Path) -> Result<(), JsonFileError> {
        json_file::write(&path(run), self)
    }

    /// What is set; the default where nothing is.
    pub fn read(run: &Path) -> Result<Self, JsonFileError> {
        Ok(json_file::read(&path(run))?.unwrap_or_default())
    }
}

/// The file, which moto reads too.
pub(crate) fn path(run: &Path) -> PathBuf {
    run.join("transitions.json")
}

/// A number of seconds as a span of time; what is no span is none.
pub(super) fn seconds(seconds: f64) -> SignedDuration {
    SignedDuration::try_from_secs_f64(seconds).unwrap_or(SignedDuration::ZERO)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_suite_does_not_name_keeps_its_default() {
        let run = tempfile::tempdir().unwrap();
        assert_eq!(
            Transitions::read(run.path()).unwrap(),
            Transitions::all(0.2)
        );
        std::fs::write(path(run.path()), r#"{ "cluster_create": 3 }"#).unwrap();
        let read = Transitions::read(run.path()).unwrap();
        assert_eq!((read.cluster_create, read.addon_create), (3.0, 0.2));
        assert_eq!(seconds(read.cluster_create).as_secs(), 3);
        assert_eq!(seconds(f64::NAN), SignedDuration::ZERO);
    }

    #[test]
    fn the_realistic_durations_scale() {
        let (whole, tenth) = (Transitions::realistic(1.0), Transitions::realistic(0.1));
        assert!((whole.cluster_create - tenth.cluster_create * 10.0).abs() < 1e-6);
        assert!(whole.cluster_create > whole.nodegroup_create);
    }
}
