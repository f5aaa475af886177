//! A program on a terminal of its own: what it prints there, and what is typed.

use std::fs::File;
use std::io::{Read, Write};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use anyhow::{Context, bail};
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use tokio::sync::mpsc;

/// A test fails rather than waits longer for a text or an end.
const PATIENCE: Duration = Duration::from_secs(30);

/// A process whose standard streams are a terminal; killed when dropped.
pub struct Terminal {
    child: std::process::Child,
    keyboard: File,
    screen: mpsc::UnboundedReceiver<Vec<u8>>,
    printed: String,
}

impl Terminal {
    /// Starts it.
    pub fn start(mut command: Command) -> anyhow::Result<Self> {
        let keyboard = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY)?;
        grantpt(&keyboard)?;
        unlockpt(&keyboard)?;
        let name = ptsname(&keyboard, Vec::new())?;
        let name = Path::new(std::ffi::OsStr::from_bytes(name.as_bytes()));
        let side = || File::options().read(true).write(true).open(name);
        command
            .env("TERM", "xterm")
            .env_remove("NO_COLOR")
            .stdin(Stdio::from(side()?))
            .stdout(Stdio::from(side()?))
            .stderr(Stdio::from(side()?));
        let child = command.spawn()?;
        // The command keeps its streams open, and reading would never end.
        drop(command);
        let keyboard = File::from(keyboard);
        let mut output = keyboard.try_clone()?;
        let (sender, screen) = mpsc::unbounded_channel();
        std::thread::spawn(move || {
            let mut bytes = [0; 4096];
            // Once the program has closed the terminal, reading fails.
            while let Ok(count @ 1..) = output.read(&mut bytes) {
                if sender.send(bytes[..count].to_vec()).is_err() {
                    return;
                }
            }
        });
        Ok(Self {
            child,
            keyboard,
            screen,
            printed: String::new(),
        })
    }

    /// Waits until this is on the screen, and returns everything printed so far.
    pub async fn shows(&mut self, text: &str) -> anyhow::Result<&str> {
        while !self.printed.contains(text) {
            if !self.more().await? {
                bail!("no `{text}` on the screen: {}", self.printed);
            }
        }
        Ok(&self.printed)
    }

    /// Types a line.
    pub fn type_line(&mut self, line: &str) -> anyhow::Result<()> {
        Ok(writeln!(self.keyboard, "{line}")?)
    }

    /// Waits until it has ended by itself; its exit code, and everything that it has printed.
    pub async fn ended(mut self) -> anyhow::Result<(Option<i32>, String)> {
        while self.more().await? {}
        let code = self.child.wait()?.code();
        Ok((code, std::mem::take(&mut self.printed)))
    }

    async fn more(&mut self) -> anyhow::Result<bool> {
        let next = tokio::time::timeout(PATIENCE, self.screen.recv()).await;
        let next =
            next.with_context(|| format!("nothing more in {PATIENCE:?}: {}", self.printed))?;
        let bytes = next.unwrap_or_default();
        self.printed.push_str(&String::from_utf8_lossy(&bytes));
        Ok(!bytes.is_empty())
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        // Both fail only if it has ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
