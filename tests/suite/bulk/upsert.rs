//! Insert what is new, update the rest.

use sea_orm::{ActiveModelTrait, ActiveValue::Set, EntityTrait, TransactionTrait};
use seachange::changelog::internal::image;
use seachange::changelog::{BulkRefusal, CaptureError, Operation, Written};
use seachange_entity::{label, project};
use seachange_testkit::{Outcome, TestServer};

use super::{a_label, a_project};

seachange_testkit::cases![
    by_primary_key,
    by_a_unique_column,
    the_same_row_twice,
    many_chunks,
    without_a_value,
    another_unique_index,
    only_some_columns,
    what_exists_is_ignored,
    a_hook_of_an_ignored_row,
];

async fn by_primary_key(server: &TestServer) -> Outcome {
    let tx = server.db().begin().await?;
    let old = a_project("old").insert(&tx).await?;
    let same = a_project("same").insert(&tx).await?;
    let models = [
        a_project("new"),
        project::ActiveModel {
            id: Set(old.id),
            ..a_project("renamed")
        },
        project::ActiveModel {
            id: Set(same.id),
            ..a_project("same")
        },
    ];
    let written = tx
        .upsert_many::<project::Entity>(models, &[project::Column::Id])
        .await?;
    tx.commit().await?;
    let [
        Written::Inserted(new),
        Written::Updated(renamed),
        Written::Unchanged(kept),
    ] = written.as_slice()
    else {
        anyhow::bail!("{written:?}");
    };
    assert_eq!(
        (new.name.as_str(), renamed.name.as_str()),
        ("new", "renamed")
    );
    assert!(renamed.updated_at > old.updated_at && renamed.created_at == old.created_at);
    assert_eq!(*kept, same);
    let log = server.logged().await?;
    let operations: Vec<Operation> = log[2..].iter().map(|change| change.operation).collect();
    assert_eq!(operations.len(), 2, "the unchanged one is not recorded");
    for change in &log[2..] {
        let (before, after) = match change.operation {
            Operation::Insert => (None, new),
            _ => (Some(image::image_of(&old)?.into()), renamed),
        };
        assert_eq!(change.before, before);
        assert_eq!(change.after, Some(image::image_of(after)?.into()));
    }
    Ok(())
}

async fn by_a_unique_column(server: &TestServer) -> Outcome {
    let tx = server.db().begin().await?;
    let old = a_label("b").insert(&tx).await?;
    let models = ["c", "b", "a"].map(a_label);
    let written = tx
        .upsert_many::<label::Entity>(models, &[label::Column::Name])
        .await?;
    tx.commit().await?;
    let names: Vec<&str> = written.iter().map(|row| row.row().name.as_str()).collect();
    assert_eq!(names, ["c", "b", "a"]);
    assert!(matches!(&written[0], Written::Inserted(_)));
    assert_eq!(written[1], Written::Unchanged(old));
    assert!(matches!(&written[2], Written::Inserted(_)));
    assert_eq!(server.logged().await?.len(), 3);
    Ok(())
}

/// One after the other, as single writes would be.
async fn the_same_row_twice(server: &TestServer) -> Outcome {
    let tx = server.db().begin().await?;
    let id = uuid::Uuid::now_v7();
    let model = |name: &str| project::ActiveModel {
        id: Set(id),
        ..a_project(name)
    };
    let models = [model("one"), model("two"), model("two"), model("three")];
    let written = tx
        .upsert_many::<project::Entity>(models, &[project::Column::Id])
        .await?;
    tx.commit().await?;
    let kinds = written.iter().map(|row| match row {
        Written::Inserted(row) => format!("inserted {}", row.name),
        Written::Updated(row) => format!("updated {}", row.name),
        Written::Unchanged(row) => format!("unchanged {}", row.name),
    });
    let kinds: Vec<String> = kinds.collect();
    let expected = [
        "inserted one",
        "updated two",
        "unchanged two",
        "updated three",
    ];
    assert_eq!(kinds, expected);
    assert_eq!(server.logged().await?.len(), 3);
    Ok(())
}

async fn many_chunks(server: &TestServer) -> Outcome {
    const ROWS: i64 = 1_300;
    let tx = server.db().begin().await?;
    let odd = (0..ROWS).filter(|row| row % 2 == 1);
    let odd = odd.map(|row| a_label(format!("l{row}")));
    tx.insert_many::<label::Entity>(odd).await?;
    let all = (0..ROWS).rev().map(|row| a_label(format!("l{row}")));
    let written = tx
        .upsert_many::<label::Entity>(all, &[label::Column::Name])
        .await?;
    tx.commit().await?;
    for (place, row) in written.iter().enumerate() {
        let number = ROWS - 1 - i64::try_from(place)?;
        assert_eq!(row.row().name, format!("l{number}"));
        assert_eq!(matches!(row, Written::Inserted(_)), number % 2 == 0);
    }
    assert_eq!(server.logged().await?.len(), usize::try_from(ROWS)?);
    Ok(())
}

