//! AWS's nodeadm as a peer. It writes to absolute paths, asks a kubelet for its version and holds a connection to
//! systemd, so it gets a mount namespace of its own with a directory of ours in the place of `/etc`, `/run` and
//! `/var/lib`, a kubelet that only says its version, and a systemd that only greets.

use std::ffi::OsString;
use std::fs;
use std::io;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::{UnixListener, UnixStream};

use crate::cluster::KUBERNETES_VERSION;

/// Puts the directories in place, then becomes the rest.
const ENTER: &str = r#"set -e
for directory in etc run var/lib; do mount --bind "$1/$directory" "/$directory"; done
shift
exec "$@""#;

/// Makes the surroundings below `root`; the returned socket is to be served with [`greet_all`].
pub(super) fn prepare(root: &Path) -> io::Result<UnixListener> {
    let provider = root.join("etc/eks/image-credential-provider");
    for directory in [
        &provider,
        &root.join("run/systemd"),
        &root.join("var/lib"),
        &root.join("bin"),
    ] {
        fs::create_dir_all(directory)?;
    }
    fs::write(provider.join("ecr-credential-provider"), "")?;
    let kubelet = root.join("bin/kubelet");
    fs::write(
        &kubelet,
        format!("#!/bin/sh\necho Kubernetes {KUBERNETES_VERSION}\n"),
    )?;
    fs::set_permissions(&kubelet, fs::Permissions::from_mode(0o755))?;
    UnixListener::bind(root.join("run/systemd/private"))
}

/// The command that enters the surroundings.
pub(super) fn surroundings(root: &Path) -> Vec<OsString> {
    let enter = ["unshare", "--mount", "--propagation", "private", "--"];
    let mut words: Vec<OsString> = enter.map(OsString::from).to_vec();
    words.extend(["sh", "-c", ENTER, "enter"].map(OsString::from));
    words.push(root.into());
    words
}

/// The directories of programs, the stand-in kubelet's first.
pub(super) fn path(root: &Path) -> String {
    format!(
        "{}:/usr/sbin:/usr/bin:/sbin:/bin",
        root.join("bin").display()
    )
}

/// Lets every client in as systemd's private socket does and says yes to what it asks: the config phase only asks to be
/// told of jobs.
pub(super) async fn greet_all(listener: UnixListener) {
    while let Ok((stream, _)) = listener.accept().await {
        // A peer that goes away early has what it came for.
        tokio::spawn(async { drop(greet(stream).await) });
    }
}

/// <https://dbus.freedesktop.org/doc/dbus-specification.html#auth-protocol>
async fn greet(stream: UnixStream) -> io::Result<()> {
    let (read, mut write) = stream.into_split();
    let mut read = BufReader::new(read);
    let mut line = String::new();
    loop {
        line.clear();
        if read.read_line(&mut line).await? == 0 {
            return Ok(());
        }
        let answer: &[u8] = match line.trim_start_matches('\0').trim_end() {
            "BEGIN" => break,
            "NEGOTIATE_UNIX_FD" => b"AGREE_UNIX_FD\r\n",
            "AUTH EXTERNAL" => b"DATA\r\n",
            said if said.starts_with("DATA") => b"OK 00000000000000000000000000000000\r\n",
            "AUTH" => b"REJECTED EXTERNAL\r\n",
            _ => b"ERROR\r\n",
        };
        write.write_all(answer).await?;
    }
    loop {
        let mut header = [0; HEADER];
        if read.read_exact(&mut header).await.is_err() {
            return Ok(());
        }
        let [fields, body] = [12, 4].map(|at| u64::from(number(&header, at)));
        let rest = fields.next_multiple_of(8) + body;
        tokio::io::copy(&mut (&mut read).take(rest), &mut tokio::io::sink()).await?;
        write.write_all(&empty_reply(number(&header, 8))).await?;
    }
}

/// The fixed part of a message with the length of its fields.
/// <https://dbus.freedesktop.org/doc/dbus-specification.html#message-protocol-messages>
const HEADER: usize = 16;

fn number(header: &[u8; HEADER], at: usize) -> u32 {
    let bytes = header
        .get(at..at + 4)
        .and_then(|bytes| bytes.try_into().ok());
    bytes.map(u32::from_le_bytes).unwrap_or_default()
}

/// A little-endian `METHOD_RETURN` without a body, whose only field is the serial that it answers.
fn empty_reply(serial: u32) -> [u8; HEADER + 8] {
    let mut reply = [0; HEADER + 8];
    reply[..4].copy_from_slice(&[b'l', 2, 1, 1]);
    reply[8] = 1;
    reply[12] = 8;
    reply[HEADER..HEADER + 4].copy_from_slice(&[5, 1, b'u', 0]);
    reply[HEADER + 4..].copy_from_slice(&serial.to_le_bytes());
    reply
}
