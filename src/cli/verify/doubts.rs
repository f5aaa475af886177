//! Settles by the images what digests leave open, and describes the faults.

use sea_orm::{DatabaseTransaction, DbErr};
use seachange_changelog::internal::reader::{ReplayPlace, change_at, changes_at};
use serde_json::Value as Json;

use super::faults::{FaultKind, Spot, Tally, Why};
use super::table::{ReadRow, RowPage, RowPages, VerifiedTable};
use super::{Fault, VerifyError};

/// Doubts that one query settles.
const AT_A_TIME: usize = 250;

/// Settles doubts whether changes begin where others ended; doubts about rows are left.
pub(super) async fn settle_gaps(
    tx: &DatabaseTransaction,
    tables: &[VerifiedTable],
    tally: &mut Tally,
) -> Result<(), DbErr> {
    let doubts = std::mem::take(&mut tally.doubts);
    let (gaps, others): (Vec<Spot>, Vec<Spot>) = doubts
        .into_iter()
        .partition(|fault| matches!(fault.what, FaultKind::Gap { .. }));
    tally.doubts = others;
    for gaps in gaps.chunks(AT_A_TIME) {
        let places = gaps.iter().flat_map(|fault| match fault.what {
            FaultKind::Gap { change, left } => vec![change, left],
            _ => Vec::new(),
        });
        let changes = changes_at(tx, &places.collect::<Vec<_>>()).await?;
        for fault in gaps {
            let (FaultKind::Gap { change, left }, Some(table)) =
                (fault.what, table_of(tables, *fault))
            else {
                continue;
            };
            let left = changes.get(&left).and_then(|left| left.after.as_ref());
            let begins = changes
                .get(&change)
                .and_then(|change| change.before.as_ref());
            let parting = table.compared.parting(left, begins);
            if parting.is_none_or(|names| !names.is_empty()) {
                tally.add(*fault);
            }
        }
    }
    Ok(())
}

/// Settles doubts about these rows, and describes their faults. Doubts about earlier rows must have been
/// settled, and all must be sorted.
pub(super) async fn settle_rows(
    tx: &DatabaseTransaction,
    table: &VerifiedTable,
    page: &RowPage,
    tally: &mut Tally,
) -> Result<(), DbErr> {
    let seen = |fault: &Spot| match fault.what {
        FaultKind::Row { ordinal, why } if fault.table == table.number => {
            page.row(ordinal).map(|seen| (seen, why))
        }
        _ => None,
    };
    let count = tally.doubts.partition_point(|fault| seen(fault).is_some());
    let doubts: Vec<Spot> = tally.doubts.drain(..count).collect();
    for doubts in doubts.chunks(AT_A_TIME) {
        let places = doubts.iter().filter_map(|fault| match fault.what {
            FaultKind::Row {
                why: Why::Differs { change },
                ..
            } => Some(change),
            _ => None,
        });
        let changes = changes_at(tx, &places.collect::<Vec<_>>()).await?;
        for fault in doubts {
            let parting = match seen(fault) {
                Some((ReadRow { image, .. }, Why::Differs { change })) => {
                    let left = changes
                        .get(&change)
                        .and_then(|change| change.after.as_ref());
                    tally.not_logged += table.compared.not_logged(left);
                    table.compared.parting_row(left, Some(image))
                }
                _ => None,
            };
            if parting.is_none_or(|names| !names.is_empty()) {
                tally.add(*fault);
            }
        }
    }
    let undescribed: Vec<Spot> = tally.undescribed().collect();
    for fault in undescribed {
        if let Some((seen, why)) = seen(&fault) {
            tally.describe(fault, of_row(tx, table, seen, why).await?);
        }
    }
    Ok(())
}

/// Settles all doubts about rows and describes their faults. For this it reads again each table that has open
/// doubts or undescribed faults, as far as necessary.
pub(super) async fn settle_left(
    tx: &DatabaseTransaction,
    tables: &[VerifiedTable],
    tally: &mut Tally,
) -> Result<(), VerifyError> {
    tally.doubts.sort_unstable();
    for table in tables {
        let ordinal = |fault: Spot| match fault.what {
            FaultKind::Row { ordinal, .. } if fault.table == table.number => Some(ordinal),
            _ => None,
        };
        let open = tally.doubts.iter().copied().chain(tally.undescribed());
        let Some(last) = open.filter_map(ordinal).max() else {
            continue;
        };
        let mut pages = RowPages::new(tx, table);
        while let Some(page) = pages.next().await? {
            settle_rows(tx, table, &page, tally).await?;
            if page.end() > last {
                break;
            }
        }
    }
    if tally.doubts.is_empty() {
        Ok(())
    } else {
        Err(VerifyError::Moved)
    }
}

/// Describes the faults of changes.
pub(super) async fn describe_changes(
    tx: &DatabaseTransaction,
    tables: &[VerifiedTable],
    tally: &mut Tally,
) -> Result<(), DbErr> {
    let undescribed: Vec<Spot> = tally.undescribed().collect();
    for fault in undescribed {
        let Some(table) = table_of(tables, fault) else {
            continue;
        };
        let (change, text) = match fault.what {
            FaultKind::Gap { change, left } => {
                let text = format!("change {change} does not begin where change {left} ended");
                (change, text)
            }
            FaultKind::Gone { change } => {
                let text = format!("in the log (change {change}), not in the table");
                (change, text)
            }
            FaultKind::Row { .. } => continue,
        };
        let change = change_at(tx, change).await?;
        let key = change.map_or_else(String::new, |change| change.row_key.to_string());
        tally.describe(fault, Fault::new(table.name(), key, text));
    }
    Ok(())
}

fn table_of(tables: &[VerifiedTable], fault: Spot) -> Option<&VerifiedTable> {
    tables.iter().find(|table| table.number == fault.table)
}

async fn of_row(
    tx: &DatabaseTransaction,
    table: &VerifiedTable,
    seen: &ReadRow,
    why: Why,
) -> Result<Fault, DbErr> {
    let ReadRow { key, image, .. } = seen;
    let text = match why {
        Why::Differs { change } => {
            let names = parting(tx, table, change, image).await?;
            let names = names.unwrap_or_default().join(", ");
            format!("differs from change {change} in {names}")
        }
        Why::Deleted { change } => format!("in the table, deleted in the log (change {change})"),
        Why::Unknown => "in the table, written after tracking began, not in the log".to_owned(),
    };
    Ok(Fault::new(table.name(), key, text))
}

/// The columns in which a row differs from what a change left.
async fn parting(
    tx: &DatabaseTransaction,
    table: &VerifiedTable,
    change: ReplayPlace,
    row: &Json,
) -> Result<Option<Vec<String>>, DbErr> {
    let after = change_at(tx, change).await?.and_then(|change| change.after);
    Ok(table.compared.parting_row(after.as_ref(), Some(row)))
}
