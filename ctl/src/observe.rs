//! AWS, Kubernetes and the kubeconfig as they are. Reads only; decides nothing but how an answer is put into our types.

pub mod aws;
pub mod cluster;
pub mod ec2;
pub mod eks;
pub mod kubeconfig;
pub mod kubernetes;
