//! The only writer.

pub mod kubeconfig;
