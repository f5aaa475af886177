//! The messages of a hook to the connection through which it writes.
//!
//! A hook holds only a `ConnectionTrait`. Its messages are special statements that a tracked connection
//! recognises by their text and never sends on. Another connection would send them to the database, where the text
//! is not valid SQL and fails, so a hook cannot run unrecorded by mistake. A failed statement would end a
//! transaction on PostgreSQL, so a hook first asks for the kind of connection, by a question that is valid SQL.
//!
//! On a connection that does not capture, a write passes if triggers record the table, and says so again after the
//! statement.

use sea_orm::StatementBuilder;
use sea_orm::sea_query::{Value, Values};
use sea_orm::{AuditError, ConnectionTrait, DbBackend, DbErr, QueryAccessAudit, Statement};

use crate::database::{self, Writer, Written};
use crate::error::{CaptureError, SetupRefusal, WriteRefusal};
use crate::image::Image;
use crate::log::Operation;

/// Invalid SQL in every database; the version distinguishes two copies of this crate.
const MARK: &str = "SEACHANGE CAPTURE 1";

/// The question for the kind of connection: a tracked one answers it with no row.
const QUESTION: &str = "SELECT 1 AS seachange_captures";

/// A hook's question for the kind of connection.
pub(crate) struct Question;

impl Question {
    /// Whether the built statement is the question.
    pub(crate) fn is(statement: &Statement) -> bool {
        statement.sql == QUESTION
    }
}

impl StatementBuilder for Question {
    fn build(&self, db_backend: &DbBackend) -> Statement {
        Statement::from_string(*db_backend, QUESTION)
    }

    fn audit(&self) -> Result<QueryAccessAudit, AuditError> {
        Err(AuditError::UnsupportedQuery)
    }
}

/// One message of a hook.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Message {
    pub(crate) table: String,
    pub(crate) operation: Operation,
    pub(crate) step: Step,
}

/// The stage of a write at which the hook is.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Step {
    /// The next statement on the table does this to one row. `key` is unknown only for an insert whose key
    /// the database assigns; `before` is the current row, locked.
    Announce {
        key: Option<Image>,
        before: Option<Image>,
    },
    /// Nothing differs, so no statement will follow.
    Unchanged { key: Image },
    /// The statement ran. `after` is the row as it is now.
    Record { key: Image, after: Option<Image> },
}

impl Message {
    /// Sends the message to the connection.
    pub(crate) async fn send<C: ConnectionTrait>(self, db: &C) -> Result<(), DbErr> {
        if db.query_one(&Question).await?.is_some() {
            return self.rely_on_triggers(db).await;
        }
        match db.query_one(&self).await {
            Ok(_) => Ok(()),
            Err(error) if CaptureError::of(&error).is_some() => Err(error),
            // The text reached a database, so this connection does not capture.
            Err(DbErr::Query(_) | DbErr::Exec(_)) => Err(self.untracked()),
            Err(error) => Err(error),
        }
    }

    /// The connection does not capture: makes sure that triggers record the table.
    ///
    /// In a transaction the question after the statement is decisive, because a switch of capture waits for the
    /// transaction that has written the table. Outside of one a switch may come between the question before the
    /// statement and the statement; this is then an error after it.
    async fn rely_on_triggers<C: ConnectionTrait>(self, db: &C) -> Result<(), DbErr> {
        let dialect = database::of(db);
        let has_run = matches!(self.step, Step::Record { .. });
        if has_run {
            // A snapshot may be older than a switch; this then fails.
            dialect.keep_writer(db, &self.table.to_lowercase()).await?;
        }
        let written = Written {
            table: &self.table,
            operation: self.operation.as_str(),
            transaction_id: "",
        };
        let writer = dialect.writer(db, &written).await;
        match writer {
            Ok(Writer::Triggers { in_force: true }) => Ok(()),
            Ok(Writer::Triggers { in_force: false }) => {
                Err(SetupRefusal::TriggersGone { table: self.table }.into())
            }
            // Without a log there is no such table to ask.
            Ok(Writer::Hooks(_)) | Err(DbErr::Query(_) | DbErr::Exec(_)) => Err(self.untracked()),
            Err(error) => Err(error),
        }
    }

    fn untracked(self) -> DbErr {
        WriteRefusal::Untracked {
            table: self.table,
            operation: self.operation,
        }
        .into()
    }

    /// The message in a built statement, if the statement is a message.
    pub(crate) fn of(statement: &Statement) -> Option<Result<Self, WriteRefusal>> {
        (statement.sql == MARK).then(|| {
            let values = statement.values.as_ref().map(|values| values.0.as_slice());
            values.and_then(Self::read).ok_or(WriteRefusal::Protocol)
        })
    }

    fn read(values: &[Value]) -> Option<Self> {
        let [
            Value::String(Some(table)),
            Value::String(Some(operation)),
            Value::String(Some(step)),
            key,
            image,
        ] = values
        else {
            return None;
        };
        let operation = match operation.as_str() {
            "insert" => Operation::Insert,
            "update" => Operation::Update,
            "delete" => Operation::Delete,
            _ => return None,
        };
        let step = match step.as_str() {
            "announce" => Step::Announce {
                key: image_in(key)?,
                before: image_in(image)?,
            },
            "unchanged" => Step::Unchanged {
                key: image_in(key)??,
            },
            "record" => Step::Record {
                key: image_in(key)??,
                after: image_in(image)?,
            },
            _ => return None,
        };
        Some(Self {
            table: table.clone(),
            operation,
            step,
        })
    }
}

fn image_in(value: &Value) -> Option<Option<Image>> {
    match value {
        Value::Json(None) => Some(None),
        Value::Json(Some(json)) => Some(Some(json.as_object()?.clone())),
        _ => None,
    }
}

fn json(image: Option<&Image>) -> Value {
    Value::Json(image.map(|image| Box::new(serde_json::Value::Object(image.clone()))))
}

impl StatementBuilder for Message {
    fn build(&self, db_backend: &DbBackend) -> Statement {
        let (step, key, image) = match &self.step {
            Step::Announce { key, before } => ("announce", key.as_ref(), before.as_ref()),
            Step::Unchanged { key } => ("unchanged", Some(key), None),
            Step::Record { key, after } => ("record", Some(key), after.as_ref()),
        };
        Statement {
            sql: MARK.to_owned(),
            values: Some(Values(vec![
                self.table.as_str().into(),
                self.operation.as_str().into(),
                step.into(),
                json(key),
                json(image),
            ])),
            db_backend: *db_backend,
        }
    }

    fn audit(&self) -> Result<QueryAccessAudit, AuditError> {
        Err(AuditError::UnsupportedQuery)
    }
}
