//! Transactions that cannot commit because the program left something in them unfinished.

use crate::log::Operation;

/// Why a transaction was rolled back instead of committed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CommitRefusal {
    /// A change was written whose hook never finished.
    #[error(
        "{operation} on tracked table `{table}` was executed but not recorded, so the transaction \
         was rolled back"
    )]
    Unfinished {
        /// The tracked table.
        table: String,
        /// The operation that was executed.
        operation: Operation,
    },
    /// The future of a statement was dropped before its result arrived.
    #[error("a statement of the transaction was cut off, so the transaction was rolled back")]
    CutOff,
    /// A savepoint of the transaction was open.
    #[error("a savepoint of the transaction is still open, so the transaction was rolled back")]
    SavepointOpen,
}

impl CommitRefusal {
    /// What to do about it.
    pub fn cure(&self) -> &'static str {
        match self {
            Self::Unfinished { .. } => {
                "use calls that run both hooks (`update`, not `update_without_returning`) and do \
                 not commit after a hook failed"
            }
            Self::CutOff => "do not drop the futures of a transaction, run it in a task of its own",
            Self::SavepointOpen => "commit the savepoint or roll it back before the transaction",
        }
    }

    pub(super) fn code(&self) -> &'static str {
        match self {
            Self::Unfinished { .. } => "SEACHANGE_UNFINISHED",
            Self::CutOff => "SEACHANGE_CUT_OFF",
            Self::SavepointOpen => "SEACHANGE_SAVEPOINT_OPEN",
        }
    }
}
