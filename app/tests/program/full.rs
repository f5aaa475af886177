//! A disk without room: what was acknowledged is in the file, nothing else is, readers go on, and `readyz`
//! says that nothing can be written.

use std::collections::BTreeSet;
use std::path::Path;
use std::process::Command;

use seachange_testkit::{Client, Outcome, OwnDatabase, Server, eventually};
use serde_json::json;

use crate::harness::{command, run, serve};

seachange_testkit::cases! {
    Sqlite: what_was_acknowledged_is_in_the_file;
}

/// A folder on a disk of its own.
struct SmallDisk(tempfile::TempDir);

impl SmallDisk {
    /// `None` where nobody may mount one.
    fn mount() -> anyhow::Result<Option<Self>> {
        let folder = tempfile::tempdir()?;
        let is_mounted = mount(&["-t", "tmpfs", "-o", "size=2m", "tmpfs"], folder.path())?;
        Ok(is_mounted.then_some(Self(folder)))
    }

    fn grow(&self) -> Outcome {
        let is_done = mount(&["-o", "remount,size=64m"], self.0.path())?;
        anyhow::ensure!(is_done, "the disk does not grow");
        Ok(())
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("-l").arg(self.0.path()).status();
    }
}

fn mount(arguments: &[&str], folder: &Path) -> anyhow::Result<bool> {
    let mounted = Command::new("mount").args(arguments).arg(folder).output();
    Ok(mounted.is_ok_and(|mounted| mounted.status.success()))
}

/// The program, none of whose files may be larger than two megabytes: as good as a full disk.
fn limited(url: &str) -> Command {
    let limits = "trap '' XFSZ; ulimit -f 4096; exec \"$0\" \"$@\"";
    let plain = command(url, &["--listen", "127.0.0.1:0"]);
    let mut limited = Command::new("sh");
    limited.args(["-c", limits]).arg(plain.get_program());
    limited.args(plain.get_args()).env("DATABASE_URL", url);
    limited
}

async fn what_was_acknowledged_is_in_the_file(_: &OwnDatabase) -> Outcome {
    let disk = SmallDisk::mount()?;
    let folder = tempfile::tempdir()?;
    let place = disk.as_ref().map_or(folder.path(), |disk| disk.0.path());
    let url = format!("sqlite://{}/full.db?mode=rwc", place.display());
    let server = match &disk {
        Some(_) => serve(&url).await?,
        None => Server::start(limited(&url)).await?,
    };
    let client = server.client();
    let mut acknowledged = BTreeSet::new();
    let mut refused = 0;
    for number in 0..2_000 {
        // Small ones go on finding room for a while after a large one did not.
        let name = format!("{number} {}", "x".repeat(number % 7 * 1_000));
        let create = "mutation ($name: String!) { projectCreateOne(data: { name: $name }) { id } }";
        let answer = client.send(create, json!({ "name": name })).await?;
        if answer.code().is_ok() {
            assert_eq!(answer.code()?, "UNAVAILABLE");
            refused += 1;
        } else {
            acknowledged.insert(name);
        }
        if refused == 60 {
            break;
        }
    }
    assert_eq!(refused, 60);
    assert_eq!(names(&client).await?, acknowledged);
    eventually(async || {
        let answer = reqwest::get(format!("{}/readyz", server.url)).await?;
        let is_unready = answer.status().as_u16() == 503;
        let reason = answer.text().await?;
        Ok((is_unready && reason == "the database takes no writes").then_some(()))
    })
    .await?;
    match &disk {
        Some(disk) => {
            // The same process goes on when there is room.
            disk.grow()?;
            let name = "room again";
            let create =
                "mutation ($name: String!) { projectCreateOne(data: { name: $name }) { id } }";
            client.data(create, json!({ "name": name })).await?;
            acknowledged.insert(name.to_owned());
            server.stop().await?;
        }
        None => server.process.kill()?,
    }
    let again = serve(&url).await?;
    assert_eq!(names(&again.client()).await?, acknowledged);
    again.stop().await?;
    let verified = run(&url, &["verify"]).await?;
    assert_eq!(verified.code(), Some(0), "{verified:?}");
    Ok(())
}

async fn names(client: &Client) -> anyhow::Result<BTreeSet<String>> {
    let mut names = BTreeSet::new();
    for page in 0.. {
        let query = format!(
            "{{ project(pagination: {{ page: {{ limit: 500, page: {page} }} }}) {{ nodes {{ name }} }} }}"
        );
        let data = client.data(&query, json!({})).await?;
        let nodes = data["project"]["nodes"]
            .as_array()
            .cloned()
            .unwrap_or_default();
        if nodes.is_empty() {
            break;
        }
        let found = nodes.iter().filter_map(|node| node["name"].as_str());
        names.extend(found.map(str::to_owned));
    }
    Ok(names)
}
