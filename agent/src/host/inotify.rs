//! Being told of files that change, and whether the kernel still gives what tells it: `inotify(7)`.

use std::io::{self, ErrorKind};
use std::path::Path;

use rustix::fs::inotify::{self, CreateFlags, ReadFlags, WatchFlags};
use rustix::io::Errno;
use tokio::net::unix::pipe;

/// Room for a few events with names of files.
const EVENT_BYTES: usize = 1024;
/// `struct inotify_event` of `inotify(7)` without the name: watch, mask, cookie, length of the name.
const HEAD_BYTES: usize = 16;

/// Files of one directory that come, change and go.
#[derive(Debug)]
pub struct Changes {
    /// By the one type of tokio's that waits for a descriptor of any kind and is safe.
    events: pipe::Receiver,
    names: &'static [&'static str],
}

impl Changes {
    /// Of the files of these names, there or not; the directory must be there. Takes a runtime.
    ///
    /// # Errors
    /// There is no such directory, or the kernel gives no more watches.
    pub fn of(directory: &Path, names: &'static [&'static str]) -> io::Result<Self> {
        let instance = inotify::init(CreateFlags::CLOEXEC | CreateFlags::NONBLOCK)?;
        let of_files = WatchFlags::CREATE
            | WatchFlags::CLOSE_WRITE
            | WatchFlags::MOVED_TO
            | WatchFlags::DELETE;
        inotify::add_watch(&instance, directory, of_files | WatchFlags::ONLYDIR)?;
        Ok(Self {
            events: pipe::Receiver::from_owned_fd_unchecked(instance)?,
            names,
        })
    }

    /// Waits until one of the files is another. Can be dropped at any point: what came meanwhile is told by the next call.
    ///
    /// # Errors
    /// Nothing more will be told: the directory is gone.
    pub async fn next(&self) -> io::Result<()> {
        let mut buffer = [0; EVENT_BYTES];
        loop {
            self.events.readable().await?;
            let read = match self.events.try_read(&mut buffer) {
                Ok(read) => read,
                Err(error) if error.kind() == ErrorKind::WouldBlock => continue,
                Err(error) => return Err(error),
            };
            let events = buffer.get(..read).unwrap_or_default();
            if is_any(events, self.names)? {
                return Ok(());
            }
        }
    }
}

/// Whether any of these events is of a file of these names. One without a name says that some were lost.
fn is_any(mut events: &[u8], names: &[&str]) -> io::Result<bool> {
    let mut is_any = false;
    while let Some((head, rest)) = events.split_first_chunk::<HEAD_BYTES>() {
        let number = |at: usize| {
            let bytes = head.get(at..).and_then(<[u8]>::first_chunk).copied();
            u32::from_ne_bytes(bytes.unwrap_or_default())
        };
        if ReadFlags::from_bits_retain(number(4)).contains(ReadFlags::IGNORED) {
            return Err(ErrorKind::NotFound.into());
        }
        let length = usize::try_from(number(12)).unwrap_or(usize::MAX);
        let (name, others) = rest.split_at(length.min(rest.len()));
        let name = name.split(|byte| *byte == 0).next().unwrap_or_default();
        is_any |= name.is_empty() || names.iter().any(|known| known.as_bytes() == name);
        events = others;
    }
    Ok(is_any)
}

/// What a process of root cannot have any more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exhausted {
    /// One more instance: `fs.inotify.max_user_instances`.
    Instances,
    /// One more watch: `fs.inotify.max_user_watches`.
    Watches,
}

/// Makes one instance with one watch, and lets go of both. Nothing that is known of an error is an error.
pub fn exhausted() -> io::Result<Option<Exhausted>> {
    let instance = match inotify::init(CreateFlags::CLOEXEC | CreateFlags::NONBLOCK) {
        Ok(instance) => instance,
        Err(Errno::MFILE) => {
            // The same error has two causes: that this very process has too many files open is its own fault.
            std::fs::File::open("/dev/null")?;
            return Ok(Some(Exhausted::Instances));
        }
        Err(error) => return Err(error.into()),
    };
    match inotify::add_watch(&instance, "/", WatchFlags::DELETE_SELF) {
        Ok(_) => Ok(None),
        Err(Errno::NOSPC) => Ok(Some(Exhausted::Watches)),
        Err(error) => Err(error.into()),
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tokio::time::timeout;

    use super::*;

    #[test]
    fn the_kernel_answers() {
        exhausted().unwrap();
    }

    #[tokio::test]
    async fn a_file_that_is_written_renamed_or_removed_is_told_and_no_other() {
        let directory = tempfile::tempdir().unwrap();
        let path = |name: &str| directory.path().join(name);
        let changes = Changes::of(directory.path(), &["a", "b"]).unwrap();
        let is_told = async || {
            let told = timeout(Duration::from_secs(30), changes.next()).await;
            told.unwrap().unwrap();
        };
        std::fs::write(path("a"), "1").unwrap();
        is_told().await;
        std::fs::write(path("new"), "2").unwrap();
        let quiet = timeout(Duration::from_millis(50), changes.next()).await;
        assert!(quiet.is_err(), "`new` is none of them");
        std::fs::rename(path("new"), path("b")).unwrap();
        is_told().await;
        std::fs::remove_file(path("a")).unwrap();
        is_told().await;
        drop(directory);
        let gone = async {
            // That `b` went may be told on its own.
            loop {
                if let Err(error) = changes.next().await {
                    return error.kind();
                }
            }
        };
        let gone = timeout(Duration::from_secs(30), gone).await;
        assert_eq!(gone.unwrap(), ErrorKind::NotFound);
    }

    #[tokio::test]
    async fn a_directory_that_is_not_there_cannot_be_watched() {
        let directory = tempfile::tempdir().unwrap();
        assert!(Changes::of(&directory.path().join("none"), &["a"]).is_err());
    }
}
