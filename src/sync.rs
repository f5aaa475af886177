//! What an offline client's edit means: the stored row, the row it was made from, the row it makes,
//! and the entity's policy give one decision.
//!
//! Pure: knows no database, no GraphQL and no client. Rows are images of the columns that are
//! synced, without those that the server fills.

mod decide;
mod edit;
mod merge;
mod policy;
mod repeat;
mod state;

pub(crate) use decide::{Decision, Resolution, decide};
pub(crate) use edit::{Edit, Repeat};
pub use policy::{Choice, Conflict, Policy, Resolver, Rule};
pub(crate) use repeat::{Later, repeat};
pub use state::State;
pub(crate) use state::Stored;
