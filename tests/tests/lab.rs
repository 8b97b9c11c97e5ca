//! Real nodes in a real cluster, one lab a topic. Needs root; says so and passes where it cannot run.

#![expect(
    clippy::panic,
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "the helpers of a test are test code too"
)]

#[path = "lab/ask.rs"]
mod ask;
#[path = "lab/canary.rs"]
mod canary;
#[path = "lab/cloud_init.rs"]
mod cloud_init;
#[path = "lab/clusters.rs"]
mod clusters;
#[path = "lab/demo.rs"]
mod demo;
#[path = "lab/down.rs"]
mod down;
#[path = "lab/drain.rs"]
mod drain;
#[path = "lab/faults.rs"]
mod faults;
#[path = "lab/group.rs"]
mod group;
#[path = "lab/healthy.rs"]
mod healthy;
#[path = "lab/join.rs"]
mod join;
#[path = "lab/killed.rs"]
mod killed;
#[path = "lab/life.rs"]
mod life;
#[path = "lab/look.rs"]
mod look;
#[path = "lab/option.rs"]
mod option;
#[path = "lab/pod.rs"]
mod pod;
#[path = "lab/probe.rs"]
mod probe;
#[path = "lab/proxy.rs"]
mod proxy;
#[path = "lab/rules.rs"]
mod rules;
#[path = "lab/said.rs"]
mod said;
#[path = "lab/serve.rs"]
mod serve;
#[path = "lab/signals.rs"]
mod signals;
#[path = "lab/source.rs"]
mod source;
#[path = "lab/ssm.rs"]
mod ssm;
#[path = "lab/trouble.rs"]
mod trouble;

use std::{path::Path, process::Command, time::Duration};

use lab::{
    cluster,
    control_group::Host,
    file,
    layout::{Cache, Layout},
    setup,
};

const DEADLINE: Duration = Duration::from_mins(2);

/// A lab of the suite's own, or why there can be none here.
fn layout(name: &str) -> Option<(Cache, Layout)> {
    let why = if !setup::is_root() {
        "not root".to_owned()
    } else if let Err(error) = Host::detect() {
        error.to_string()
    } else if let Some(missing) = missing_file_system() {
        format!("this kernel has no {missing}")
    } else {
        let cache = Cache::from_environment().unwrap();
        let layout = cache.lab(name).unwrap();
        return Some((cache, layout));
    };
    println!("skipped: {why}");
    None
}

/// Overlays for the machines' roots; network namespaces come with every kernel that has control groups of version 2.
fn missing_file_system() -> Option<&'static str> {
    // Loading the module is harmless, and needed where nothing has used overlays yet.
    drop(Command::new("modprobe").arg("overlay").output());
    let known = file::read(Path::new("/proc/filesystems")).unwrap();
    (!known.contains("overlay")).then_some("overlayfs")
}

fn user_data(producer: &str) -> Vec<u8> {
    let cases = cluster::repository().join("tests/cases/producers");
    file::read_bytes(&cases.join(producer).join("user-data")).unwrap()
}
