//! Names that GraphQL cannot have stop the program with an error that says which table and column it is.

use seachange::{App, Policy};
use seachange_entity::task;
use seachange_migration::Migrator;
use seachange_testkit::{Outcome, TestServer};

seachange_testkit::cases![refused, mapped];

/// An entity of a table with a key and two more columns.
macro_rules! entity {
    ($module:ident, $table:literal, $one:literal, $other:literal) => {
        mod $module {
            use sea_orm::entity::prelude::*;

            #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
            #[sea_orm(table_name = $table)]
            pub struct Model {
                #[sea_orm(primary_key, auto_increment = false)]
                pub id: i32,
                #[sea_orm(column_name = $one)]
                pub one: i32,
                #[sea_orm(column_name = $other)]
                pub other: i32,
            }

            #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
            pub enum Relation {}

            seachange_changelog::track!();
        }
    };
}

entity!(hyphens, "odd_hyphens", "end-date", "start-date");
entity!(umlaut, "odd_umlaut", "größe", "other");
entity!(digit, "odd_digit", "2fa", "other");
entity!(twins, "odd_twins", "user_id", "userId");
entity!(word_of_filters, "odd_word", "not", "other");
entity!(umlauts_table, "ödd", "one", "other");
entity!(documents, "task_document", "one", "other");
entity!(history, "task_history", "one", "other");
entity!(of_ours, "change", "one", "other");

async fn sdl(server: &TestServer, app: App) -> Result<String, String> {
    let sdl = app.sdl(&server.settings).await;
    sdl.map_err(|error| error.to_string())
}

fn app() -> App {
    let app = App::new().migrator::<Migrator>().entity::<task::Entity>();
    app.sync::<task::Entity>(Policy::manual())
}

async fn refused(server: &TestServer) -> Outcome {
    for (app, words) in [
        (
            app().entity::<umlaut::Entity>(),
            ["`odd_umlaut`", "`größe`"],
        ),
        (app().entity::<digit::Entity>(), ["`odd_digit`", "`2fa`"]),
        (
            app().entity::<twins::Entity>(),
            ["`odd_twins`", "`user_id` and `userId`"],
        ),
        (
            app().entity::<word_of_filters::Entity>(),
            ["`odd_word`", "`not`"],
        ),
        (app().entity::<umlauts_table::Entity>(), ["`ödd`", "`Ödd`"]),
        (
            app().entity::<documents::Entity>(),
            ["`task_document`", "`TaskDocument`"],
        ),
        (
            app().entity::<history::Entity>(),
            ["`task_history`", "`taskHistory`"],
        ),
        (app().entity::<of_ours::Entity>(), ["`change`", "`Change`"]),
        (app().entity::<task::Entity>(), ["`task`", "`task`"]),
    ] {
        match sdl(server, app).await {
            Ok(sdl) => anyhow::bail!("{words:?} is taken: {sdl}"),
            Err(text) => {
                let has_all = words.iter().all(|word| text.contains(word));
                assert!(has_all, "{words:?}: {text}");
            }
        }
    }
    Ok(())
}

async fn mapped(server: &TestServer) -> Outcome {
    let sdl = sdl(server, app().entity::<hyphens::Entity>()).await;
    let sdl = sdl.map_err(anyhow::Error::msg)?;
    let object = sdl.split("type OddHyphens {").nth(1).unwrap_or_default();
    assert!(
        object
            .trim_start()
            .starts_with("id: Int!\n\tendDate: Int!\n\tstartDate: Int!"),
        "{sdl}"
    );
    Ok(())
}
