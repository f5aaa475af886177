//! A copy of the workspace with the steps of the pages taken, built with the workspace's own target
//! folder: dependencies are there already, and only what the steps touch is compiled.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use seachange_testkit::{Process, measured};

use super::blocks::{Block, Place};
use crate::harness::workspace;

/// Compiling four crates and linking, on a slow machine; another build may hold the folder.
const PATIENCE: Duration = Duration::from_secs(900);
/// Folders that are not part of the sources.
const LEFT_OUT: [&str; 2] = ["target", "node_modules"];
/// How the files of a database begin that somebody has tried out.
const DATABASE: &str = "seachange.db";

/// What was built.
pub struct Built {
    /// The program with the steps taken.
    pub program: PathBuf,
    /// The example `write`.
    pub write: PathBuf,
    /// The README's program of one file.
    pub notes: PathBuf,
}

type Files = BTreeMap<PathBuf, Vec<u8>>;

/// Takes the steps on a copy and builds it.
pub async fn build(steps: &[Block]) -> anyhow::Result<Built> {
    let mut files = Files::new();
    collect(&workspace(), Path::new(""), &mut files)?;
    for step in steps {
        if let Some(place) = &step.place {
            take(place, &step.text, &mut files).with_context(|| format!("{place:?}"))?;
        }
    }
    keep_apart(&mut files)?;
    // At the same place each time, so that a second run compiles nothing.
    let copy = Path::new(env!("CARGO_TARGET_TMPDIR")).join("readme");
    write(&copy, &files)?;
    compile(&copy).await
}

fn collect(root: &Path, folder: &Path, files: &mut Files) -> anyhow::Result<()> {
    for entry in std::fs::read_dir(root.join(folder))? {
        let entry = entry?;
        let name = entry.file_name();
        let text = name.to_string_lossy();
        let is_left_out = LEFT_OUT.iter().any(|left_out| text == *left_out);
        if text.starts_with('.') || is_left_out || text.starts_with(DATABASE) {
            continue;
        }
        let path = folder.join(&name);
        if entry.file_type()?.is_dir() {
            collect(root, &path, files)?;
        } else {
            files.insert(path, std::fs::read(entry.path())?);
        }
    }
    Ok(())
}

/// Does what a page says in front of a block.
fn take(place: &Place, text: &str, files: &mut Files) -> anyhow::Result<()> {
    let (anchor, path, is_kept) = match place {
        Place::NewFile(path) => {
            let before = files.insert(path.into(), text.as_bytes().to_vec());
            ensure!(before.is_none(), "the file exists");
            return Ok(());
        }
        Place::After { anchor, path } => (anchor, path, true),
        Place::InsteadOf { anchor, path } => (anchor, path, false),
        _ => return Ok(()),
    };
    edit(files, path, |file| {
        let mut edited = String::new();
        let mut found = 0;
        for line in file.lines() {
            if line.trim() != anchor {
                edited.extend([line, "\n"]);
                continue;
            }
            found += 1;
            let indent = &line[..line.len() - line.trim_start().len()];
            let kept = is_kept.then_some(line).into_iter().map(str::to_owned);
            let new = text.lines().map(|line| format!("{indent}{line}"));
            edited.extend(kept.chain(new).map(|line| line + "\n"));
        }
        ensure!(found == 1, "the line is there {found} times");
        Ok(edited)
    })
}

fn edit(
    files: &mut Files,
    path: &str,
    edit: impl FnOnce(&str) -> anyhow::Result<String>,
) -> anyhow::Result<()> {
    let file = files.get_mut(Path::new(path)).context("no such file")?;
    *file = edit(std::str::from_utf8(file)?)?.into_bytes();
    Ok(())
}

