//! AWS, Kubernetes and the kubeconfig as they are. Reads only; decides nothing but how an answer is put into our types.

pub mod aws;
pub mod choices;
pub mod clients;
pub mod cluster;
pub mod ec2;
pub mod eks;
pub mod existing;
pub mod kubeconfig;
pub mod kubernetes;
pub mod leftovers;
pub mod overview;
mod parallel;
mod policy;
pub mod resources;
mod tags;
