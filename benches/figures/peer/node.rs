//! `graphql-ws` on Node: the script of `benches/peers/graphql-ws`, installed beside the build.

use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::Context;

const SOURCE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/benches/peers/graphql-ws");
const INSTALLED: &str = concat!(env!("CARGO_TARGET_TMPDIR"), "/graphql-ws");
const FILES: [&str; 3] = ["package.json", "package-lock.json", "server.mjs"];

/// How to start it. `None`, with a notice, where Node or npm are missing or nothing can be installed.
pub(super) fn command() -> anyhow::Result<Option<Command>> {
    for program in ["node", "npm"] {
        if !succeeds(Command::new(program).arg("--version")) {
            println!("graphql-ws is left out: there is no {program}");
            return Ok(None);
        }
    }
    std::fs::create_dir_all(INSTALLED)?;
    for file in FILES {
        let (from, to) = (
            Path::new(SOURCE).join(file),
            Path::new(INSTALLED).join(file),
        );
        std::fs::copy(&from, to).with_context(|| from.display().to_string())?;
    }
    let mut install = Command::new("npm");
    install.args(["ci", "--no-audit", "--no-fund"]);
    if !succeeds(install.current_dir(INSTALLED)) {
        println!("graphql-ws is left out: `npm ci` failed in {INSTALLED}");
        return Ok(None);
    }
    let mut command = Command::new("node");
    command.arg("server.mjs").current_dir(INSTALLED);
    Ok(Some(command))
}

fn succeeds(command: &mut Command) -> bool {
    let quiet = command.stdout(Stdio::null()).stderr(Stdio::null());
    quiet.status().is_ok_and(|status| status.success())
}
