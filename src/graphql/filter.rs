//! Reads a client's filter as a [`Predicate`](crate::service::filter::Predicate).

mod completeness;
mod parse;
mod size;

use completeness::check_complete;
pub(super) use completeness::check_having;
pub(super) use parse::parse;
pub(super) use size::check_size;
