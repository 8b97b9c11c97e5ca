//! `nodectl kubeconfig`: a context for a cluster, with `nodectl token` as its credential plugin.

use std::env;
use std::path::PathBuf;

use super::error::{Error, within, written};
use crate::apply;
use crate::cli::{AccessFlags, KubeconfigArgs};
use crate::exit::Exit;
use crate::observe::aws::{Access, Aws};
use crate::observe::{eks, kubeconfig};
use crate::plan::kubeconfig::{Change, Entry};
use crate::print::{Printer, document};

const PROGRAM: &str = env!("CARGO_PKG_NAME");

pub(super) async fn run(
    args: &KubeconfigArgs,
    access: &AccessFlags,
    printer: &mut Printer,
) -> Result<Exit, Error> {
    let (cluster, region) = within(
        access.timeout,
        format!("describing cluster `{}`", args.name),
        async {
            let aws = Aws::load(&access.aws()).await?;
            let cluster = eks::describe_cluster(&aws, &args.name).await?;
            Ok::<_, Error>((cluster, aws.region().to_owned()))
        },
    )
    .await?;
    // A profile from the environment is written too: the context has to work in a shell that does not set it.
    let profile = access
        .profile
        .clone()
        .or_else(|| env::var("AWS_PROFILE").ok().filter(|name| !name.is_empty()));
    let access_of_plugin = Access {
        profile,
        ..access.aws()
    };
    let plugin = plugin();
    if plugin != PROGRAM {
        printer.warning(&format!(
            "`{PROGRAM}` is not on the PATH: the context runs {plugin}"
        ));
    }
    let entry = Entry::new(
        &cluster,
        &region,
        &access_of_plugin,
        args.alias.as_deref(),
        &plugin,
    );
    let path = target(access).ok_or(Error::NoKubeconfigPath)?;
    if args.dry_run {
        written(printer.data(&document::yaml(&entry.alone()?)?))?;
        printer.note(&format!(
            "dry run: context `{}` would be written to {}",
            entry.context,
            path.display()
        ));
        return Ok(Exit::Ok);
    }
    let done = match apply::kubeconfig::merge(&path, &entry)? {
        Change::Added => "added to",
        Change::Replaced => "updated in",
        Change::Unchanged => "already in",
    };
    printer.note(&format!(
        "context `{}` {done} {}, and current",
        entry.context,
        path.display()
    ));
    Ok(Exit::Ok)
}

/// The file to write: of several in KUBECONFIG the first that exists, as kubectl does it.
fn target(access: &AccessFlags) -> Option<PathBuf> {
    let paths = kubeconfig::paths(access.kubeconfig.as_deref());
    paths
        .iter()
        .find(|path| path.exists())
        .or_else(|| paths.first())
        .cloned()
}

/// How kubectl is to call us: by name if the `PATH` has it, else by our own path.
fn plugin() -> String {
    let is_on_path = env::var_os("PATH").is_some_and(|path| {
        env::split_paths(&path).any(|directory| directory.join(PROGRAM).is_file())
    });
    match env::current_exe() {
        Ok(path) if !is_on_path => path.to_string_lossy().into_owned(),
        _ => PROGRAM.to_owned(),
    }
}
