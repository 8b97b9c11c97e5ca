//! The `nodeagent` program: one TLS provider, one thread, one command.

use std::process::ExitCode;

use nodeagent::cli::{self, output};

/// musl's own asks the kernel for every few pages, and gives them back at once: half of all calls of a boot.
#[cfg(target_env = "musl")]
#[global_allocator]
static ALLOCATOR: dlmalloc::GlobalDlmalloc = dlmalloc::GlobalDlmalloc;

fn main() -> ExitCode {
    // One TLS provider for every client; a second call would fail, and there is none.
    drop(rustls::crypto::aws_lc_rs::default_provider().install_default());
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build();
    match runtime {
        Ok(runtime) => {
            let exit = runtime.block_on(cli::run());
            // A look at a file system that hangs must not keep the program from ending.
            runtime.shutdown_background();
            exit
        }
        Err(error) => {
            output::error(&format!("starting the runtime: {error}"), None);
            ExitCode::FAILURE
        }
    }
}
