//! What becomes of edits in conflict, policy by policy; and that the log tells how.

use std::time::Duration;

use chrono::{TimeDelta, Utc};
use seachange::{Choice, Conflict, Policy, Resolver, Rule};
use seachange_testkit::{Client, Outcome, TestServer};
use serde_json::{Value as Json, json};

use super::memo::{self, MEMOS, memo};
use super::{a_task, changes_of, conflicts, delete_task, deleted, push, stored, update_task, with};
use crate::graphql::given::{COMMENTS, PROJECTS, TASKS, project};

seachange_testkit::cases![
    manual,
    merge_of_different_columns,
    merge_of_the_same_column,
    merge_by_rules,
    deletes_against_edits,
    the_last_to_arrive,
    the_last_by_its_clock,
    a_clock_that_is_ahead,
    the_adopters_own,
];

async fn manual(server: &TestServer) -> Outcome {
    let client = server.client();
    let id = project(&client, "base").await?;
    let base = stored(&client, PROJECTS, &id).await?;
    let theirs = with(&base, json!({ "name": "theirs" }));
    assert!(
        push(&client, PROJECTS, &[(base.clone(), theirs)])
            .await?
            .is_taken()
    );
    // Even of another column: somebody decides.
    let mine = with(&base, json!({ "owner": "me" }));
    let pushed = push(&client, PROJECTS, &[(base.clone(), mine.clone())]).await?;
    assert_eq!(pushed.documents[0]["name"], "theirs");
    assert_eq!(pushed.codes(), ["CONFLICT"]);
    // Sent again it is the same conflict.
    let again = push(&client, PROJECTS, &[(base.clone(), mine.clone())]).await?;
    assert_eq!(
        again.rejections[0]["conflictId"],
        pushed.rejections[0]["conflictId"]
    );
    let filed = conflicts(&client).await?;
    assert_eq!(filed.len(), 1);
    assert_eq!(filed[0]["id"], pushed.rejections[0]["conflictId"]);
    assert_eq!(filed[0]["entity"], "project");
    assert_eq!(filed[0]["key"], json!({ "id": id }));
    assert_eq!(filed[0]["client"], mine);
    assert_eq!(filed[0]["assumed"], base);
    assert_eq!(filed[0]["server"]["name"], "theirs");
    Ok(())
}

async fn merge_of_different_columns(server: &TestServer) -> Outcome {
    let client = server.client();
    let task = a_task(&client, "base").await?;
    update_task(&client, &task["id"], json!({ "status": "done" })).await?;
    let mine = with(&task, json!({ "title": "mine" }));
    let pushed = push(&client, TASKS, &[(task.clone(), mine)]).await?;
    assert!(pushed.rejections.is_empty());
    let merged = &pushed.documents[0];
    assert_eq!(
        (&merged["title"], &merged["status"]),
        (&json!("mine"), &json!("done"))
    );
    let changes = changes_of(&client, "task").await?;
    let told = json!({ "conflict": { "policy": "merge", "resolution": "merged" } });
    assert_eq!(
        changes.last().map(|change| &change["metadata"]),
        Some(&told)
    );
    Ok(())
}

async fn merge_of_the_same_column(server: &TestServer) -> Outcome {
    let client = server.client();
    let task = a_task(&client, "base").await?;
    update_task(&client, &task["id"], json!({ "title": "theirs" })).await?;
    let mine = with(&task, json!({ "title": "mine", "priority": 5 }));
    let pushed = push(&client, TASKS, &[(task.clone(), mine)]).await?;
    assert_eq!(pushed.documents[0]["title"], "theirs");
    assert_eq!(pushed.documents[0]["priority"], 0, "all of it or nothing");
    assert_eq!(
        conflicts(&client).await?[0]["reason"],
        "both sides changed `title`"
    );
    // The same value on both sides is no conflict.
    let same = with(&task, json!({ "title": "theirs", "priority": 6 }));
    let pushed = push(&client, TASKS, &[(task.clone(), same)]).await?;
    assert!(pushed.rejections.is_empty());
    assert_eq!(
        stored(&client, TASKS, task["id"].as_str().unwrap_or_default()).await?["priority"],
        6
    );
    Ok(())
}

/// A memo, and the server that syncs it by a policy.
async fn memos(server: &TestServer, policy: Policy) -> anyhow::Result<(TestServer, Client)> {
    let synced = memo::start(server, policy).await?;
    let client = synced.client();
    Ok((synced, client))
}

