//! Timing: sides that take turns, and shares of many waits.

use std::pin::Pin;
use std::time::{Duration, Instant};

/// One side of a comparison: does its share of work in the round with this number, and tells how
/// long that took.
pub type Side<'a> = Box<dyn Fn(i64) -> Round<'a> + 'a>;

/// A side at work.
type Round<'a> = Pin<Box<dyn Future<Output = anyhow::Result<Duration>> + 'a>>;

/// A side all of whose work counts.
pub fn side<'a, F>(work: impl Fn(i64) -> F + 'a) -> Side<'a>
where
    F: Future<Output = anyhow::Result<()>> + 'a,
{
    side_then(work, || async { Ok(()) })
}

/// A side that has something to put in order afterwards, which does not count.
pub fn side_then<'a, F, G>(
    work: impl Fn(i64) -> F + 'a,
    then: impl Fn() -> G + Copy + 'a,
) -> Side<'a>
where
    F: Future<Output = anyhow::Result<()>> + 'a,
    G: Future<Output = anyhow::Result<()>> + 'a,
{
    Box::new(move |round| {
        let work = work(round);
        Box::pin(async move {
            let begun = Instant::now();
            work.await?;
            let time = begun.elapsed();
            then().await?;
            Ok(time)
        })
    })
}

/// A side that tells by itself how long took what counts.
pub fn side_timed<'a, F>(work: impl Fn(i64) -> F + 'a) -> Side<'a>
where
    F: Future<Output = anyhow::Result<Duration>> + 'a,
{
    Box::new(move |round| Box::pin(work(round)))
}

/// Lets the sides work by turns, each round beginning with another one; the median time of each.
/// Round 0 warms up and is not counted.
pub async fn by_turns<const N: usize>(
    rounds: u32,
    sides: [Side<'_>; N],
) -> anyhow::Result<[Duration; N]> {
    let mut times = [const { Vec::new() }; N];
    for round in 0..=rounds {
        for turn in 0..N {
            let one = (turn + round as usize) % N;
            let time = sides[one](i64::from(round)).await?;
            if round > 0 {
                times[one].push(time);
            }
        }
    }
    Ok(times.map(|times| share(times, 50)))
}

/// How long all but this percentage of the fewest took: 50 is the median.
pub fn share(mut times: Vec<Duration>, percent: usize) -> Duration {
    times.sort_unstable();
    let index = (times.len() * percent / 100).min(times.len().saturating_sub(1));
    times.get(index).copied().unwrap_or_default()
}

/// How many in a second, if so many took this long.
pub fn rate(count: u32, time: Duration) -> f64 {
    f64::from(count) / time.as_secs_f64()
}

/// In milliseconds.
pub fn ms(time: Duration) -> f64 {
    time.as_secs_f64() * 1e3
}
