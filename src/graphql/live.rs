//! Live subscriptions: each change is rendered once for all subscribers that want the same of it.
//!
//! A subscription's resolver does not produce items: it returns its [`Plan`] ([`Role`]). Subscriptions with the
//! same document and variables form a group. One task, the router, follows the feed, finds by index the groups
//! that a change concerns, lets GraphQL execute their document on it once, and keeps the bytes in the group's
//! ring. A listener has only a position: it takes what the ring has after it, and reads the log where the ring
//! no longer reaches back. It reads by pages, which the listeners of a group at the same place share. So
//! resume, initial rows and a slow reader's catching up are one loop, and a slow reader costs no more memory
//! than its page.
//!
//! What a subscription is about is defined by its [`Watched`]. Knows GraphQL and the feed; nothing of sockets,
//! of entities or of offline clients.

mod group;
mod initial;
mod listener;
pub(super) mod pinned;
mod plan;
mod render;
mod rendered_page;
mod route_key;
mod router;
mod routes;
mod start_variables;
mod watched;

pub(crate) use listener::listen;
pub(super) use plan::{Begin, Plan, Role};
pub(crate) use render::{Payload, Rendering};
pub(super) use route_key::RouteKey;
pub(crate) use router::Live;
pub(super) use start_variables::start_variables;
pub(super) use watched::{Item, Watched, WatchedRows};
