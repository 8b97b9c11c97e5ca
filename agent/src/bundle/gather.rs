//! How each kind of step gets its content. What cannot be read is a reason, never an error of the bundle.

use std::collections::{BTreeSet, VecDeque};
use std::fmt::Write as _;

use node::chain::Chain;
use node::config::excerpt::without_secrets;
use node::redact;
use node::wire::Identity;

use super::step::How;
use super::{Content, Nothing};
use crate::facts::machine;
use crate::host::environment::Environment;
use crate::host::host_name;
use crate::host::journal::{Excerpt, Part};
use crate::host::root::Root;
use crate::host::volume;
use crate::join::verdict;
use crate::plan::Summary;
use crate::serve::client;
use crate::watch::logs;

/// The variable of a file of variables that the agent itself has written.
const OWN_VARIABLE: &str = "NODEADM_KUBELET_ARGS";
/// What is read of an interface.
const INTERFACE: [&str; 6] = [
    "address",
    "mtu",
    "operstate",
    "carrier_changes",
    "speed",
    "flags",
];

/// The content of a step, of at most so many bytes.
pub(super) async fn gather(
    root: &Root,
    environment: &Environment,
    how: &How,
    bytes: usize,
) -> Result<Content, Nothing> {
    match how {
        How::Daemon(target) => daemon(root, target, bytes).await,
        How::Journal { unit, lines } => journal(root, unit, *lines, bytes).await,
        _ => {
            let (root, environment, how) = (root.clone(), environment.clone(), how.clone());
            // A file system that hangs holds a thread of its own, and not the bundle.
            tokio::task::spawn_blocking(move || read(&root, &environment, &how, bytes))
                .await
                .unwrap_or_else(|error| Err(Nothing::Failed(error.to_string())))
        }
    }
}

async fn daemon(root: &Root, target: &'static str, bytes: usize) -> Result<Content, Nothing> {
    match client::get(root, target).await {
        Ok((_, body)) => Ok(head(body.to_vec(), bytes)),
        Err(error) => Err(Nothing::Absent(Chain(&error).to_string())),
    }
}

/// The last lines; of those the last that fit.
async fn journal(root: &Root, unit: &str, last: u32, bytes: usize) -> Result<Content, Nothing> {
    let failed = |error| Nothing::Failed(Chain(&error).to_string());
    let part = Part {
        last: Some(last),
        ..logs::part(BTreeSet::from([unit.to_owned()]), None, false)
    };
    let mut excerpt = Excerpt::open(&part).map_err(failed)?;
    let host = host_name(root);
    let mut lines = VecDeque::new();
    let mut content = Content::default();
    let mut length = 0;
    while let Some(entry) = excerpt.next().await.map_err(failed)? {
        let line = entry.line(&host);
        length += line.len() + 1;
        lines.push_back(line);
        while length > bytes {
            let Some(first) = lines.pop_front() else {
                break;
            };
            length -= first.len() + 1;
            content.is_cut = true;
        }
    }
    if lines.is_empty() {
        return Err(Nothing::Absent("no line of it in this boot".to_owned()));
    }
    for line in lines {
        content.bytes.extend(line.into_bytes());
        content.bytes.push(b'\n');
    }
    Ok(content)
}

fn read(
    root: &Root,
    environment: &Environment,
    how: &How,
    bytes: usize,
) -> Result<Content, Nothing> {
    match how {
        How::Configuration(path) => {
            let content = beginning(root, path, bytes)?;
            let text = without_comments(&String::from_utf8_lossy(&content.bytes));
            Ok(Content {
                bytes: without_secrets(&text).into_bytes(),
                ..content
            })
        }
        How::Variables(path) => {
            let content = beginning(root, path, bytes)?;
            let text = variables(&String::from_utf8_lossy(&content.bytes));
            Ok(Content {
                bytes: text.into_bytes(),
                ..content
            })
        }
        How::Log(path) => log(root, path, bytes),
        How::Kernel(paths) => Ok(head(kernel(root, paths).into_bytes(), bytes)),
        How::Interfaces => Ok(head(interfaces(root).into_bytes(), bytes)),
        How::Volumes(paths) => Ok(head(volumes(root, paths).into_bytes(), bytes)),
        How::Facts => facts(root, environment),
        How::Daemon(_) | How::Journal { .. } => Err(Nothing::Failed("not a file".to_owned())),
    }
}

/// At most so many bytes from the beginning.
fn head(mut content: Vec<u8>, bytes: usize) -> Content {
    let is_cut = content.len() > bytes;
    content.truncate(bytes);
    Content {
        bytes: content,
        is_cut,
    }
}

fn beginning(root: &Root, path: &str, bytes: usize) -> Result<Content, Nothing> {
    match root.read_at_most(path, bytes as u64) {
        Ok(Some(content)) => Ok(head(content, bytes)),
        Ok(None) => Err(Nothing::Absent(format!("there is no `{path}`"))),
        Err(error) => Err(Nothing::Failed(Chain(&error).to_string())),
    }
}

fn log(root: &Root, path: &str, bytes: usize) -> Result<Content, Nothing> {
    let (content, is_cut) = match root.read_end(path, bytes as u64) {
        Ok(Some(found)) => found,
        Ok(None) => return Err(Nothing::Absent(format!("there is no `{path}`"))),
        Err(error) => return Err(Nothing::Failed(Chain(&error).to_string())),
    };
    let text = String::from_utf8_lossy(&content);
    // The first line of an end is a part of one.
    let lines = text.lines().skip(usize::from(is_cut));
    let masked: Vec<String> = lines.map(without_secrets).collect();
    let mut bytes = masked.join("\n").into_bytes();
    bytes.push(b'\n');
    Ok(Content { bytes, is_cut })
}

