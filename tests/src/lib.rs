//! The lab: real kubelets join a real API server on one machine, without an AWS account.
//!
//! Real are etcd, the API server, the controller manager, the authenticator, systemd, containerd, the kubelet and moto;
//! ours are the gateway in front of moto, the metadata service and the machines. One lab is one network namespace, one
//! tree of control groups and one directory, and leaves nothing when it goes.
//!
//! | Question | Module |
//! |---|---|
//! | Where do things lie? | [`layout`], [`cluster`] |
//! | What must be built or installed first? | [`setup`], [`image`] |
//! | What makes a lab, and what takes it away? | [`lifecycle`], [`guard`] |
//! | What runs in it? | [`control_plane`], [`aws`], [`cloud`], [`machine`], [`exec`] |
//! | What has become of a machine? | [`node_object`], [`verdict`] |
//! | On what does it stand? | [`network`], [`control_group`], [`process`], [`pki`], [`mount`], [`file`], [`virtual_root`] |
//! | What does a person type? | [`command`], [`demo`], [`bench`] |

pub mod aws;
pub mod bench;
pub mod cloud;
pub mod cluster;
pub mod command;
pub mod control_group;
pub mod control_plane;
pub mod demo;
pub mod exec;
pub mod file;
pub mod guard;
pub mod image;
pub mod layout;
pub mod lifecycle;
pub mod machine;
pub mod mount;
pub mod network;
pub mod node_object;
pub mod pki;
pub mod process;
pub mod progress;
pub mod setup;
pub mod verdict;
pub mod virtual_root;
pub mod wait;
