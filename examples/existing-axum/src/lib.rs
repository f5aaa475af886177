//! An axum application with its own routes and its own sessions, in which live tasks are mounted.
//!
//! The application's handlers write through a [`TrackedConnection`] that carries the signed-in user, so each
//! change has its actor, and subscribers under `/live` see it at once. What the API exposes is less than what
//! the handlers may do: tasks can be read and followed there, not written.

use axum::extract::{FromRequestParts, Path, Request, State};
use axum::http::StatusCode;
use axum::http::request::Parts;
use axum::middleware::{Next, from_fn};
use axum::response::Response;
use axum::routing::{get, post};
use axum::{Json, Router};
use sea_orm::prelude::Uuid;
use sea_orm::{ActiveModelTrait, ActiveValue::Set, EntityTrait, IntoActiveModel, TransactionTrait};
use seachange::changelog::{Context, TrackedConnection};
use seachange::{App, Auth, Caller, Connections, Exposure, MountSettings, Mounted, StartError};
use seachange_entity::{project, task};
use seachange_migration::Migrator;

/// The application's state: its connection, which records what is written.
#[derive(Clone)]
struct Shop {
    db: TrackedConnection,
}

/// Mounts the live API, and builds the application's router around it. The routes of both know the caller by
/// the same middleware.
///
/// # Errors
/// [`StartError`] if the database cannot be used.
pub async fn application(connections: Connections) -> Result<(Router, Mounted), StartError> {
    let live = App::new()
        .migrator::<Migrator>()
        .expose::<project::Entity>(Exposure::read_only())
        .expose::<task::Entity>(Exposure::read_only().hiding([task::Column::Estimate]))
        .mount(connections, MountSettings::new(Auth::host()))
        .await?;
    let shop = Shop {
        db: live.db().clone(),
    };
    let router = Router::new()
        .route("/projects/{name}", post(create_project))
        .route("/tasks/{id}/done", post(finish_task))
        .route("/health", get(|| async { "ok" }))
        .with_state(shop)
        .nest("/live", live.router())
        .layer(from_fn(session));
    Ok((router, live))
}

/// The application's own sessions. Here the header `x-user` stands for them.
async fn session(mut request: Request, next: Next) -> Response {
    let user = request.headers().get("x-user").cloned();
    if let Some(Ok(user)) = user.as_ref().map(|user| user.to_str()) {
        request.extensions_mut().insert(Caller::new(user));
    }
    next.run(request).await
}

/// The connection of the signed-in user: what is written through it has the user as its actor.
struct Db(TrackedConnection);

impl FromRequestParts<Shop> for Db {
    type Rejection = StatusCode;

    async fn from_request_parts(parts: &mut Parts, shop: &Shop) -> Result<Self, StatusCode> {
        let caller = parts.extensions.get::<Caller>();
        let actor = caller.and_then(Caller::actor);
        let actor = actor.ok_or(StatusCode::UNAUTHORIZED)?;
        Ok(Self(shop.db.with_context(Context::actor(actor))))
    }
}

async fn create_project(
    State(_): State<Shop>,
    Db(db): Db,
    Path(name): Path<String>,
) -> Result<Json<Uuid>, Failure> {
    let tx = db.begin().await?;
    let project = project::ActiveModel {
        id: Set(Uuid::new_v4()),
        name: Set(name),
        ..Default::default()
    };
    let project = project.insert(&tx).await?;
    let first = task::ActiveModel {
        id: Set(Uuid::new_v4()),
        project_id: Set(project.id),
        title: Set("Plan it".to_owned()),
        ..Default::default()
    };
    let first = first.insert(&tx).await?;
    tx.commit().await?;
    Ok(Json(first.id))
}

async fn finish_task(Db(db): Db, Path(id): Path<Uuid>) -> Result<StatusCode, Failure> {
    let tx = db.begin().await?;
    let Some(task) = task::Entity::find_by_id(id).one(&tx).await? else {
        return Ok(StatusCode::NOT_FOUND);
    };
    let mut task = task.into_active_model();
    task.status = Set(task::Status::Done);
    task.update(&tx).await?;
    tx.commit().await?;
    Ok(StatusCode::NO_CONTENT)
}

/// An error of the database, of which callers learn nothing.
struct Failure;

impl From<sea_orm::DbErr> for Failure {
    fn from(_: sea_orm::DbErr) -> Self {
        Self
    }
}

impl axum::response::IntoResponse for Failure {
    fn into_response(self) -> Response {
        StatusCode::INTERNAL_SERVER_ERROR.into_response()
    }
}
