//! How the release is laid out: the functions of a boot stand together, then those of the daemon. `link/record.py` says why.

use std::path::Path;

fn main() {
    let package = std::env::var("CARGO_MANIFEST_DIR").unwrap_or_default();
    let is_release = std::env::var("CARGO_CFG_TARGET_ENV").is_ok_and(|env| env == "musl");
    println!("cargo::rerun-if-changed=build.rs");
    for list in ["boot.ld", "daemon.ld"] {
        let path = Path::new(&package).join("link").join(list);
        println!("cargo::rerun-if-changed={}", path.display());
        if is_release {
            println!("cargo::rustc-link-arg-bins=-Wl,-T,{}", path.display());
        }
    }
}
