//! What is to be changed. Pure: what was observed and what is wanted in, changes out.

pub mod addresses;
pub mod change;
pub mod cost;
pub mod deletion;
pub mod difference;
mod edges;
mod fingerprint;
pub mod kubeconfig;
mod order;
pub mod saved;
mod side;
pub mod wanted;

#[cfg(test)]
mod cases;
#[cfg(test)]
pub(crate) mod fixture;
