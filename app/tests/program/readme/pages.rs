//! The README and the pages of `docs/`.

use std::path::Path;

use super::blocks::{self, Block};
use crate::harness::workspace;

/// One page.
pub struct Page {
    /// Relative to the workspace, with `/`.
    pub path: String,
    pub text: String,
}

impl Page {
    /// A page by its path.
    pub fn read(path: &str) -> anyhow::Result<Self> {
        Ok(Self {
            path: path.to_owned(),
            text: std::fs::read_to_string(workspace().join(path))?,
        })
    }

    /// Its code blocks, in order.
    pub fn blocks(&self) -> anyhow::Result<Vec<Block>> {
        blocks::of(&self.text).map_err(|error| error.context(self.path.clone()))
    }
}

/// All pages, the README first.
pub fn all() -> anyhow::Result<Vec<Page>> {
    let mut paths = Vec::new();
    collect("docs", &mut paths)?;
    paths.sort();
    paths.insert(0, "README.md".to_owned());
    anyhow::ensure!(paths.len() > 20, "only {paths:?} found");
    paths.iter().map(|path| Page::read(path)).collect()
}

fn collect(folder: &str, paths: &mut Vec<String>) -> anyhow::Result<()> {
    for entry in std::fs::read_dir(workspace().join(folder))? {
        let entry = entry?;
        let path = format!("{folder}/{}", entry.file_name().to_string_lossy());
        if entry.file_type()?.is_dir() {
            collect(&path, paths)?;
        } else if Path::new(&path).extension().is_some_and(|end| end == "md") {
            paths.push(path);
        }
    }
    Ok(())
}
