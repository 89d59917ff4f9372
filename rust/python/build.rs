//! Records the commit that is built, so that benchmark rows can name it.

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
    let profile = std::env::var("PROFILE").unwrap_or_default();
    println!("cargo:rustc-env=EVALENGINE_PROFILE={profile}");
    if let Some(directory) = git(&["rev-parse", "--absolute-git-dir"]) {
        println!("cargo:rerun-if-changed={directory}/HEAD");
        println!("cargo:rerun-if-changed={directory}/index");
    }
    println!("cargo:rerun-if-changed=build.rs");
}
