//! Values that are hard to carry, many at a time.

use sea_orm::{ActiveValue::Set, EntityTrait, TransactionTrait};
use seachange::changelog::internal::image;
use seachange::changelog::{Target, Written};
use seachange_testkit::{Database, Outcome, TestServer};
use serde_json::json;

use super::parcel;

seachange_testkit::cases![hard_values, large_values];

async fn hard_values(server: &TestServer) -> Outcome {
    let server = parcel::server(server).await?;
    let infinite = !matches!(server.kind, Database::MariaDb(_));
    let ratios = [0.1, -0.0, f64::MIN_POSITIVE, f64::MAX, f64::INFINITY];
    let models = (0..600).map(|row| {
        let ratio = ratios[usize::try_from(row).unwrap_or(0) % 5];
        parcel::ActiveModel {
            ratio: Set(if ratio.is_finite() || infinite {
                ratio
            } else {
                1.5
            }),
            content: Set(Some((0..=255).collect())),
            note: Set(Some(
                json!({ "row": row, "text": "\u{1F600}", "deep": [[[null]]] }),
            )),
            ..parcel::coded(format!("p{row}"), i64::MAX - row)
        }
    });
    let tx = server.db().begin().await?;
    let rows = tx.insert_many::<parcel::Entity>(models).await?;
    let change = parcel::ActiveModel {
        number: Set(i64::MIN),
        content: Set(Some(vec![0, 255, 10])),
        ..Default::default()
    };
    let written = tx
        .update_many::<parcel::Entity>(Target::all(), change)
        .await?;
    tx.commit().await?;
    assert_eq!((rows.len(), written.len()), (600, 600));
    for (place, row) in rows.iter().enumerate() {
        assert_eq!(row.number, i64::MAX - i64::try_from(place)?);
        assert!(row.content.as_ref().is_some_and(|bytes| bytes.len() == 256));
    }
    let log = server.logged().await?;
    for (row, change) in rows.iter().zip(&log) {
        assert_eq!(change.after, Some(image::image_of(row)?.into()));
    }
    let stored = parcel::Entity::find().all(server.db()).await?;
    assert_eq!(stored.len(), 600);
    for (row, change) in written.iter().zip(&log[600..]) {
        assert!(matches!(row, Written::Updated(_)));
        assert_eq!(change.after, Some(image::image_of(row.row())?.into()));
    }
    server.finish().await
}

/// Far more than one statement may hold.
async fn large_values(server: &TestServer) -> Outcome {
    let server = parcel::server(server).await?;
    let text = "böse ".repeat(200_000);
    let models = (0..12).map(|row| parcel::ActiveModel {
        note: Set(Some(json!({ "row": row, "text": text }))),
        ..parcel::coded(format!("p{row}"), row)
    });
    let tx = server.db().begin().await?;
    let rows = tx.insert_many::<parcel::Entity>(models).await?;
    let change = parcel::ActiveModel {
        ratio: Set(0.25),
        ..Default::default()
    };
    let written = tx
        .update_many::<parcel::Entity>(Target::all(), change)
        .await?;
    let deleted = tx.delete_many::<parcel::Entity>(Target::all()).await?;
    tx.commit().await?;
    assert_eq!((rows.len(), written.len(), deleted), (12, 12, 12));
    let log = server.logged().await?;
    assert_eq!(log.len(), 36);
    for (place, change) in log[24..].iter().enumerate() {
        let before = change.before.as_ref().and_then(|row| row.get("note"));
        let note = json!({ "row": place, "text": text });
        assert!(before == Some(&note), "row {place}");
    }
    server.finish().await
}
