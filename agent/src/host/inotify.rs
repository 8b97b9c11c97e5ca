//! Whether the kernel still gives what watches files: `inotify(7)`.

use std::io;

use rustix::fs::inotify::{self, CreateFlags, WatchFlags};
use rustix::io::Errno;

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
    use super::*;

    #[test]
    fn the_kernel_answers() {
        exhausted().unwrap();
    }
}
