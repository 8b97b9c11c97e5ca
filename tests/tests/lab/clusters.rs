//! `nodectl plan`, `apply` and `delete` against an account of moto and the gateway: what is made, what a second run finds,
//! what a kill or a fault at any call leaves behind, and how long it takes.

#[path = "clusters/broken.rs"]
mod broken;
#[path = "clusters/example.rs"]
mod example;
#[path = "clusters/killed.rs"]
mod killed;
#[path = "clusters/refused.rs"]
mod refused;
#[path = "clusters/shape.rs"]
mod shape;
#[path = "clusters/time.rs"]
mod time;
#[path = "clusters/witness.rs"]
mod witness;

use std::{path::PathBuf, process::Output};

use lab::{
    cloud::account::{Account, AccountError},
    file, image,
};
use serde_json::Value;
use tempfile::TempDir;
use tokio::process::{Child, Command};

/// An account, and a person's machine beside it.
struct Place {
    account: Account,
    home: TempDir,
}

impl Place {
    /// Runs a test in an account of its own; says so where there can be none.
    fn with(test: impl AsyncFnOnce(&Self)) {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .unwrap();
        runtime.block_on(async {
            let home = tempfile::tempdir().unwrap();
            let account = match Account::start(&home.path().join("account")).await {
                Ok(account) => account,
                Err(error @ AccountError::NoMoto { .. }) => {
                    println!("skipped: {error}");
                    return;
                }
                Err(error) => panic!("{error}"),
            };
            test(&Self { account, home }).await;
        });
    }

    /// Writes a document into the person's directory.
    fn document(&self, name: &str, text: &str) -> PathBuf {
        let path = self.home.path().join(name);
        file::write(&path, text).unwrap();
        path
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(image::program("nodectl").unwrap());
        command
            .args(arguments)
            .current_dir(self.home.path())
            .env_clear()
            .envs(self.account.environment())
            .env("HOME", self.home.path())
            .env("PATH", std::env::var_os("PATH").unwrap_or_default())
            .stdin(std::process::Stdio::null())
            .stdout(std::process::Stdio::piped())
            .stderr(std::process::Stdio::piped())
            .kill_on_drop(true);
        command
    }

    fn start(&self, arguments: &[&str]) -> Child {
        self.command(arguments).spawn().unwrap()
    }

    async fn run(&self, arguments: &[&str]) -> Output {
        self.command(arguments).output().await.unwrap()
    }

    /// Runs a command that ends with this code, and gives back what it printed.
    async fn ends(&self, code: i32, arguments: &[&str]) -> Output {
        let output = self.run(arguments).await;
        assert_eq!(
            output.status.code(),
            Some(code),
            "nodectl {}\n{}\n{}",
            arguments.join(" "),
            text(&output.stdout),
            text(&output.stderr)
        );
        output
    }

    /// Makes AWS as a document says.
    async fn apply(&self, document: &str) -> Output {
        let arguments = ["apply", "--file", document, "--yes", "--no-nodes"];
        self.ends(0, &arguments).await
    }

    /// Deletes all that was made for a document.
    async fn delete(&self, document: &str) -> Output {
        let arguments = ["delete", "--file", document, "--no-drain", "--yes"];
        self.ends(0, &arguments).await
    }

    /// The plan of a document.
    async fn plan(&self, document: &str) -> Value {
        let arguments = ["plan", "--file", document, "--output", "json"];
        let output = self.ends(0, &arguments).await;
        serde_json::from_slice(&output.stdout).unwrap()
    }

    /// There is nothing to do, and that is said by the exit code too.
    async fn nothing_to_do(&self, document: &str) {
        let arguments = ["plan", "--file", document, "--detailed-exitcode"];
        self.ends(0, &arguments).await;
    }
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}
