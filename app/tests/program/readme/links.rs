//! Links within the workspace lead to files and headings that exist.

use std::collections::BTreeSet;
use std::path::{Component, Path, PathBuf};

use anyhow::ensure;

use super::pages::Page;
use crate::harness::workspace;

/// The links of a page that lead nowhere.
pub fn broken(page: &Page) -> anyhow::Result<Vec<String>> {
    let folder = Path::new(&page.path).parent().unwrap_or(Path::new(""));
    let mut broken = Vec::new();
    let mut seen = 0;
    for link in links(&page.text) {
        if link.contains("://") {
            continue;
        }
        seen += 1;
        let (path, anchor) = link.split_once('#').unwrap_or((link, ""));
        let target = match path {
            "" => PathBuf::from(&page.path),
            _ => flat(&folder.join(path)),
        };
        let file = workspace().join(&target);
        let is_there = file.exists()
            && (anchor.is_empty() || headings(&std::fs::read_to_string(&file)?).contains(anchor));
        if !is_there {
            broken.push(link.to_owned());
        }
    }
    ensure!(
        seen > 0 || !page.path.starts_with("docs/README"),
        "no link found"
    );
    Ok(broken)
}

/// What stands in the parentheses of `[…](…)`, outside of code blocks.
fn links(text: &str) -> Vec<&str> {
    let mut links = Vec::new();
    for line in prose(text) {
        for piece in line.split("](").skip(1) {
            links.extend(piece.split(')').next());
        }
    }
    links
}

fn prose(text: &str) -> impl Iterator<Item = &str> {
    let mut is_code = false;
    text.lines().filter(move |line| {
        let is_fence = line.starts_with("```");
        is_code ^= is_fence;
        !is_code && !is_fence
    })
}

/// The anchors that are made of headings: lower case, without punctuation, a hyphen for each space.
fn headings(text: &str) -> BTreeSet<String> {
    let headings = prose(text).filter(|line| line.starts_with('#'));
    headings
        .map(|line| {
            let title = line.trim_start_matches('#').trim().to_lowercase();
            let kept = title
                .chars()
                .filter(|c| c.is_alphanumeric() || "-_ ".contains(*c));
            kept.map(|c| if c == ' ' { '-' } else { c }).collect()
        })
        .collect()
}

fn flat(path: &Path) -> PathBuf {
    let mut flat = PathBuf::new();
    for part in path.components() {
        match part {
            Component::ParentDir => {
                flat.pop();
            }
            part => flat.push(part),
        }
    }
    flat
}
