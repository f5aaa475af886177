//! The tables of the pages have what the program has: settings, commands, refusals, findings.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Context, ensure};
use seachange_testkit::{Outcome, OwnDatabase};

use super::pages::Page;
use crate::harness::{run, workspace};

seachange_testkit::cases! {
    Sqlite: settings_are_those_of_the_program, commands_are_all_named, refusals_are_all_explained,
        findings_are_all_explained;
}

/// Every code of a refusal is in the page of errors, and no other.
async fn refusals_are_all_explained(_: &OwnDatabase) -> Outcome {
    let codes = |text: &str| -> BTreeSet<String> {
        let pieces = text.split(|c: char| !c.is_ascii_uppercase() && c != '_');
        let codes = pieces.filter(|piece| piece.starts_with("SEACHANGE_"));
        codes.map(str::to_owned).collect()
    };
    let folder = workspace().join("changelog/src/error");
    let mut known = codes(&std::fs::read_to_string(folder.with_extension("rs"))?);
    for file in std::fs::read_dir(folder)? {
        known.extend(codes(&std::fs::read_to_string(file?.path())?));
    }
    known.remove("SEACHANGE_");
    let explained = codes(&Page::read("docs/faq.md")?.text);
    let missing: Vec<_> = known.difference(&explained).collect();
    ensure!(
        known.len() > 30 && missing.is_empty(),
        "docs/faq.md lacks {missing:?}"
    );
    Ok(())
}

/// `serve --help` shows variable and default of every setting, and the table has to show the same.
async fn settings_are_those_of_the_program(database: &OwnDatabase) -> Outcome {
    let help = run(&database.url, &["serve", "--help"]).await?.stdout;
    let between = |line: &str, start: &str| {
        let (_, rest) = line.split_once(start)?;
        Some(rest.split([']', '=']).next()?.to_owned())
    };
    let settings: BTreeMap<String, String> = help
        .lines()
        .filter_map(|line| {
            let default = line
                .split_once("[default: ")
                .map(|(_, rest)| rest.trim_end_matches(']'));
            Some((
                between(line, "[env: ")?,
                default.unwrap_or_default().to_owned(),
            ))
        })
        .collect();
    let page = Page::read("docs/reference/settings.md")?.text;
    let documented: BTreeMap<String, String> = page
        .lines()
        .filter_map(|line| {
            let cells: Vec<&str> = line
                .split('|')
                .map(|cell| cell.trim().trim_matches('`'))
                .collect();
            let &["", name, _, default, _, ""] = &cells[..] else {
                return None;
            };
            let is_setting = name.starts_with("SEACHANGE_") || name == "DATABASE_URL";
            is_setting.then(|| (name.to_owned(), default.to_owned()))
        })
        .collect();
    ensure!(
        settings == documented,
        "serve --help has {settings:#?}, the page {documented:#?}"
    );
    Ok(())
}

async fn commands_are_all_named(database: &OwnDatabase) -> Outcome {
    let help = run(&database.url, &["--help"]).await?.stdout;
    let (_, commands) = help.split_once("Commands:\n").context("no commands")?;
    let lines = commands.lines().take_while(|line| !line.is_empty());
    let names = lines.filter_map(|line| line.strip_prefix("  ")?.split(' ').next());
    let names: Vec<&str> = names.filter(|name| !["", "help"].contains(name)).collect();
    ensure!(names.contains(&"verify"), "no command found in {help}");
    let page = Page::read("docs/reference/commands.md")?.text;
    for name in names {
        let row = format!("\n| `{name}");
        ensure!(page.contains(&row), "the page does not have `{name}`");
    }
    Ok(())
}

/// Every code of `doctor` is in its page.
async fn findings_are_all_explained(_: &OwnDatabase) -> Outcome {
    let source = std::fs::read_to_string(workspace().join("changelog/src/finding.rs"))?;
    let (_, variants) = source
        .split_once("pub enum FindingCode {\n")
        .context("no codes")?;
    let (variants, _) = variants.split_once("\n}").context("no end of the codes")?;
    let names = variants
        .lines()
        .filter_map(|line| line.trim().strip_suffix(','))
        .filter(|name| name.chars().all(char::is_alphanumeric));
    let page = Page::read("docs/reference/doctor.md")?.text;
    let mut count = 0;
    for name in names {
        let mut code = String::new();
        for letter in name.chars() {
            if letter.is_uppercase() && !code.is_empty() {
                code.push('_');
            }
            code.extend(letter.to_lowercase());
        }
        ensure!(
            page.contains(&format!("`{code}`")),
            "the page does not have {code}"
        );
        count += 1;
    }
    ensure!(count > 20, "only {count} codes found");
    Ok(())
}
