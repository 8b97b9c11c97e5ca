//! The child is a shell script here, the client the other end of a pair of sockets.

use std::fs;

use tempfile::TempDir;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::UnixStream;

use super::*;

fn seen() -> watch::Receiver<Seen> {
    watch::channel(Seen::nothing()).1
}
/// As many as are read at a time.
const AT_A_TIME: usize = 4;
use crate::host::journal::tests::{line, script};
use crate::serve::connection::{Peer, answer};

fn query(parameters: &[(&str, &str)]) -> Result<Part, (StatusCode, String)> {
    let parameters: Vec<(String, String)> = parameters
        .iter()
        .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
        .collect();
    asked(
        &parameters,
        &Rules::shipped(),
        "2026-01-02T03:04:05Z".parse().unwrap(),
    )
}

#[test]
fn only_watched_units_and_known_words_are_taken() {
    let part = query(&[("unit", "kubelet"), ("unit", "kernel"), ("since", "5s")]).unwrap();
    assert_eq!(part.units, ["kernel", "kubelet.service"]);
    assert_eq!(part.since, Some("2026-01-02T03:04:00Z".parse().unwrap()));
    assert!(!part.follow);
    let kubelet = ("unit", "kubelet");
    assert!(
        query(&[kubelet, ("since", ""), ("follow", "true")])
            .unwrap()
            .follow
    );
    for (parameters, status) in [
        (&[("unit", "sshd")][..], 404),
        (&[kubelet, ("unit", "../kubelet")], 404),
        (&[("since", "5m")], 400),
        (&[kubelet, ("since", "soon")], 400),
        (&[kubelet, ("follow", "yes")], 400),
        (&[kubelet, ("file", "/etc/shadow")], 400),
    ] {
        let (code, text) = query(parameters).unwrap_err();
        assert_eq!(code.as_u16(), status, "{text}");
    }
}

/// A daemon with this script as its `journalctl`.
struct Daemon {
    directory: TempDir,
    router: axum::Router,
}

impl Daemon {
    fn start(body: &str) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let router = routed(script(directory.path(), body), "host", seen(), AT_A_TIME);
        Self { directory, router }
    }

    async fn ask(&self, target: &str) -> UnixStream {
        let (mut client, server) = UnixStream::pair().unwrap();
        tokio::spawn(answer("socket", server, Peer(None), self.router.clone()));
        let request = format!("GET {target} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n");
        client.write_all(request.as_bytes()).await.unwrap();
        client
    }

    async fn whole(&self, target: &str) -> String {
        let mut answer = Vec::new();
        self.ask(target)
            .await
            .read_to_end(&mut answer)
            .await
            .unwrap();
        String::from_utf8(answer).unwrap()
    }
}

async fn read_until(client: &mut UnixStream, wanted: &str) {
    let mut seen = Vec::new();
    while !String::from_utf8_lossy(&seen).contains(wanted) {
        let read = client.read_buf(&mut seen).await.unwrap();
        assert!(read > 0, "{}", String::from_utf8_lossy(&seen));
    }
}

#[tokio::test]
async fn lines_come_redacted_one_for_each_entry() {
    let daemon = Daemon::start(&format!(
        // The shell's `echo` makes one backslash of two.
        "echo '{}'\necho '{}'",
        line("a", "one"),
        line("b", r"two\\nproxy http://me:pw@10.0.0.1")
    ));
    let answer = daemon.whole("/v1/logs?unit=kubelet").await;
    assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
    for line in [
        "2026-01-02T03:04:05.000000Z host kubelet: one\n",
        "2026-01-02T03:04:05.000000Z host kubelet: two\\nproxy http://[redacted]@10.0.0.1\n",
    ] {
        assert!(answer.contains(line), "{answer}");
    }
}

#[tokio::test]
async fn a_journal_that_breaks_off_or_is_not_there_says_so() {
    let daemon = Daemon::start(&format!("echo '{}'\nexit 3", line("a", "one")));
    let answer = daemon.whole("/v1/logs?unit=kubelet").await;
    assert!(answer.contains(": one\n"), "{answer}");
    assert!(
        answer.contains("-- journalctl ended with exit status: 3 --\n"),
        "{answer}"
    );
    let missing = Daemon {
        router: routed("/none/journalctl".into(), "host", seen(), AT_A_TIME),
        ..daemon
    };
    let answer = missing.whole("/v1/logs?unit=kubelet").await;
    assert!(answer.starts_with("HTTP/1.1 503 "), "{answer}");
}

#[tokio::test]
async fn one_that_does_not_follow_is_cut() {
    let daemon = Daemon::start(&format!(
        "long=$(head -c 40000 /dev/zero | tr '\\0' x)\nfor number in $(seq 300); do echo '{}'\"$long\"'\"}}'; done",
        line("a", "").strip_suffix("\"}").unwrap()
    ));
    let answer = daemon.whole("/v1/logs?unit=kubelet&since=1h").await;
    // The script's lines are of a day that is long past.
    assert!(
        answer.ends_with("\r\n0\r\n\r\n") && answer.len() < 1000,
        "{answer}"
    );
    let answer = daemon
        .whole("/v1/logs?unit=kubelet&since=2026-01-02T03:04:05Z")
        .await;
    assert!(answer.contains("-- cut after 8 MiB; ask for less with `since` --\n"));
    assert!(answer.len() > 7 * 1024 * 1024 && answer.len() < 9 * 1024 * 1024);
}

#[tokio::test(start_paused = true)]
async fn one_that_does_not_follow_ends_in_time() {
    let daemon = Daemon::start(&format!("echo '{}'\nexec sleep 600", line("a", "one")));
    let answer = daemon.whole("/v1/logs?unit=kubelet").await;
    assert!(answer.contains("-- cut after 20 s;"), "{answer}");
}

#[tokio::test(start_paused = true)]
async fn one_that_follows_lasts_longer_than_a_connection_may() {
    let daemon = Daemon::start(&format!(
        "while [ ! -e go ]; do sleep 0.05; done\necho '{}'\nexec sleep 600",
        line("a", "late")
    ));
    let mut client = daemon.ask("/v1/logs?unit=kubelet&follow=true").await;
    read_until(&mut client, "HTTP/1.1 200 ").await;
    tokio::time::sleep(Duration::from_mins(10)).await;
    fs::write(daemon.directory.path().join("go"), b"").unwrap();
    read_until(&mut client, "host kubelet: late\n").await;
}

#[tokio::test]
async fn so_many_are_answered_at_a_time_and_one_that_leaves_makes_room() {
    let daemon = Daemon::start("exec sleep 600");
    let target = "/v1/logs?unit=kubelet&follow";
    let mut clients = Vec::new();
    for _ in 0..AT_A_TIME {
        let mut client = daemon.ask(target).await;
        read_until(&mut client, "HTTP/1.1 200 ").await;
        clients.push(client);
    }
    let refused = daemon.whole(target).await;
    assert!(refused.starts_with("HTTP/1.1 429 "), "{refused}");
    clients.pop();
    for _ in 0..200 {
        let mut client = daemon.ask(target).await;
        let mut status = [0; 12];
        client.read_exact(&mut status).await.unwrap();
        if &status == b"HTTP/1.1 200" {
            return;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    panic!("the place is not given back");
}
