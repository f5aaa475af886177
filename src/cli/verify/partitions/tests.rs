//! The results are the same however little memory there is.

use proptest::prelude::*;

use super::*;

/// Everything that was found, in a fixed order.
#[derive(Debug, PartialEq)]
struct Found {
    counts: (u64, u64, Vec<(u32, u64)>),
    doubts: Vec<Spot>,
    listed: Vec<Spot>,
}

fn found(records: &[Record], most: usize) -> Found {
    let mut tally = Tally::default();
    let mut rows = RowStates::new(most);
    for record in records {
        rows.take(*record, &mut tally).expect("room on disk");
        assert!(rows.states.len() <= most, "{} of {most}", rows.states.len());
    }
    let mut parts = rows.finish(&mut tally);
    while let Some(part) = parts.pop() {
        let (mut rows, mut records) = part.open(most).expect("room on disk");
        while let Some(record) = records.next().expect("a record") {
            rows.take(record, &mut tally).expect("room on disk");
            assert!(rows.states.len() <= most, "{} of {most}", rows.states.len());
        }
        parts.extend(rows.finish(&mut tally));
    }
    let mut doubts = std::mem::take(&mut tally.doubts);
    doubts.sort_unstable();
    Found {
        counts: (
            tally.faults,
            tally.without_baseline,
            tally
                .known
                .iter()
                .map(|(table, rows)| (*table, *rows))
                .collect(),
        ),
        doubts,
        listed: tally.undescribed().collect(),
    }
}

/// There are few values, so that they often agree.
fn digest() -> impl Strategy<Value = Digest> {
    (0..3_u64).prop_map(Digest)
}

fn image() -> impl Strategy<Value = Option<Digest>> {
    prop::option::weighted(0.8, digest())
}

/// A log of few rows, followed by some rows, none twice.
fn records() -> impl Strategy<Value = Vec<Record>> {
    let row = |n: u32| (n % 2, RowHash::of(n % 2, &n.to_string()));
    let log = prop::collection::vec((0..60_u32, image(), image()), 0..300);
    let rows = prop::collection::btree_map(0..60_u32, (digest(), any::<bool>()), 0..60);
    (log, rows).prop_map(move |(log, rows)| {
        let log = (1_u64..).zip(log).map(|(id, (n, before, after))| {
            let place = ReplayPlace::from(id);
            let what = RecordKind::Change {
                place,
                before,
                after,
            };
            (n, what)
        });
        let rows = (0_u64..)
            .zip(rows)
            .map(|(ordinal, (n, (image, is_expected)))| {
                let what = RecordKind::Row {
                    ordinal,
                    image,
                    is_expected,
                };
                (n, what)
            });
        let all = log.chain(rows).map(|(n, what)| {
            let (table, key) = row(n);
            Record { key, table, what }
        });
        all.collect()
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn memory_changes_nothing(records in records(), most in 1_usize..40) {
        prop_assert_eq!(found(&records, most), found(&records, usize::MAX));
    }
}

#[test]
fn more_faults_than_are_listed() {
    let change = |n: u64| Record {
        key: RowHash::of(0, &n.to_string()),
        table: 0,
        what: RecordKind::Change {
            place: ReplayPlace::from(n),
            before: None,
            after: Some(Digest(n)),
        },
    };
    let records: Vec<Record> = (1..3_000).map(change).collect();
    let all = found(&records, usize::MAX);
    assert_eq!(
        (all.counts.0, all.listed.len()),
        (2_999, crate::cli::verify::LISTED)
    );
    assert_eq!(found(&records, 100), all);
}

#[test]
fn rows_that_cannot_be_told_apart_stay_together() {
    let records = [1_u64, 2].map(|first| Record {
        key: RowHash(first, 0),
        table: 0,
        what: RecordKind::Change {
            place: ReplayPlace::from(first),
            before: None,
            after: None,
        },
    });
    let mut tally = Tally::default();
    let mut parts = Vec::new();
    let mut rows = RowStates::of_level(RowHash::LEVELS, 1);
    for record in records {
        rows.take(record, &mut tally).expect("no disk needed");
    }
    parts.extend(rows.finish(&mut tally));
    assert!(parts.is_empty() && tally.faults == 0);
}
