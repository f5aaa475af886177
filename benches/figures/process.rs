//! What Linux tells of a process: its memory and its processor time.

use std::time::Duration;

use anyhow::Context;

/// A process.
#[derive(Clone, Copy, Debug)]
pub enum Process {
    /// This one.
    Own,
    /// The one with this id.
    Id(u32),
}

impl Process {
    fn read(self, file: &str) -> anyhow::Result<String> {
        let path = match self {
            Self::Own => format!("/proc/self/{file}"),
            Self::Id(id) => format!("/proc/{id}/{file}"),
        };
        std::fs::read_to_string(&path).with_context(|| path)
    }

    /// Its processor time until now; in steps of 10 ms.
    pub fn processor_time(self) -> anyhow::Result<Duration> {
        /// In a second, on every Linux.
        const TICKS: u64 = 100;
        let stat = self.read("stat")?;
        // After the name, which may contain anything: user and system time are the 12th and 13th.
        let (_, fields) = stat.rsplit_once(')').context("no name")?;
        let times = fields.split_ascii_whitespace().skip(11).take(2);
        let ticks: u64 = times.map(str::parse::<u64>).sum::<Result<u64, _>>()?;
        Ok(Duration::from_millis(ticks * 1_000 / TICKS))
    }

    /// Its memory that is not paged out, in KB of 1,024 bytes.
    pub fn resident(self) -> anyhow::Result<u64> {
        let status = self.read("status")?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
        let words = line.context("no VmRSS")?;
        let number = words.split_ascii_whitespace().next().context("no number")?;
        Ok(number.parse()?)
    }
}
