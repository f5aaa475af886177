//! The reference application's tables, one file each, all tracked.

#![allow(missing_docs, reason = "SeaORM's derives generate undocumented items")]

pub mod comment;
pub mod label;
pub mod project;
pub mod task;
pub mod task_label;