async fn merge_by_rules(server: &TestServer) -> Outcome {
    let sum = |before: &Json, server: &Json, client: &Json| {
        let number = |value: &Json| value.as_i64().unwrap_or_default();
        json!(number(server) + number(client) - number(before))
    };
    let rules = [
        (memo::Column::Votes, Rule::By(sum)),
        (memo::Column::Body, Rule::Client),
        (memo::Column::EditedAt, Rule::Greatest),
    ];
    let (synced, client) = memos(server, Policy::merge(rules)).await?;
    let base = memo("base", 10, "2026-01-01T00:00:00.000000Z");
    push(&client, MEMOS, &[(Json::Null, base.clone())]).await?;
    let one = with(
        &base,
        json!({ "body": "one", "votes": 13, "editedAt": "2026-01-03T00:00:00.000000Z" }),
    );
    let two = with(
        &base,
        json!({ "body": "two", "votes": 11, "editedAt": "2026-01-02T00:00:00.000000Z" }),
    );
    push(&client, MEMOS, &[(base.clone(), one)]).await?;
    let pushed = push(&client, MEMOS, &[(base.clone(), two)]).await?;
    assert!(pushed.rejections.is_empty());
    let wanted = memo("two", 14, "2026-01-03T00:00:00.000000Z");
    assert_eq!(pushed.documents, [wanted]);
    synced.finish().await
}

/// A delete and an edit: what the policy does, and that no edit is gone.
async fn deletes_against_edits(server: &TestServer) -> Outcome {
    let client = server.client();
    // Merge: the server's state stays, either way.
    let task = a_task(&client, "t").await?;
    update_task(&client, &task["id"], json!({ "priority": 1 })).await?;
    let pushed = push(&client, TASKS, &[(task.clone(), deleted(&task))]).await?;
    assert_eq!(pushed.documents[0]["priority"], 1);
    assert_eq!(pushed.documents[0]["_deleted"], false);
    let now = pushed.documents[0].clone();
    delete_task(&client, &task["id"]).await?;
    let pushed = push(
        &client,
        TASKS,
        &[(now.clone(), with(&now, json!({ "title": "x" })))],
    )
    .await?;
    assert_eq!(pushed.documents[0]["_deleted"], true);
    assert_eq!(conflicts(&client).await?.len(), 2);
    // Last write wins: the later, either way.
    let (_, made) = two_comments(&client).await?;
    let edited = with(&made[0], json!({ "body": "edited" }));
    push(&client, COMMENTS, &[(made[0].clone(), edited)]).await?;
    let taken = push(&client, COMMENTS, &[(made[0].clone(), deleted(&made[0]))]).await?;
    assert!(taken.is_taken(), "{taken:?}");
    push(&client, COMMENTS, &[(made[1].clone(), deleted(&made[1]))]).await?;
    let edited = with(&made[1], json!({ "body": "edited" }));
    assert!(
        push(&client, COMMENTS, &[(made[1].clone(), edited)])
            .await?
            .is_taken()
    );
    let left = COMMENTS.find(&client, json!({})).await?;
    assert_eq!(left.len(), 1);
    assert_eq!(left[0]["body"], "edited");
    Ok(())
}

async fn two_comments(client: &Client) -> anyhow::Result<(String, Vec<Json>)> {
    let id = crate::graphql::given::task(client, "t").await?;
    for body in ["one", "two"] {
        let data = json!({ "taskId": id, "author": "a", "body": body });
        COMMENTS.create(client, data).await?;
    }
    let (documents, _) = super::pull_all(client, COMMENTS).await?;
    Ok((id, documents))
}

async fn the_last_to_arrive(server: &TestServer) -> Outcome {
    let client = server.client();
    let (_, made) = two_comments(&client).await?;
    for (author, body) in [("b", "theirs"), ("c", "mine")] {
        let edited = with(&made[0], json!({ "author": author, "body": body }));
        assert!(
            push(&client, COMMENTS, &[(made[0].clone(), edited)])
                .await?
                .is_taken()
        );
    }
    let id = made[0]["id"].as_str().unwrap_or_default();
    let now = stored(&client, COMMENTS, id).await?;
    assert_eq!(
        (&now["author"], &now["body"]),
        (&json!("c"), &json!("mine"))
    );
    let changes = changes_of(&client, "comment").await?;
    let told = json!({ "conflict": { "policy": "last_write", "resolution": "client" } });
    assert_eq!(
        changes.last().map(|change| &change["metadata"]),
        Some(&told)
    );
    Ok(())
}

