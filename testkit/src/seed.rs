//! The seed of a game, for those that panic: an error carries its seed by itself.

/// Prints the seed if the test panics while this is there.
#[must_use = "it speaks only as long as it lives"]
pub struct Seed(pub u64);

impl Drop for Seed {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("seed {}", self.0);
        }
    }
}