async fn without_a_value(server: &TestServer) -> Outcome {
    let tx = server.db().begin().await?;
    let nameless = label::ActiveModel {
        id: Set(1),
        ..Default::default()
    };
    let unowned = project::ActiveModel {
        owner: Set(None),
        ..a_project("x")
    };
    let nowhere = tx
        .upsert_many::<label::Entity>([a_label("x")], &[])
        .await
        .expect_err("a column is named");
    let refusal = CaptureError::of(&nowhere);
    assert!(
        matches!(
            refusal,
            Some(CaptureError::Bulk(BulkRefusal::NoConflictColumn { .. }))
        ),
        "{nowhere}"
    );
    let missing = [
        tx.upsert_many::<label::Entity>([nameless], &[label::Column::Name])
            .await
            .err(),
        tx.upsert_many::<project::Entity>([unowned], &[project::Column::Owner])
            .await
            .err(),
    ];
    for error in missing {
        let error = error.ok_or_else(|| anyhow::anyhow!("upserted"))?;
        let refusal = CaptureError::of(&error);
        assert!(
            matches!(
                refusal,
                Some(CaptureError::Bulk(BulkRefusal::NoConflictValue { .. }))
            ),
            "{error}"
        );
    }
    tx.commit().await?;
    assert!(server.logged().await?.is_empty());
    Ok(())
}

/// What another index refuses is no conflict of the one that was named.
async fn another_unique_index(server: &TestServer) -> Outcome {
    let tx = server.db().begin().await?;
    let taken = a_label("taken").insert(&tx).await?;
    let models = [
        a_label("free"),
        label::ActiveModel {
            id: Set(taken.id + 1_000),
            ..a_label("taken")
        },
    ];
    let models = models.map(|model| label::ActiveModel {
        id: match model.id {
            Set(id) => Set(id),
            _ => Set(taken.id + 500),
        },
        ..model
    });
    let error = tx
        .upsert_many::<label::Entity>(models, &[label::Column::Id])
        .await;
    let error = error.expect_err("its name is taken");
    assert!(
        matches!(
            error.sql_err(),
            Some(sea_orm::SqlErr::UniqueConstraintViolation(_))
        ),
        "{error}"
    );
    // Nothing of the call is kept, and the transaction goes on.
    tx.commit().await?;
    assert_eq!(label::Entity::find().all(server.db()).await?, [taken]);
    assert_eq!(server.logged().await?.len(), 1);
    Ok(())
}

async fn only_some_columns(server: &TestServer) -> Outcome {
    let tx = server.db().begin().await?;
    let old = project::ActiveModel {
        owner: Set(Some("ann".to_owned())),
        ..a_project("old")
    };
    let old = old.insert(&tx).await?;
    let model = |id, name: &str| project::ActiveModel {
        id: Set(id),
        owner: Set(Some("bob".to_owned())),
        archived: Set(true),
        ..a_project(name)
    };
    let new = uuid::Uuid::now_v7();
    let models = [
        model(old.id, "renamed"),
        model(new, "new"),
        model(new, "newer"),
    ];
    let written = tx
        .upsert_many::<project::Entity>(models, &[project::Column::Id])
        .updating([project::Column::Name])
        .await?;
    // What is not to be updated makes no change.
    let again = [model(old.id, "renamed")];
    let unchanged = tx
        .upsert_many::<project::Entity>(again, &[project::Column::Id])
        .updating([project::Column::Name])
        .await?;
    tx.commit().await?;
    let [
        Written::Updated(renamed),
        Written::Inserted(_),
        Written::Updated(newer),
    ] = &written[..]
    else {
        anyhow::bail!("{written:?}");
    };
    let owner = |row: &project::Model| row.owner.clone().unwrap_or_default();
    assert_eq!((owner(renamed).as_str(), renamed.archived), ("ann", false));
    assert_eq!(
        (owner(newer).as_str(), newer.name.as_str()),
        ("bob", "newer")
    );
    assert_eq!(unchanged, [Written::Unchanged(renamed.clone())]);
    assert_eq!(server.logged().await?.len(), 4);
    server.verify().await
}

async fn what_exists_is_ignored(server: &TestServer) -> Outcome {
    let tx = server.db().begin().await?;
    let old = a_project("old").insert(&tx).await?;
    let model = |id, name: &str| project::ActiveModel {
        id: Set(id),
        ..a_project(name)
    };
    let new = uuid::Uuid::now_v7();
    let models = [model(old.id, "x"), model(new, "new"), model(new, "twice")];
    let written = tx
        .upsert_many::<project::Entity>(models, &[project::Column::Id])
        .or_ignore()
        .await?;
    tx.commit().await?;
    let [
        Written::Unchanged(kept),
        Written::Inserted(new),
        Written::Unchanged(same),
    ] = &written[..]
    else {
        anyhow::bail!("{written:?}");
    };
    assert_eq!((kept, same), (&old, new));
    assert_eq!(server.logged().await?.len(), 2);
    server.verify().await
}

async fn a_hook_of_an_ignored_row(server: &TestServer) -> Outcome {
    use crate::capture::gadget;
    gadget::create(server).await?;
    let model = |id, name: &str| gadget::ActiveModel {
        id: Set(id),
        name: Set(name.to_owned()),
    };
    let tx = server.db().begin().await?;
    model(1, "one").insert(&tx).await?;
    let models = [model(1, "refused before"), model(2, "loud")];
    let written = tx
        .upsert_many::<gadget::Entity>(models, &[gadget::Column::Id])
        .or_ignore()
        .await?;
    tx.commit().await?;
    let names: Vec<&str> = written.iter().map(|row| row.row().name.as_str()).collect();
    assert_eq!(names, ["one", "LOUD"]);
    Ok(())
}
