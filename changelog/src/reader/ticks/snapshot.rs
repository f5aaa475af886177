//! A stored `pg_snapshot`: which transactions it sees.

use std::str::FromStr;

/// The transactions that a snapshot sees: all below `xmax` that were not in progress.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Snapshot {
    pub(super) xmax: u64,
    /// The transactions in progress, sorted.
    pub(super) in_progress: Vec<u64>,
}

impl Snapshot {
    /// Whether the transaction had committed (or aborted) when the snapshot was taken.
    pub(super) fn sees(&self, xid: u64) -> bool {
        xid < self.xmax && self.in_progress.binary_search(&xid).is_err()
    }
}

impl FromStr for Snapshot {
    type Err = std::num::ParseIntError;

    /// PostgreSQL's text: `xmin:xmax:xid,xid,…`.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let mut parts = text.splitn(3, ':').skip(1);
        let xmax = parts.next().unwrap_or_default().parse()?;
        let list = parts.next().unwrap_or_default();
        let mut in_progress: Vec<u64> = list
            .split(',')
            .filter(|xid| !xid.is_empty())
            .map(str::parse)
            .collect::<Result<_, _>>()?;
        in_progress.sort_unstable();
        Ok(Self { xmax, in_progress })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_of_postgresql() {
        let snapshot: Snapshot = "10:20:10,14,15".parse().expect("a snapshot");
        let seen: Vec<u64> = (8..23).filter(|xid| snapshot.sees(*xid)).collect();
        assert_eq!(seen, [8, 9, 11, 12, 13, 16, 17, 18, 19]);
        let idle: Snapshot = "7:7:".parse().expect("a snapshot");
        assert!(idle.sees(6) && !idle.sees(7));
        assert!("7".parse::<Snapshot>().is_err() && "".parse::<Snapshot>().is_err());
    }
}
