//! The README and the pages of `docs/` kept true: commands are run, excerpts and tables compared, steps taken,
//! links followed. ARCHITECTURE names only files that exist.

mod blocks;
mod copy;
mod links;
mod pages;
pub mod steps;
pub mod tables;
mod typed;

use anyhow::{Context, ensure};

use crate::harness::workspace;
use blocks::Place;
use pages::Page;
use seachange_testkit::{Outcome, OwnDatabase};

seachange_testkit::cases! {
    Sqlite: commands_are_run, blocks_are_accounted_for, excerpts_are_the_files, links_lead_somewhere,
        the_readme_is_short, the_architecture_names_files_that_exist;
}

/// The most lines that the README may have.
const README_LINES: usize = 250;

/// Each page's, on a database of its own.
async fn commands_are_run(database: &OwnDatabase) -> Outcome {
    if !typed::has_shell() {
        eprintln!("not run: the commands of the pages, which need bash and curl");
        return Ok(());
    }
    let mut count = 0;
    for page in pages::all()? {
        let own = OwnDatabase::create(&database.kind).await?;
        let done = typed::run(&page, &own).await;
        own.drop().await?;
        count += usize::from(done.with_context(|| page.path.clone())?);
    }
    ensure!(count >= 8, "only {count} pages have commands");
    Ok(())
}

/// Every block is compiled, run, compared, or left out by a comment.
async fn blocks_are_accounted_for(_: &OwnDatabase) -> Outcome {
    for page in pages::all()? {
        for block in page.blocks()? {
            // The README is compiled as the documentation of the crate.
            let is_compiled = block.language == "rust" && page.path == "README.md";
            let is_tried = ["sh", "graphql", "json", "text"].contains(&&*block.language);
            let (path, text) = (&page.path, &block.text);
            ensure!(
                block.place.is_some() || is_compiled || is_tried,
                "{path}: nothing tries {text}"
            );
            if let Some(Place::RunBy(test)) = &block.place {
                let test = std::fs::read_to_string(workspace().join(test))?;
                ensure!(
                    test.contains(path.as_str()),
                    "{path}: the test does not name it"
                );
            }
        }
    }
    Ok(())
}

/// Whether the file has these lines, whatever their indentation.
fn has_part(file: &str, part: &str) -> bool {
    let unindented = |lines: &[&str]| -> Vec<String> {
        let filled = lines.iter().filter(|line| !line.trim().is_empty());
        let indents = filled.map(|line| line.len() - line.trim_start().len());
        let least = indents.min().unwrap_or_default();
        let cut = lines
            .iter()
            .map(|line| line.get(least..).unwrap_or_default());
        cut.map(str::to_owned).collect()
    };
    let lines: Vec<&str> = file.lines().collect();
    let part: Vec<&str> = part.lines().collect();
    let wanted = unindented(&part);
    !part.is_empty()
        && lines
            .windows(part.len())
            .any(|lines| unindented(lines) == wanted)
}

async fn excerpts_are_the_files(_: &OwnDatabase) -> Outcome {
    let mut shown = 0;
    for page in pages::all()? {
        for block in page.blocks()? {
            let (path, is_whole) = match &block.place {
                Some(Place::File(path)) => (path, true),
                Some(Place::PartOf(path)) => (path, false),
                _ => continue,
            };
            let file =
                std::fs::read_to_string(workspace().join(path)).with_context(|| path.to_owned())?;
            let text = &block.text;
            let is_same = if is_whole {
                file == *text
            } else {
                has_part(&file, text)
            };
            ensure!(is_same, "{} shows another {path}: {text}", page.path);
            shown += 1;
        }
    }
    ensure!(
        shown >= 12,
        "only {shown} excerpts found: have the markers changed?"
    );
    Ok(())
}

async fn links_lead_somewhere(_: &OwnDatabase) -> Outcome {
    let others = ["ARCHITECTURE.md", "CHANGELOG.md", "clients/web/README.md"];
    let others: Result<Vec<Page>, _> = others.into_iter().map(Page::read).collect();
    for page in pages::all()?.into_iter().chain(others?) {
        let broken = links::broken(&page)?;
        ensure!(broken.is_empty(), "{}: {broken:?}", page.path);
    }
    Ok(())
}

async fn the_readme_is_short(_: &OwnDatabase) -> Outcome {
    let lines = Page::read("README.md")?.text.lines().count();
    ensure!(lines <= README_LINES, "{lines} lines");
    Ok(())
}

async fn the_architecture_names_files_that_exist(_: &OwnDatabase) -> Outcome {
    let text = std::fs::read_to_string(workspace().join("ARCHITECTURE.md"))?;
    let rooms = std::fs::read_dir(workspace())?.collect::<Result<Vec<_>, _>>()?;
    let rooms: Vec<String> = rooms
        .iter()
        .map(|room| format!("{}/", room.file_name().to_string_lossy()))
        .collect();
    // Every second piece stands between backticks.
    let quoted = text.split('`').skip(1).step_by(2);
    let paths: Vec<&str> = quoted
        .filter(|quoted| rooms.iter().any(|room| quoted.starts_with(room)))
        .collect();
    let missing: Vec<&str> = paths
        .iter()
        .copied()
        .filter(|path| !workspace().join(path).exists())
        .collect();
    ensure!(missing.is_empty(), "ARCHITECTURE.md names {missing:?}");
    ensure!(paths.len() > 50, "only {} paths found", paths.len());
    Ok(())
}