/// Cargo tells workspace members apart by name and version, not by folder, and puts a binary where
/// one of the same name is. Another version and another name keep the copy from the original.
fn keep_apart(files: &mut Files) -> anyhow::Result<()> {
    let replace = |file: &str, from: &str, to: &str| {
        ensure!(file.matches(from).count() == 1, "not once: {from}");
        Ok(file.replace(from, to))
    };
    let version = format!("version = \"{}\"", env!("CARGO_PKG_VERSION"));
    let other = format!("version = \"{}+readme\"", env!("CARGO_PKG_VERSION"));
    edit(files, "Cargo.toml", |file| {
        replace(file, &format!("\n{version}\n"), &format!("\n{other}\n"))
    })?;
    // The project of its own becomes a member of the copy, which then shares its dependencies.
    edit(files, "Cargo.toml", |file| {
        replace(
            file,
            "[workspace]\nmembers = [",
            "[workspace]\nmembers = [\"notes\", ",
        )
    })?;
    edit(files, "notes/Cargo.toml", |file| {
        replace(file, "path = \"../seachange\"", "path = \"..\"")
    })?;
    edit(files, "app/Cargo.toml", |file| {
        let file = replace(file, "[package]\n", "[package]\nautobins = false\n")?;
        Ok(file + "\n[[bin]]\nname = \"seachange-app-readme\"\npath = \"src/main.rs\"\n")
    })
}

/// Writes what differs and removes what is not there, so that unchanged files keep their times.
fn write(copy: &Path, files: &Files) -> anyhow::Result<()> {
    let mut old = Files::new();
    std::fs::create_dir_all(copy)?;
    collect(copy, Path::new(""), &mut old)?;
    for path in old.keys().filter(|path| !files.contains_key(*path)) {
        std::fs::remove_file(copy.join(path))?;
    }
    for (path, text) in files {
        // Cargo renews the copy's lock file, for its members' version.
        let is_lock = path == Path::new("Cargo.lock") && old.contains_key(path);
        if is_lock || old.get(path) == Some(text) {
            continue;
        }
        let path = copy.join(path);
        std::fs::create_dir_all(path.parent().context("no folder")?)?;
        std::fs::write(path, text)?;
    }
    Ok(())
}

async fn compile(copy: &Path) -> anyhow::Result<Built> {
    let program = Path::new(env!("CARGO_BIN_EXE_seachange-app"));
    let folder = program.parent().context("no folder")?;
    let target = folder.parent().context("no target folder")?;
    let profile = match folder.file_name().and_then(|name| name.to_str()) {
        Some("debug") | None => "dev",
        Some(profile) => profile,
    };
    let mut cargo = Command::new(env!("CARGO"));
    // Cargo's word to this test, which build scripts would take for a change.
    for (name, _) in std::env::vars_os() {
        let name = name.to_string_lossy().into_owned();
        let of_test = [
            "CARGO_PKG_",
            "CARGO_MANIFEST_",
            "CARGO_BIN_",
            "CARGO_CRATE_",
            "CARGO_PRIMARY_",
        ];
        if of_test.iter().any(|start| name.starts_with(start)) || name == "CARGO_TARGET_TMPDIR" {
            cargo.env_remove(name);
        }
    }
    // Examples bring the features of tests with them: the very dependencies that the tests have.
    cargo
        .current_dir(copy)
        .env("CARGO_TARGET_DIR", target)
        .args(["build", "--offline", "--workspace", "--profile", profile])
        .args([
            "--bin",
            "seachange-app-readme",
            "--bin",
            "notes",
            "--example",
            "write",
        ]);
    let begin = Instant::now();
    let ended = Process::start(cargo)?.ended_within(PATIENCE).await?;
    ensure!(
        ended.code() == Some(0),
        "the steps do not build: {}",
        ended.stderr
    );
    measured(format_args!(
        "the README's entity built in {:.1?}",
        begin.elapsed()
    ));
    Ok(Built {
        program: folder.join("seachange-app-readme"),
        write: folder.join("examples/write"),
        notes: folder.join("notes"),
    })
}
