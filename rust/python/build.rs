//! Records the commit that is built and the compiler that builds it, so that benchmark rows and `--version` can name
//! them.

use std::process::Command;

fn main() {
    let git = |arguments: &[&str]| -> Option<String> {
        let output =
            Command::new("git").args(arguments).output().ok().filter(|output| output.status.success())?;
        Some(String::from_utf8_lossy(&output.stdout).trim().to_string())
    };
    // A source distribution has no repository, and may lie inside another one: only our own counts.
    let is_ours = git(&["ls-files", "--error-unmatch", "build.rs"]).is_some();
    let commit = git(&["rev-parse", "HEAD"]).filter(|_| is_ours).unwrap_or_else(|| "unknown".to_string());
    let dirty = match git(&["status", "--porcelain", "--untracked-files=no"]).filter(|_| is_ours) {
        Some(changes) if changes.is_empty() => "false",
        Some(_) => "true",
        None => "unknown",
    };
    println!("cargo:rustc-env=EVALENGINE_COMMIT={commit}");
    println!("cargo:rustc-env=EVALENGINE_DIRTY={dirty}");
    let variable = |name: &str| std::env::var(name).unwrap_or_else(|_| "unknown".to_string());
    println!("cargo:rustc-env=EVALENGINE_PROFILE={}", variable("PROFILE"));
    println!("cargo:rustc-env=EVALENGINE_TARGET={}", variable("TARGET"));
    println!("cargo:rustc-env=EVALENGINE_RUSTC={}", rustc_version().unwrap_or_else(|| "unknown".to_string()));
    if let Some(directory) = git(&["rev-parse", "--absolute-git-dir"]) {
        println!("cargo:rerun-if-changed={directory}/HEAD");
        println!("cargo:rerun-if-changed={directory}/index");
    }
    println!("cargo:rerun-if-changed=build.rs");
}

/// The version of the compiler that cargo runs, such as "1.88.0", without its hash and date.
fn rustc_version() -> Option<String> {
    let output = Command::new(std::env::var("RUSTC").ok()?).arg("--version").output().ok()?;
    let printed = String::from_utf8(output.stdout).ok()?;
    printed.split_whitespace().nth(1).map(str::to_string)
}
