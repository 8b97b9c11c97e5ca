//! Which Go builds the control plane: the one on this host if it is new enough, a newer one that it fetches by itself
//! (Go 1.21 and later get `golang.org/toolchain` through Go's own module proxy), or Debian's backports.

use std::{
    path::{Path, PathBuf},
    process::Command,
};

use super::{SetupError, during, package};
use crate::{file, process, progress};

/// A Go that can build what it is asked to.
#[derive(Debug)]
pub(super) struct Go {
    program: PathBuf,
    toolchain: &'static str,
}

/// A version of Go: 1.24.0 is `(1, 24, 0)`.
type Version = (u32, u32, u32);

impl Go {
    /// Finds or installs a Go that is at least as new as the `go` line of every module asks.
    pub(super) fn find(modules: &[PathBuf]) -> Result<Self, SetupError> {
        let mut wanted = (0, 0, 0);
        for module in modules {
            let text = file::read(&module.join("go.mod"))?;
            wanted = wanted.max(asked_by(&text).unwrap_or_default());
        }
        if let Some(found) = Self::on_this_host(wanted) {
            return Ok(found);
        }
        install_from_backports()?;
        Self::on_this_host(wanted).ok_or_else(|| SetupError::NoGo {
            wanted: shown(wanted),
            found: "there is none that would do".to_owned(),
        })
    }

    fn on_this_host(wanted: Version) -> Option<Self> {
        let places = ["/usr/local/go/bin/go", "/usr/lib/go-1.24/bin/go"].map(PathBuf::from);
        let mut fetcher = None;
        for program in package::find("go").into_iter().chain(places) {
            let Some(version) = version_of(&program) else {
                continue;
            };
            if version >= wanted {
                return Some(Self {
                    program,
                    toolchain: "local",
                });
            }
            if version >= (1, 21, 0) {
                fetcher.get_or_insert((program, version));
            }
        }
        let (program, version) = fetcher?;
        progress::say(&format_args!(
            "  Go {} is older than {}: it fetches a newer toolchain as a Go module",
            shown(version),
            shown(wanted)
        ));
        Some(Self {
            program,
            toolchain: "auto",
        })
    }

    /// `go` in the directory of a module, ready for a static build.
    pub(super) fn command(&self, module: &Path) -> Command {
        let mut command = Command::new(&self.program);
        command
            .current_dir(module)
            .env("CGO_ENABLED", "0")
            .env("GOTOOLCHAIN", self.toolchain)
            .env("GOFLAGS", "");
        command
    }

    /// The version that would build the module, for the key of what is built.
    pub(super) fn version(&self, module: &Path) -> Result<String, SetupError> {
        let text = process::run(self.command(module).args(["env", "GOVERSION"]))
            .map_err(during("asking Go for its version"))?;
        Ok(text.trim().to_owned())
    }
}

fn install_from_backports() -> Result<(), SetupError> {
    let release = file::read(Path::new("/etc/os-release"))?;
    let codename = release
        .lines()
        .find_map(|line| line.strip_prefix("VERSION_CODENAME="));
    let (Some("bookworm"), Some(_)) = (codename, package::find("apt-get")) else {
        return install_packaged();
    };
    let step = progress::step("Go 1.24 from Debian's backports");
    let list = Path::new("/etc/apt/sources.list.d/nodectl-lab-backports.list");
    file::write(
        list,
        format!("deb {} bookworm-backports main\n", archive()?),
    )?;
    let installed = apt(&["update"])
        .and_then(|()| apt(&["--no-install-recommends", "install", "golang-1.24-go"]));
    file::remove(list)?;
    installed?;
    step.done();
    Ok(())
}

/// The archive that this machine gets its packages from.
fn archive() -> Result<String, SetupError> {
    let mut command = Command::new("apt-get");
    command.args([
        "indextargets",
        "--format",
        "$(REPO_URI)",
        "Created-By: Packages",
    ]);
    let listed = process::run(&mut command).map_err(during("asking apt for its archive"))?;
    let archive = listed.lines().find(|line| !line.contains("security"));
    archive.map(str::to_owned).ok_or_else(|| SetupError::NoGo {
        wanted: "1.24".to_owned(),
        found: "apt has no archive: is there a line `deb` in its sources?".to_owned(),
    })
}

fn install_packaged() -> Result<(), SetupError> {
    if package::find("apt-get").is_none() {
        return Err(SetupError::NoGo {
            wanted: "1.24".to_owned(),
            found: "there is no `apt-get` to install it with".to_owned(),
        });
    }
    let step = progress::step("Go of this distribution");
    apt(&["update"])?;
    apt(&["--no-install-recommends", "install", "golang-go"])?;
    step.done();
    Ok(())
}

fn apt(arguments: &[&str]) -> Result<(), SetupError> {
    let mut command = Command::new("apt-get");
    command
        .env("DEBIAN_FRONTEND", "noninteractive")
        .args(["--quiet", "--yes"])
        .args(arguments);
    process::run(&mut command).map_err(during("installing Go"))?;
    Ok(())
}

fn version_of(program: &Path) -> Option<Version> {
    let text = process::run(
        Command::new(program)
            .arg("version")
            .env("GOTOOLCHAIN", "local"),
    )
    .ok()?;
    parse(text.split(' ').nth(2)?.strip_prefix("go")?)
}

/// The version in the `go` line of a `go.mod`.
fn asked_by(module: &str) -> Option<Version> {
    module
        .lines()
        .find_map(|line| line.strip_prefix("go "))
        .and_then(|version| parse(version.trim()))
}

fn parse(version: &str) -> Option<Version> {
    let mut numbers = version.split('.').map(|part| {
        let digits: String = part.chars().take_while(char::is_ascii_digit).collect();
        digits.parse().ok()
    });
    Some((
        numbers.next()??,
        numbers.next()??,
        numbers.next().flatten().unwrap_or(0),
    ))
}

fn shown((major, minor, patch): Version) -> String {
    format!("{major}.{minor}.{patch}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn release_candidates_and_short_versions_are_read() {
        assert_eq!(parse("1.24.0"), Some((1, 24, 0)));
        assert_eq!(parse("1.25rc1"), Some((1, 25, 0)));
        assert_eq!(parse("1.19.8"), Some((1, 19, 8)));
        assert_eq!(parse("devel"), None);
    }

    #[test]
    fn the_go_line_of_a_module_is_found() {
        assert_eq!(asked_by("module x\n\ngo 1.24.0\n"), Some((1, 24, 0)));
    }
}
