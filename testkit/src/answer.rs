//! A GraphQL response, and what every one of them keeps to.

use seachange::ErrorCode;
use serde_json::Value as Json;

/// What databases, drivers and SeaORM say of themselves.
const DATABASE_TEXT: [&str; 19] = [
    "sqlx",
    "sqlstate",
    "sqlite",
    "mysql",
    "mariadb",
    "postgres",
    "dberr",
    "query error",
    "execution error",
    "type error",
    "constraint",
    "duplicate key",
    "duplicate entry",
    "syntax error at or near",
    "foreign key",
    "select ",
    "insert into",
    "returned from database",
    "invalid byte sequence",
];

/// What came back.
#[derive(Clone, Debug)]
pub struct Answer {
    /// HTTP status.
    pub status: u16,
    /// The body.
    pub body: Json,
}

impl Answer {
    /// Checks that each error has a code of the contract and no database text.
    pub fn new(status: u16, body: Json) -> anyhow::Result<Self> {
        check_errors(&body["errors"])?;
        Ok(Self { status, body })
    }

    /// The data of an answer without errors.
    pub fn data(&self) -> anyhow::Result<&Json> {
        anyhow::ensure!(self.body.get("errors").is_none(), "errors in {self:?}");
        Ok(&self.body["data"])
    }

    /// The code of the error, or of all errors.
    pub fn code(&self) -> anyhow::Result<&str> {
        let errors = self.body["errors"]
            .as_array()
            .map(Vec::as_slice)
            .unwrap_or_default();
        let mut codes = errors
            .iter()
            .map(|error| error["extensions"]["code"].as_str());
        match codes.next().flatten() {
            Some(code) if codes.all(|other| other == Some(code)) => Ok(code),
            _ => anyhow::bail!("not one code in {:.500}", self.body.to_string()),
        }
    }
}

/// Checks a list of GraphQL errors, if there is one.
pub fn check_errors(errors: &Json) -> anyhow::Result<()> {
    for error in errors.as_array().into_iter().flatten() {
        let code = error["extensions"]["code"].as_str();
        anyhow::ensure!(
            ErrorCode::ALL
                .iter()
                .any(|known| Some(known.as_str()) == code),
            "no known code: {error}"
        );
        let message = error["message"].as_str().unwrap_or_default().to_lowercase();
        let told = DATABASE_TEXT.iter().find(|text| message.contains(*text));
        anyhow::ensure!(told.is_none(), "database text {told:?} in {error}");
    }
    Ok(())
}
