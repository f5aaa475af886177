//! Serves the schema: `cargo run -p example-static-graphql`.

use async_graphql_axum::{GraphQL, GraphQLSubscription};
use axum::Router;
use axum::routing::post_service;
use example_static_graphql::schema;
use sea_orm_migration::MigratorTrait;
use seachange::{Connections, DatabaseSettings};
use seachange_migration::Migrator;

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let settings = DatabaseSettings::new("sqlite://static.db?mode=rwc");
    let connections = Connections::open(settings).await?;
    Migrator::up(connections.tracked().writer(), None).await?;
    let schema = schema(&connections).await?;
    let router = Router::new()
        .route("/graphql", post_service(GraphQL::new(schema.clone())))
        .route_service("/ws", GraphQLSubscription::new(schema));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:8080").await?;
    println!("listening on http://{}", listener.local_addr()?);
    axum::serve(listener, router).await?;
    Ok(())
}
