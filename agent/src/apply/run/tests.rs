use std::sync::Mutex;

use jiff::Timestamp;

use super::*;
use crate::apply::act;
use crate::host::journal::Entry;
use crate::host::systemd::{self, UnitState};
use crate::plan::Action;

/// A machine whose units become active a number of polls after their restart, and whose programs end at once.
#[derive(Default)]
struct Fake {
    calls: Mutex<Vec<String>>,
    polls_until_active: usize,
    load: &'static str,
    program_fails: bool,
    journal: &'static [&'static str],
}

impl Fake {
    fn new(polls_until_active: usize) -> Self {
        Self {
            polls_until_active,
            load: "loaded",
            ..Self::default()
        }
    }

    fn note(&self, call: String) {
        self.calls.lock().unwrap().push(call);
    }

    /// Everything that was done, without the questions.
    fn done(&self) -> Vec<String> {
        let calls = self.calls.lock().unwrap();
        calls
            .iter()
            .filter(|call| !call.starts_with("unit"))
            .cloned()
            .collect()
    }
}

impl Units for Fake {
    async fn unit(&self, name: &str) -> Result<UnitState, systemd::Error> {
        let mut calls = self.calls.lock().unwrap();
        calls.push(format!("unit {name}"));
        let polls = calls
            .iter()
            .rev()
            .take_while(|call| call.starts_with("unit"))
            .count();
        let active = if polls > self.polls_until_active {
            "active"
        } else {
            "activating"
        };
        Ok(UnitState {
            load: self.load.into(),
            active: active.into(),
            sub: if self.load == "loaded" {
                "auto-restart"
            } else {
                "dead"
            }
            .into(),
            ..UnitState::default()
        })
    }
    async fn start(&self, _: &str) -> Result<(), systemd::Error> {
        unreachable!("the run phase restarts")
    }
    async fn restart(&self, name: &str) -> Result<(), systemd::Error> {
        self.note(format!("restart {name}"));
        if self.load == "loaded" {
            return Ok(());
        }
        Err(systemd::Error::Deadline {
            operation: "restarting",
            unit: name.to_owned(),
        })
    }
    async fn enable(&self, _: &[&str]) -> Result<(), systemd::Error> {
        unreachable!("the run phase enables nothing")
    }
    async fn reload(&self) -> Result<(), systemd::Error> {
        self.note("reload".to_owned());
        Ok(())
    }
}

impl Run for Fake {
    async fn run(&self, program: &str, arguments: &[&str], _: Duration) -> Result<(), exec::Error> {
        self.note(format!("{program} {}", arguments.join(" ")));
        if self.program_fails {
            return Err(exec::Error::Start {
                program: program.to_owned(),
                source: std::io::ErrorKind::NotFound.into(),
            });
        }
        Ok(())
    }
}

impl Recent for Fake {
    async fn since(&self, unit: &str, _: Timestamp) -> Vec<Entry> {
        let entry = |message: &&str| Entry {
            unit: unit.to_owned(),
            identifier: unit.trim_end_matches(".service").to_owned(),
            message: (*message).to_owned(),
            at: Timestamp::UNIX_EPOCH,
            cursor: String::new(),
        };
        self.journal.iter().map(entry).collect()
    }
}

async fn start_all(fake: &Fake, daemons: &[Daemon], summary: &Summary) -> Result<(), Error> {
    start(fake, fake, fake, daemons, summary).await
}

#[tokio::test(start_paused = true)]
async fn containerd_comes_before_the_kubelet_whatever_the_order_asked() {
    let fake = Fake::new(3);
    let daemons = [Daemon::Kubelet, Daemon::Containerd];
    start_all(&fake, &daemons, &Summary::default())
        .await
        .unwrap();
    assert_eq!(
        fake.done(),
        ["restart containerd.service", "restart kubelet.service"]
    );
}

#[tokio::test(start_paused = true)]
async fn the_pause_image_is_imported_between_the_two_when_soci_pulls() {
    let summary = Summary {
        fast_image_pull: true,
        ..Summary::default()
    };
    let fake = Fake::new(0);
    start_all(&fake, &Daemon::ALL, &summary).await.unwrap();
    assert_eq!(
        fake.done(),
        [
            "restart containerd.service",
            "ctr --namespace k8s.io images import --snapshotter soci /etc/eks/pause.tar",
            "restart kubelet.service"
        ]
    );
    let fake = Fake::new(0);
    start_all(&fake, &[Daemon::Kubelet], &summary)
        .await
        .unwrap();
    assert_eq!(fake.done(), ["restart kubelet.service"]);
}

