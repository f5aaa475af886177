//! The program as a process: started, read line by line, ended. Only processes started here are
//! ever signalled.

use std::io::{BufRead, BufReader, Read};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use tokio::sync::mpsc;

use super::client::Client;

/// A test fails rather than waits longer for a line or an end.
const PATIENCE: Duration = Duration::from_secs(30);

/// A build of the reference application, with these arguments and no setting but its database.
pub fn command_of(program: &str, url: &str, arguments: &[&str]) -> Command {
    let mut command = Command::new(program);
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with("SEACHANGE_") {
            command.env_remove(name);
        }
    }
    command.env("DATABASE_URL", url).args(arguments);
    command
}

/// A running process; killed when dropped.
pub struct Process {
    child: Child,
    lines: mpsc::UnboundedReceiver<String>,
    errors: mpsc::UnboundedReceiver<String>,
}

/// What a process left behind.
#[derive(Debug)]
pub struct Ended {
    /// How it ended.
    pub status: ExitStatus,
    /// The lines of its output that nobody has read before.
    pub stdout: String,
    /// The lines of its error output that nobody has read before.
    pub stderr: String,
}

impl Ended {
    /// The exit code; a signal has none.
    pub fn code(&self) -> Option<i32> {
        self.status.code()
    }
}

impl Process {
    /// Starts it; its output is read from now on.
    pub fn start(mut command: Command) -> anyhow::Result<Self> {
        command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        let mut child = command.spawn()?;
        let stdout = child.stdout.take().context("no stdout")?;
        let stderr = child.stderr.take().context("no stderr")?;
        Ok(Self {
            child,
            lines: lines_of(stdout),
            errors: lines_of(stderr),
        })
    }

    /// The next line of its output.
    pub async fn line(&mut self) -> anyhow::Result<String> {
        match tokio::time::timeout(PATIENCE, self.lines.recv()).await {
            Ok(Some(line)) => Ok(line),
            Ok(None) => {
                let errors = rest(&mut self.errors, Instant::now() + PATIENCE).await;
                bail!("ended without a line, stderr: {errors}")
            }
            Err(_) => bail!("no line in {PATIENCE:?}"),
        }
    }

    /// Sends it a signal, e.g. `TERM`.
    pub fn signal(&self, name: &str) -> anyhow::Result<()> {
        let id = self.child.id().to_string();
        let sent = Command::new("kill").args(["-s", name, &id]).status()?;
        anyhow::ensure!(sent.success(), "kill -s {name}: {sent}");
        Ok(())
    }

    /// Kills it: SIGKILL, nothing of it runs any more.
    pub fn kill(mut self) -> anyhow::Result<()> {
        self.child.kill()?;
        self.child.wait()?;
        Ok(())
    }

    /// Waits until it has ended by itself.
    pub async fn ended(self) -> anyhow::Result<Ended> {
        self.ended_within(PATIENCE).await
    }

    /// The same for what may take longer.
    pub async fn ended_within(mut self, patience: Duration) -> anyhow::Result<Ended> {
        let deadline = Instant::now() + patience;
        let stdout = rest(&mut self.lines, deadline).await;
        let stderr = rest(&mut self.errors, deadline).await;
        loop {
            // Its output is closed, so the end is a matter of microseconds.
            if let Some(status) = self.child.try_wait()? {
                return Ok(Ended {
                    status,
                    stdout,
                    stderr,
                });
            }
            anyhow::ensure!(
                Instant::now() < deadline,
                "does not end within {patience:?}"
            );
            tokio::task::yield_now().await;
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // Both fail only if it has ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Lines from a pipe, read by a thread that ends with the pipe.
fn lines_of(pipe: impl Read + Send + 'static) -> mpsc::UnboundedReceiver<String> {
    let (sender, receiver) = mpsc::unbounded_channel();
    std::thread::spawn(move || {
        for line in BufReader::new(pipe).lines().map_while(Result::ok) {
            if sender.send(line).is_err() {
                return;
            }
        }
    });
    receiver
}

async fn rest(lines: &mut mpsc::UnboundedReceiver<String>, deadline: Instant) -> String {
    let mut text = String::new();
    while let Ok(Some(line)) = tokio::time::timeout_at(deadline.into(), lines.recv()).await {
        text.push_str(&line);
        text.push('\n');
    }
    text
}

/// A running server.
pub struct Server {
    /// Its process.
    pub process: Process,
    /// `http://…`, no slash at the end.
    pub url: String,
    /// From the start of the process to its word that it listens.
    pub started_in: Duration,
}

impl Server {
    /// Starts a server by this command and waits until it listens.
    pub async fn start(command: Command) -> anyhow::Result<Self> {
        let begin = Instant::now();
        let mut process = Process::start(command)?;
        let line = process.line().await?;
        let started_in = begin.elapsed();
        let url = line.strip_prefix("listening on ");
        let url = url.with_context(|| format!("not the line expected: {line}"))?;
        Ok(Self {
            process,
            url: url.to_owned(),
            started_in,
        })
    }

    /// A client of it.
    pub fn client(&self) -> Client {
        Client::new(self.url.clone())
    }

    /// Ends it as an operator would.
    pub async fn stop(self) -> anyhow::Result<()> {
        self.process.signal("TERM")?;
        let ended = self.process.ended().await?;
        anyhow::ensure!(ended.code() == Some(0), "not a clean end: {ended:?}");
        Ok(())
    }
}
