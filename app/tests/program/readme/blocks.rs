//! The code blocks of a page, and what the comment before a block says about it.

use anyhow::{Context, bail};

/// What is to be done with a block. Paths are relative to the workspace.
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
    /// A part of a file as it is in the workspace, whatever its indentation.
    PartOf(String),
    /// A command that is run until it has printed this.
    UntilItPrints(String),
    /// The command whose server runs already.
    Serves,
    /// Another test runs it: the file of that test.
    RunBy(String),
    /// It is left out, for a reason.
    NotRun,
}

/// A code block.
#[derive(Clone, Debug, PartialEq)]
pub struct Block {
    pub place: Option<Place>,
    /// The word after the fence, without what follows a comma.
    pub language: String,
    pub text: String,
}

/// The blocks of a page, in order.
///
/// # Errors
/// A comment that is not understood or has no block after it, or a block without end: nothing is passed over.
pub fn of(page: &str) -> anyhow::Result<Vec<Block>> {
    let mut blocks = Vec::new();
    let mut place = None;
    let mut lines = page.lines();
    while let Some(line) = lines.next() {
        if let Some(comment) = line.strip_prefix("<!-- ") {
            let comment = comment
                .strip_suffix(" -->")
                .context("a comment on one line")?;
            place = Some(place_of(comment).with_context(|| format!("no marker: {comment}"))?);
            continue;
        }
        let Some(language) = line.strip_prefix("```") else {
            anyhow::ensure!(place.is_none(), "no code after {place:?}");
            continue;
        };
        let language = language.split(',').next().unwrap_or_default().to_owned();
        let mut text = String::new();
        loop {
            match lines.next() {
                Some("```") => break,
                Some(line) => text.extend([line, "\n"]),
                None => bail!("no end of the code: {text}"),
            }
        }
        blocks.push(Block {
            place: place.take(),
            language,
            text,
        });
    }
    Ok(blocks)
}

fn place_of(comment: &str) -> Option<Place> {
    if comment == "serves" {
        return Some(Place::Serves);
    }
    let (kind, rest) = comment
        .split_once(": ")
        .filter(|(kind, _)| !kind.contains('"'))
        .or_else(|| comment.rsplit_once("\" in: "))?;
    let rest = rest.to_owned();
    Some(match kind {
        "new file" => Place::NewFile(rest),
        "file" => Place::File(rest),
        "part of" => Place::PartOf(rest),
        "until it prints" => Place::UntilItPrints(rest),
        "run by" => Place::RunBy(rest),
        "not run" => Place::NotRun,
        _ => {
            let (kind, anchor) = kind.split_once(" \"")?;
            let (anchor, path) = (anchor.to_owned(), rest);
            match kind {
                "after" => Place::After { anchor, path },
                "instead of" => Place::InsteadOf { anchor, path },
                _ => return None,
            }
        }
    })
}