#[tokio::test(start_paused = true)]
async fn a_daemon_that_does_not_start_is_an_error_in_time() {
    let fake = Fake::new(usize::MAX);
    let error = start_all(&fake, &Daemon::ALL, &Summary::default())
        .await
        .unwrap_err();
    assert!(
        error
            .to_string()
            .starts_with("unit `containerd.service` is not active after 60 s: it is `activating`")
    );
    assert_eq!(fake.done(), ["restart containerd.service"]);
}

#[tokio::test(start_paused = true)]
async fn a_kubelet_that_keeps_dying_is_left_to_the_join_phase() {
    let fake = Fake::new(usize::MAX);
    start_all(&fake, &[Daemon::Kubelet], &Summary::default())
        .await
        .unwrap();
    assert_eq!(fake.done(), ["restart kubelet.service"]);
}

#[tokio::test(start_paused = true)]
async fn a_daemon_that_is_not_installed_is_named() {
    let fake = Fake {
        load: "not-found",
        ..Fake::new(usize::MAX)
    };
    let error = start_all(&fake, &[Daemon::Kubelet], &Summary::default())
        .await
        .unwrap_err();
    assert_eq!(error.to_string(), "unit `kubelet.service` is not installed");
    assert_eq!(error.finding().code, "bootstrap.kubelet_missing");
}

#[tokio::test(start_paused = true)]
async fn a_daemon_that_is_masked_is_named() {
    let fake = Fake {
        load: "masked",
        ..Fake::new(usize::MAX)
    };
    let error = start_all(&fake, &Daemon::ALL, &Summary::default())
        .await
        .unwrap_err();
    assert_eq!(error.to_string(), "unit `containerd.service` is masked");
    assert_eq!(error.finding().code, "runtime.not_installed");
}

#[tokio::test(start_paused = true)]
async fn a_containerd_that_says_why_it_dies_is_not_waited_for() {
    const SAID: &str =
        "containerd: failed to load TOML: /etc/containerd/config.toml: (1, 13): no value";
    let fake = Fake {
        journal: &[SAID],
        ..Fake::new(usize::MAX)
    };
    let began = tokio::time::Instant::now();
    let error = start_all(&fake, &Daemon::ALL, &Summary::default())
        .await
        .unwrap_err();
    assert_eq!(error.finding().code, "runtime.config_invalid");
    assert_eq!(error.evidence(), [SAID]);
    assert!(began.elapsed() < Duration::from_secs(5));
}

#[tokio::test(start_paused = true)]
async fn a_containerd_that_dies_of_something_else_gets_its_time_and_the_last_word() {
    let fake = Fake {
        journal: &["starting", "something odd"],
        ..Fake::new(usize::MAX)
    };
    let error = start_all(&fake, &Daemon::ALL, &Summary::default())
        .await
        .unwrap_err();
    assert_eq!(error.finding().code, "runtime.not_ready");
    assert_eq!(error.evidence(), ["starting", "something odd"]);
}

#[tokio::test]
async fn the_marker_is_there_before_the_disks_are_touched() {
    let directory = tempfile::tempdir().unwrap();
    let root = Root::new(directory.path());
    let summary = Summary {
        local_disks: vec!["raid0".into(), "--no-bind-soci".into()],
        ..Summary::default()
    };
    let fake = Fake {
        program_fails: true,
        ..Fake::new(0)
    };
    let error = prepare(&root, &fake, &summary).await.unwrap_err();
    assert_eq!(
        node::chain::Chain(&error).to_string(),
        "setting up the local disks: starting `setup-local-disks`: entity not found"
    );
    assert!(root.exists(path::MARKER));
    assert_eq!(fake.done(), ["setup-local-disks raid0 --no-bind-soci"]);
}

#[tokio::test]
async fn a_machine_without_local_disks_is_left_alone() {
    let directory = tempfile::tempdir().unwrap();
    let root = Root::new(directory.path());
    let fake = Fake::new(0);
    prepare(&root, &fake, &Summary::default()).await.unwrap();
    assert_eq!(fake.done(), Vec::<String>::new());
    assert_eq!(root.list("/run/nodeadm").unwrap(), ["init"]);
}

#[tokio::test(start_paused = true)]
async fn actions_are_done_in_their_order_and_a_missing_resolver_is_a_warning() {
    let actions = [
        Action::DaemonReload,
        Action::RestartUnit("systemd-resolved.service"),
    ];
    let fake = Fake::new(2);
    assert_eq!(act(&fake, &actions).await.unwrap(), Vec::<String>::new());
    assert_eq!(fake.done(), ["reload", "restart systemd-resolved.service"]);
    let fake = Fake {
        load: "not-found",
        ..Fake::new(usize::MAX)
    };
    assert_eq!(
        act(&fake, &actions).await.unwrap(),
        ["unit `systemd-resolved.service` is not installed; its configuration has no effect"]
    );
}
