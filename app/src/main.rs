//! Runs the reference application.

use std::process::ExitCode;

use mimalloc::MiMalloc;
use seachange_app::reference_app;

/// Thousands of connections and what they are sent come and go: after ten minutes of that the C library's
/// allocator kept 86 MB that were free.
#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;

fn main() -> ExitCode {
    reference_app().run()
}
