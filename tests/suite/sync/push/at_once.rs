//! Pushes at the same time.

use seachange_testkit::{Outcome, TestServer};
use serde_json::{Value as Json, json};

use super::super::{changes_of, conflicts, push};
use crate::graphql::given::{TASKS, project};

seachange_testkit::cases![batches_side_by_side, the_same_push_twice_at_once,];

/// RxDB sends its batches side by side, and so do several clients; they insert into the same gaps.
async fn batches_side_by_side(server: &TestServer) -> Outcome {
    let client = server.client();
    let project = project(&client, "p").await?;
    let mut pushing = tokio::task::JoinSet::new();
    for batch in 0..10 {
        let (client, project) = (client.clone(), project.clone());
        pushing.spawn(async move {
            for round in 0..4 {
                let rows: Vec<(Json, Json)> = (0..10)
                    .map(|n| {
                        let id = format!("00000000-0000-4000-8000-{round:04}{n:04}{batch:04}");
                        let title = format!("{batch} {round} {n}");
                        let task = json!({ "id": id, "projectId": project, "title": title,
                            "status": "todo", "priority": 0, "_deleted": false });
                        (Json::Null, task)
                    })
                    .collect();
                let pushed = push(&client, TASKS, &rows).await?;
                anyhow::ensure!(pushed.is_taken(), "{pushed:?}");
            }
            anyhow::Ok(())
        });
    }
    while let Some(done) = pushing.join_next().await {
        done??;
    }
    assert_eq!(changes_of(&client, "task").await?.len(), 400);
    Ok(())
}

/// A client that gives up waiting sends it again while the first is still at work: no row that is there
/// is answered as deleted.
async fn the_same_push_twice_at_once(server: &TestServer) -> Outcome {
    let client = server.client();
    let project = project(&client, "p").await?;
    for _ in 0..5 {
        let rows: Vec<(Json, Json)> = (0..20)
            .map(|n| {
                let id = uuid::Uuid::new_v4().to_string();
                let task = json!({ "id": id, "projectId": project, "title": format!("t{n}"),
                    "status": "todo", "priority": 0, "_deleted": false });
                (Json::Null, task)
            })
            .collect();
        let both = tokio::join!(push(&client, TASKS, &rows), push(&client, TASKS, &rows));
        for pushed in [both.0?, both.1?] {
            assert!(pushed.rejections.is_empty(), "{pushed:?}");
            let there = pushed
                .documents
                .iter()
                .all(|task| task["_deleted"] == false);
            assert!(there, "{pushed:?}");
        }
    }
    assert!(conflicts(&client).await?.is_empty());
    Ok(())
}
