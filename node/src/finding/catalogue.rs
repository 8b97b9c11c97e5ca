//! The catalogue: every fault that the agent can name, one constant each, a file for each area.
//!
//! A code is never reused or renamed. An entry comes in together with the rule, probe or error that raises it.

mod aws;
mod bootstrap;
mod cni;
mod gpu;
mod image;
mod join;
mod kernel;
mod kubelet;
mod network;
mod runtime;
mod ssm;
mod storage;
mod time;

use super::Finding;

pub use aws::*;
pub use bootstrap::*;
pub use cni::*;
pub use gpu::*;
pub use image::*;
pub use join::*;
pub use kernel::*;
pub use kubelet::*;
pub use network::*;
pub use runtime::*;
pub use ssm::*;
pub use storage::*;
pub use time::*;

/// Every area, in the order of a boot.
const AREAS: &[&[&Finding]] = &[
    BOOTSTRAP, AWS, TIME, JOIN, NETWORK, KUBELET, RUNTIME, KERNEL, STORAGE, CNI, IMAGE, GPU, SSM,
];

/// Every entry of the catalogue, area by area.
pub fn catalogue() -> impl Iterator<Item = &'static Finding> {
    AREAS.iter().flat_map(|area| area.iter().copied())
}
