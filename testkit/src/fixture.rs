//! What a test stands on: made in its database before it, ended after it.

use crate::case::Running;
use crate::database::OwnDatabase;
use crate::server::TestServer;

/// A test of a fixture.
pub type Test<F> = for<'f> fn(&'f F) -> Running<'f>;

/// What a test can ask for as its parameter.
pub trait Fixture: Sized {
    /// Runs a test with one that is made for it.
    fn run(database: &OwnDatabase, test: Test<Self>) -> Running<'_>;
}

/// The empty database alone.
impl Fixture for OwnDatabase {
    fn run(database: &OwnDatabase, test: Test<Self>) -> Running<'_> {
        test(database)
    }
}

/// A server of the reference application. A test that passes ends by verifying the log against the tables.
impl Fixture for TestServer {
    fn run(database: &OwnDatabase, test: Test<Self>) -> Running<'_> {
        Box::pin(async move {
            let server = Self::start(database).await?;
            test(&server).await?;
            server.finish().await
        })
    }
}
