//! The README's code blocks that say, in a comment before them, where they belong.

use anyhow::{Context, bail, ensure};

/// Where a block belongs. Paths are relative to the workspace.
#[derive(Clone, Debug, PartialEq)]
pub enum Place {
    /// A file to be made.
    NewFile(String),
    /// Lines to be put after the one that is `anchor`.
    After { anchor: String, path: String },
    /// Lines to be put in place of the one that is `anchor`.
    InsteadOf { anchor: String, path: String },
    /// A file as it is in the workspace.
    File(String),
    /// A part of a file as it is in the workspace.
    PartOf(String),
}

/// A code block and its place.
#[derive(Clone, Debug, PartialEq)]
pub struct Block {
    pub place: Place,
    pub text: String,
}

/// The marked blocks, in order.
///
/// # Errors
/// A comment with a path that is no marker, or a marker without a block: nothing is passed over.
pub fn of(readme: &str) -> anyhow::Result<Vec<Block>> {
    let mut blocks = Vec::new();
    let mut lines = readme.lines();
    while let Some(line) = lines.next() {
        let Some(comment) = line.strip_prefix("<!-- ") else {
            continue;
        };
        let comment = comment
            .strip_suffix(" -->")
            .context("a comment on one line")?;
        let place = place(comment).with_context(|| format!("no marker: {comment}"))?;
        let fence = lines.next().unwrap_or_default();
        ensure!(fence.starts_with("```"), "no code after {comment}");
        let mut text = String::new();
        loop {
            match lines.next() {
                Some("```") => break,
                Some(line) => text.extend([line, "\n"]),
                None => bail!("no end of the code after {comment}"),
            }
        }
        blocks.push(Block { place, text });
    }
    Ok(blocks)
}

fn place(comment: &str) -> Option<Place> {
    let (kind, path) = comment
        .split_once(": ")
        .filter(|(kind, _)| !kind.contains('"'))
        .or_else(|| comment.rsplit_once("\" in: "))?;
    let path = path.to_owned();
    Some(match kind {
        "new file" => Place::NewFile(path),
        "file" => Place::File(path),
        "part of" => Place::PartOf(path),
        _ => {
            let (kind, anchor) = kind.split_once(" \"")?;
            let anchor = anchor.to_owned();
            match kind {
                "after" => Place::After { anchor, path },
                "instead of" => Place::InsteadOf { anchor, path },
                _ => return None,
            }
        }
    })
}