async fn the_last_by_its_clock(server: &TestServer) -> Outcome {
    let policy = Policy::last_write_by(memo::Column::EditedAt, Duration::from_secs(60));
    let (synced, client) = memos(server, policy).await?;
    let base = memo("base", 0, "2026-01-01T00:00:00.000000Z");
    push(&client, MEMOS, &[(Json::Null, base.clone())]).await?;
    let late = memo("late", 0, "2026-01-03T00:00:00.000000Z");
    let early = memo("early", 0, "2026-01-02T00:00:00.000000Z");
    assert!(
        push(&client, MEMOS, &[(base.clone(), late.clone())])
            .await?
            .is_taken()
    );
    let pushed = push(&client, MEMOS, &[(base.clone(), early.clone())]).await?;
    assert_eq!(pushed.documents, std::slice::from_ref(&late));
    // It was outdone, not dropped.
    let filed = conflicts(&client).await?;
    assert_eq!(filed[0]["status"], "RESOLVED");
    assert_eq!(filed[0]["client"], early);
    assert!(filed[0]["resolvedAt"].is_string());
    let later = memo("later", 0, "2026-01-04T00:00:00.000000Z");
    assert!(
        push(&client, MEMOS, &[(base.clone(), later.clone())])
            .await?
            .is_taken()
    );
    // Deleted now: an edit of yesterday comes too late.
    assert!(
        push(&client, MEMOS, &[(later.clone(), deleted(&later))])
            .await?
            .is_taken()
    );
    let pushed = push(&client, MEMOS, &[(late.clone(), early)]).await?;
    assert_eq!(pushed.documents[0]["_deleted"], true);
    synced.finish().await
}

async fn a_clock_that_is_ahead(server: &TestServer) -> Outcome {
    let policy = Policy::last_write_by(memo::Column::EditedAt, Duration::from_secs(60));
    let (synced, client) = memos(server, policy).await?;
    let at = |seconds| {
        let at = Utc::now() + TimeDelta::seconds(seconds);
        // Whole seconds: MariaDB's column has no others.
        at.format("%Y-%m-%dT%H:%M:%S.000000Z").to_string()
    };
    let pushed = push(&client, MEMOS, &[(Json::Null, memo("m", 0, &at(300)))]).await?;
    assert_eq!(pushed.codes(), ["BAD_INPUT"]);
    assert_eq!(
        conflicts(&client).await?[0]["reason"],
        "`edited_at` is more than 60 s ahead"
    );
    let pushed = push(&client, MEMOS, &[(Json::Null, memo("m", 0, &at(30)))]).await?;
    assert!(pushed.is_taken(), "{pushed:?}");
    synced.finish().await
}

/// The more votes.
#[derive(Debug)]
struct MostVotes;

impl Resolver for MostVotes {
    fn resolve(&self, conflict: Conflict<'_>) -> Choice {
        let votes = |state: &seachange::State| state.value("votes").as_i64();
        match votes(conflict.client).cmp(&votes(conflict.server)) {
            std::cmp::Ordering::Less => Choice::Server,
            std::cmp::Ordering::Greater => Choice::Client,
            std::cmp::Ordering::Equal => Choice::Ask("a tie".to_owned()),
        }
    }
}

async fn the_adopters_own(server: &TestServer) -> Outcome {
    let (synced, client) = memos(server, Policy::custom(MostVotes)).await?;
    let base = memo("base", 5, "2026-01-01T00:00:00.000000Z");
    push(&client, MEMOS, &[(Json::Null, base.clone())]).await?;
    let more = with(&base, json!({ "body": "more", "votes": 7 }));
    assert!(
        push(&client, MEMOS, &[(base.clone(), more.clone())])
            .await?
            .is_taken()
    );
    for (votes, status) in [(6, "RESOLVED"), (7, "OPEN")] {
        let edit = with(&base, json!({ "body": "less", "votes": votes }));
        let pushed = push(&client, MEMOS, &[(base.clone(), edit)]).await?;
        assert_eq!(pushed.documents, std::slice::from_ref(&more));
        let filed = conflicts(&client).await?;
        assert_eq!(
            filed.last().map(|filed| &filed["status"]),
            Some(&json!(status))
        );
    }
    let most = with(&base, json!({ "body": "most", "votes": 8 }));
    assert!(push(&client, MEMOS, &[(base, most)]).await?.is_taken());
    synced.finish().await
}
