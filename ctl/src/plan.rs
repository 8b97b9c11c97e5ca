//! What is to be changed. Pure: what was observed and what is wanted in, changes out.

pub mod kubeconfig;