/// What a person noted beside a configuration, an old password perhaps, configures nothing.
fn without_comments(text: &str) -> String {
    let lines = text.split('\n').map(|line| {
        let mut before = None;
        let mark = line.char_indices().find(|(_, character)| {
            let last = before.replace(*character);
            *character == '#' && last.is_none_or(char::is_whitespace)
        });
        match mark.and_then(|(position, _)| line.get(..position)) {
            Some(shown) => format!("{shown}# ***"),
            None => line.to_owned(),
        }
    });
    lines.collect::<Vec<_>>().join("\n")
}

/// The values are the user's own, but for one.
fn variables(text: &str) -> String {
    let lines = text.lines().map(|line| match line.split_once('=') {
        Some((OWN_VARIABLE, _)) => {
            let flags = line.split(' ').map(flag);
            flags.collect::<Vec<_>>().join(" ")
        }
        Some((name, _)) => format!("{name}=***"),
        None => String::new(),
    });
    let mut text = lines.collect::<Vec<_>>().join("\n");
    text.push('\n');
    text
}

/// A flag hides no other one.
fn flag(flag: &str) -> String {
    match flag.split_once('=') {
        Some((name, _)) if name == OWN_VARIABLE => redact::text(flag),
        _ => without_secrets(flag),
    }
}

fn kernel(root: &Root, paths: &[&str]) -> String {
    let mut text = String::new();
    for path in paths {
        let content = root.read_at_most(path, 256 * 1024);
        let content = match &content {
            Ok(Some(content)) => String::from_utf8_lossy(content),
            Ok(None) => continue,
            Err(error) => Chain(error).to_string().into(),
        };
        writeln!(text, "# {path}\n{}", redact::text(content.trim_end())).unwrap_or_default();
    }
    text
}

fn interfaces(root: &Root) -> String {
    const DIRECTORY: &str = "/sys/class/net";
    let mut text = String::new();
    for name in root.list(DIRECTORY).unwrap_or_default().iter().take(200) {
        write!(text, "{name}").unwrap_or_default();
        for field in INTERFACE {
            let value = root.read_at_most(format!("{DIRECTORY}/{name}/{field}"), 256);
            if let Ok(Some(value)) = value {
                let value = String::from_utf8_lossy(&value);
                write!(text, " {field}={}", value.trim()).unwrap_or_default();
            }
        }
        text.push('\n');
    }
    text
}

fn volumes(root: &Root, paths: &[&str]) -> String {
    let mut text = "path\tbytes\tfree\tinodes\tfree inodes\tread-only\n".to_owned();
    for path in paths {
        match volume::look(root, path) {
            Ok(seen) => writeln!(
                text,
                "{path}\t{}\t{}\t{}\t{}\t{}",
                seen.size, seen.free, seen.inodes, seen.free_inodes, seen.is_read_only
            ),
            Err(error) => writeln!(text, "{path}\t{error}"),
        }
        .unwrap_or_default();
    }
    text
}

fn facts(root: &Root, environment: &Environment) -> Result<Content, Nothing> {
    let identity = match (Summary::read(root), verdict::read(root)) {
        (Ok(Some(summary)), _) => summary.identity(),
        (_, Some(verdict)) => verdict.identity,
        _ => Identity::default(),
    };
    let facts = machine::facts(root, environment, identity);
    let bytes =
        serde_json::to_vec_pretty(&facts).map_err(|error| Nothing::Failed(error.to_string()))?;
    Ok(Content {
        bytes,
        is_cut: false,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_variables_the_names_are_shown_and_the_flags_of_the_kubelet_without_secrets() {
        let text =
            "NODEADM_KUBELET_ARGS=--node-ip=1.2.3.4 --token=hunter2 --v=2\nANY=hunter2\nhunter2\n";
        assert_eq!(
            variables(text),
            "NODEADM_KUBELET_ARGS=--node-ip=1.2.3.4 --token= *** --v=2\nANY=***\n\n"
        );
    }

    #[test]
    fn of_comments_a_document_keeps_that_there_are_some() {
        assert_eq!(
            without_comments("# hunter2\na: [ # hunter2\n  url: http://a/#b\n"),
            "# ***\na: [ # ***\n  url: http://a/#b\n"
        );
    }

    #[test]
    fn a_log_is_its_end_from_a_whole_line_on_without_secrets() {
        let directory = tempfile::tempdir().unwrap();
        let root = Root::new(directory.path());
        root.write(
            "/log",
            b"first line\nPASSWORD=hunter2\nlast http://a:hunter2@b/\n",
            0o644,
        )
        .unwrap();
        let whole = log(&root, "/log", 1000).unwrap();
        assert_eq!(
            String::from_utf8(whole.bytes).unwrap(),
            "first line\nPASSWORD= ***\nlast http://***@b/\n"
        );
        let end = log(&root, "/log", 45).unwrap();
        assert!(end.is_cut);
        assert!(end.bytes.starts_with(b"PASSWORD= ***\n"));
        assert!(matches!(log(&root, "/none", 1), Err(Nothing::Absent(_))));
    }
}
