//! Decimals that fit their columns.

use sea_orm::{ColumnType, Value};
use seachange_changelog::internal::image;

use super::entity::ColumnInfo;
use super::error::ServiceError;

/// Refuses a decimal with more digits than its column declares, because SQLite would store it
/// rounded to a float.
pub(crate) fn check_size(column: &ColumnInfo, value: &Value) -> Result<(), ServiceError> {
    let ColumnType::Decimal(Some((precision, scale))) = column.ty else {
        return Ok(());
    };
    let image = image::encode(&column.ty, value)?;
    let text = image
        .as_str()
        .unwrap_or_default()
        .trim_start_matches(['-', '0']);
    let digits = text.split('.').next().unwrap_or_default().len();
    if digits > precision.saturating_sub(scale) as usize {
        let field = &column.field;
        return Err(ServiceError::bad_input(format!(
            "`{field}` has at most {precision} digits, {scale} of them after the point"
        )));
    }
    Ok(())
}
