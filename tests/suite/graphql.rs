//! Behaviour over HTTP and sockets.

pub mod auth;
mod by_key;
mod collations;
mod context;
mod converge;
mod create;
mod cursors;
mod delete;
mod doubled;
mod events;
mod faults;
mod filters;
mod follow;
pub mod given;
mod history;
mod http;
mod idempotency;
mod large;
mod limits;
mod live;
mod log;
mod moments;
mod nulls;
mod pages;
mod records;
mod registered;
mod relations;
pub mod revert;
mod sockets;
mod together;
mod unchanged;
mod update;
mod values;
mod watch;

use seachange_testkit::Case;

/// All of them.
pub fn cases() -> Vec<Case> {
    [
        create::cases(),
        update::cases(),
        unchanged::cases(),
        delete::cases(),
        events::cases(),
        filters::cases(),
        filters::beyond::cases(),
        filters::combined::cases(),
        doubled::cases(),
        pages::cases(),
        pages::refused::cases(),
        relations::cases(),
        relations::forms::cases(),
        relations::pages::cases(),
        by_key::cases(),
        collations::cases(),
        live::cases(),
        log::cases(),
        history::cases(),
        history::kept::cases(),
        history::random::cases(),
        revert::cases(),
        revert::exchanged::cases(),
        revert::hooked::cases(),
        revert::transactions::cases(),
        cursors::cases(),
        follow::cases(),
        records::cases(),
        records::filters::cases(),
        registered::cases(),
        registered::names::cases(),
        converge::cases(),
        auth::cases(),
        context::cases(),
        idempotency::cases(),
        values::cases(),
        values::big::cases(),
        values::columns::cases(),
        faults::cases(),
        faults::internal::cases(),
        http::cases(),
        sockets::cases(),
        sockets::operations::cases(),
        sockets::fuzz::cases(),
        large::cases(),
        limits::cases(),
        limits::mutations::cases(),
        limits::names::cases(),
        nulls::cases(),
        moments::cases(),
        moments::doctor::cases(),
        moments::spelled::cases(),
        moments::pushed::cases(),
        limits::ended::cases(),
        together::cases(),
    ]
    .into_iter()
    .flatten()
    .collect()
}
