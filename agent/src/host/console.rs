//! The instance's serial console, which EC2 keeps and `GetConsoleOutput` returns.

use std::fs::OpenOptions;
use std::io::{self, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;

use super::root::Root;

/// Writes lines to the console without ever blocking: a console that takes nothing loses them.
pub fn write(root: &Root, lines: &[String]) -> io::Result<()> {
    let mut console = OpenOptions::new()
        .append(true)
        .custom_flags(i32::try_from(rustix::fs::OFlags::NONBLOCK.bits()).unwrap_or_default())
        .open(root.path("/dev/console"))?;
    for line in lines {
        // Terminated at both ends: whatever else is on the line is not ours. One write, so that it is not torn.
        console.write_all(format!("\r\n{line}\r\n").as_bytes())?;
    }
    Ok(())
}
