//! Reads a client's filter as a [`Predicate`](crate::service::filter::Predicate).

mod parse;
mod said;
mod size;

pub(super) use parse::parse;
pub(super) use said::check_having;
use said::check_said;
pub(super) use size::check_size;
