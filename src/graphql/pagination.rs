//! Reads which page a client wants, within bounds, and the cursors of keys.

use async_graphql::dynamic::ResolverContext;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use seachange_changelog::Image;
use seachange_changelog::internal::image;
use serde_json::Value as Json;

use super::context::limits;
use super::error::Refusal;
use crate::service::code::ErrorCode;
use crate::service::entity::EntityInfo;

/// The page that was asked for.
pub(super) enum Wanted {
    /// Rows after a key, in key order.
    After { cursor: Option<String>, limit: u64 },
    /// Rows by page or offset.
    Range(RowRange),
}

/// `limit` rows after the first `offset`.
#[derive(Clone, Copy)]
pub(super) struct RowRange {
    pub(super) offset: u64,
    pub(super) limit: u64,
}

impl RowRange {
    /// The number of the last row, counted from 1; `None` if it is larger than databases can count.
    pub(super) fn last(&self) -> Option<i64> {
        i64::try_from(self.offset.checked_add(self.limit)?).ok()
    }
}

/// The argument `pagination`; without it, the first page of the largest size.
pub(super) fn parse(ctx: &ResolverContext<'_>) -> Result<Wanted, Refusal> {
    let most = limits(ctx)?.page_rows;
    let first = RowRange {
        offset: 0,
        limit: most,
    };
    let Some(pagination) = ctx.args.get("pagination").filter(|value| !value.is_null()) else {
        return Ok(Wanted::Range(first));
    };
    let pagination = pagination.object().map_err(|_| malformed())?;
    let part = |name: &str| {
        let part = pagination.get(name).filter(|part| !part.is_null());
        part.map(|part| part.object().map_err(|_| malformed()))
            .transpose()
    };
    if let Some(cursor) = part("cursor")? {
        let text = cursor
            .get("cursor")
            .filter(|text| !text.is_null())
            .map(|text| text.string().map(str::to_owned))
            .transpose();
        return Ok(Wanted::After {
            cursor: text.map_err(|_| malformed())?,
            limit: limit(number(&cursor, "limit")?, most)?,
        });
    }
    if let Some(page) = part("page")? {
        let limit = limit(number(&page, "limit")?, most)?;
        let offset = number(&page, "page")?.checked_mul(limit);
        return Ok(Wanted::Range(RowRange {
            offset: offset
                .filter(|offset| in_range(*offset))
                .ok_or_else(malformed)?,
            limit,
        }));
    }
    if let Some(offset) = part("offset")? {
        return Ok(Wanted::Range(RowRange {
            offset: Some(number(&offset, "offset")?)
                .filter(|o| in_range(*o))
                .ok_or_else(malformed)?,
            limit: limit(number(&offset, "limit")?, most)?,
        }));
    }
    Ok(Wanted::Range(first))
}

fn malformed() -> Refusal {
    Refusal::bad_input("malformed pagination")
}

/// Whether databases accept it as an offset.
fn in_range(offset: u64) -> bool {
    i64::try_from(offset).is_ok()
}

fn number(object: &async_graphql::dynamic::ObjectAccessor<'_>, name: &str) -> Result<u64, Refusal> {
    let value = object.get(name).ok_or_else(malformed)?;
    value.u64().map_err(|_| {
        Refusal::bad_input(format!(
            "pagination `{name}` must be a whole number, not negative"
        ))
    })
}

fn limit(limit: u64, most: u64) -> Result<u64, Refusal> {
    match limit {
        0 => Err(Refusal::bad_input("a page has at least one row")),
        limit if limit > most => Err(Refusal::limit(format!("a page has at most {most} rows"))),
        limit => Ok(limit),
    }
}

/// The cursor of a row: its key as images write it.
pub(super) fn encode(entity: &EntityInfo, key: &Image) -> String {
    let values: Vec<&Json> = entity
        .key()
        .map(|column| key.get(column.name).unwrap_or(&Json::Null))
        .collect();
    URL_SAFE_NO_PAD.encode(Json::from_iter(values.into_iter().cloned()).to_string())
}

/// Decodes the key in a cursor.
pub(super) fn decode(entity: &EntityInfo, cursor: &str) -> Result<Image, Refusal> {
    let invalid = || {
        Refusal::new(
            ErrorCode::CursorInvalid,
            "the cursor is not one of this query's",
        )
    };
    let bytes = URL_SAFE_NO_PAD.decode(cursor).map_err(|_| invalid())?;
    let values: Vec<Json> = serde_json::from_slice(&bytes).map_err(|_| invalid())?;
    if values.len() != entity.key().count() || values.iter().any(Json::is_null) {
        return Err(invalid());
    }
    let fields = entity.key().zip(values).map(|(column, json)| {
        // A value that the column's type cannot hold may be stored in it nevertheless.
        let fits = image::is_unfit(&json) || image::decode(&column.ty, &column.rust, &json).is_ok();
        fits.then(|| (column.name.to_owned(), json))
    });
    fields.collect::<Option<Image>>().ok_or_else(invalid)
}
