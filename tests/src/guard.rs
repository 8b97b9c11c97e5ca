//! The guardian of a lab that must not outlive its owner: a process of its own that holds a pipe from the owner and takes
//! the lab down when the pipe breaks, whether the owner ended, crashed or was killed.

use std::{
    io::{self, Read},
    process::{Child, Command, Stdio},
};

use crate::{
    cluster::AtStart,
    image,
    layout::Layout,
    lifecycle::{self, Lab, LifecycleError},
    process::ProcessError,
};

/// Why there is no guarded lab.
#[derive(Debug, thiserror::Error)]
pub enum GuardError {
    /// The program `lab` could not be found beside the running one.
    #[error(transparent)]
    Program(#[from] image::ImageError),
    /// It could not be started.
    #[error("starting the guardian of the lab")]
    Start(#[source] ProcessError),
    /// The lab could not be brought up or taken down.
    #[error(transparent)]
    Lifecycle(#[from] LifecycleError),
}

/// A lab that goes when this value or its process goes.
#[derive(Debug)]
pub struct GuardedLab {
    lab: Lab,
    guardian: Child,
}

impl std::ops::Deref for GuardedLab {
    type Target = Lab;

    fn deref(&self) -> &Lab {
        &self.lab
    }
}

impl Lab {
    /// Brings the lab up under a guardian. Whatever is left of an earlier lab of that name is cleaned away first.
    pub fn up_guarded(layout: &Layout) -> Result<GuardedLab, GuardError> {
        Self::up_guarded_with(layout, AtStart::Active)
    }

    /// The same where EKS may not know the cluster yet.
    pub fn up_guarded_with(
        layout: &Layout,
        at_start: AtStart<'_>,
    ) -> Result<GuardedLab, GuardError> {
        lifecycle::down(layout)?;
        let program = image::program("lab")?;
        let mut command = Command::new("setsid");
        command
            .arg(&program)
            .args(["--name", layout.name(), "guard"])
            .stdin(Stdio::piped())
            .stdout(Stdio::null());
        let guardian = command.spawn().map_err(|source| {
            GuardError::Start(ProcessError::Start {
                program: program.display().to_string(),
                source,
            })
        })?;
        let lab = Self::up(layout, at_start);
        match lab {
            Ok(lab) => Ok(GuardedLab { lab, guardian }),
            Err(error) => {
                end(guardian);
                Err(error.into())
            }
        }
    }
}

impl GuardedLab {
    /// Takes the lab down and says what is left of it: nothing, if all is well.
    pub fn down(mut self) -> Result<Vec<String>, GuardError> {
        let layout = self.lab.layout.clone();
        lifecycle::down(&layout)?;
        drop(self.guardian.stdin.take());
        drop(self.guardian.wait());
        Ok(lifecycle::leftovers(&layout)?)
    }

    /// Leaves the lab running and sends its guardian away.
    pub fn keep(mut self) -> Lab {
        // Killed before its pipe breaks, the guardian has no chance to take the lab down.
        drop(self.guardian.kill());
        drop(self.guardian.wait());
        self.lab.clone()
    }
}

impl Drop for GuardedLab {
    fn drop(&mut self) {
        drop(self.guardian.stdin.take());
        drop(self.guardian.wait());
    }
}

/// Breaks the pipe and waits until the guardian has taken the lab down.
fn end(mut guardian: Child) {
    drop(guardian.stdin.take());
    drop(guardian.wait());
}

/// What the guardian does: waits for the end of its standard input, then takes the lab down.
pub fn watch(layout: &Layout) -> Result<(), GuardError> {
    let mut ignored = [0; 64];
    let mut owner = io::stdin().lock();
    loop {
        match owner.read(&mut ignored) {
            Ok(0) => break,
            Err(error) if error.kind() != io::ErrorKind::Interrupted => break,
            _ => {}
        }
    }
    Ok(lifecycle::down(layout)?)
}
