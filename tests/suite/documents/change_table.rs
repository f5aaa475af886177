//! `docs/how-to/change-a-table.md`.

use sea_orm::ConnectionTrait;
use seachange::changelog::TableChange;
use seachange_testkit::{Outcome, TestServer};

seachange_testkit::cases![a_column_gets_another_name];

async fn a_column_gets_another_name(server: &TestServer) -> Outcome {
    let db = server.db().writer();
    let changes = [TableChange::of("comment").rename("body", "text")];
    seachange_changelog::change_tables(db, &changes, |db| {
        Box::pin(async move {
            db.execute_unprepared("ALTER TABLE comment RENAME COLUMN body TO text")
                .await?;
            Ok(())
        })
    })
    .await?;
    // The server's entity needs the old name again.
    let back = [TableChange::of("comment").rename("text", "body")];
    seachange_changelog::change_tables(db, &back, |db| {
        Box::pin(async move {
            db.execute_unprepared("ALTER TABLE comment RENAME COLUMN text TO body")
                .await?;
            Ok(())
        })
    })
    .await?;
    Ok(())
}
