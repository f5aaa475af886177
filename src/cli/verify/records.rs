//! The record of a change or a row. It is small and of fixed size, so that it can wait in a file.

use std::io;

use seachange_changelog::internal::reader::ReplayPlace;

use super::keys::RowHash;

/// The digest of an image: a hash of all values that can be compared. Equal images have equal digests; if
/// digests differ, only the images show whether they contradict each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Digest(pub(super) u64);

/// Something that was read, in the order of reading: the log first, then tables.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Record {
    pub(super) key: RowHash,
    /// The number of the table.
    pub(super) table: u32,
    pub(super) what: RecordKind,
}

/// What was read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum RecordKind {
    /// A change. Without an image there is no row.
    Change {
        place: ReplayPlace,
        before: Option<Digest>,
        after: Option<Digest>,
    },
    /// All changes of a row up to this one.
    State {
        place: ReplayPlace,
        after: Option<Digest>,
    },
    /// A row of the table, with its ordinal and whether the log must know it.
    Row {
        ordinal: u64,
        image: Digest,
        is_expected: bool,
    },
}

/// The bytes of a record in a file.
pub(super) const SIZE: usize = 45;

const CHANGE: u8 = 0;
const STATE: u8 = 1;
const ROW: u8 = 2;
const KIND: u8 = 3;
const HAS_BEFORE: u8 = 1 << 2;
const HAS_AFTER: u8 = 1 << 3;
const IS_EXPECTED: u8 = 1 << 4;

impl Record {
    pub(super) fn to_bytes(self) -> [u8; SIZE] {
        let (kind, number, before, after) = match self.what {
            RecordKind::Change {
                place,
                before,
                after,
            } => (CHANGE, place.into(), before, after),
            RecordKind::State { place, after } => (STATE, place.into(), None, after),
            RecordKind::Row {
                ordinal,
                image,
                is_expected: false,
            } => (ROW, ordinal, None, Some(image)),
            RecordKind::Row { ordinal, image, .. } => {
                (ROW | IS_EXPECTED, ordinal, None, Some(image))
            }
        };
        let flag = |image: Option<Digest>, has: u8| if image.is_some() { has } else { 0 };
        let hash = |image: Option<Digest>| image.map_or(0, |Digest(hash)| hash);
        let mut bytes = [0; SIZE];
        let numbers = [self.key.0, self.key.1, number, hash(before), hash(after)];
        for (eight, number) in bytes.chunks_exact_mut(8).zip(numbers) {
            eight.copy_from_slice(&number.to_le_bytes());
        }
        bytes[40..44].copy_from_slice(&self.table.to_le_bytes());
        bytes[44] = kind | flag(before, HAS_BEFORE) | flag(after, HAS_AFTER);
        bytes
    }

    /// # Errors
    /// If the bytes are not a record.
    pub(super) fn from_bytes(bytes: &[u8; SIZE]) -> io::Result<Self> {
        let (numbers, rest) = bytes.as_chunks::<8>();
        let [first, second, number, before, after] = numbers else {
            return Err(malformed());
        };
        let [table @ .., flags] = rest else {
            return Err(malformed());
        };
        let of = |eight: &[u8; 8]| u64::from_le_bytes(*eight);
        let image = |hash: &[u8; 8], has: u8| (flags & has != 0).then_some(Digest(of(hash)));
        let place = ReplayPlace::from(of(number));
        let before = image(before, HAS_BEFORE);
        let after = image(after, HAS_AFTER);
        let what = match flags & KIND {
            CHANGE => RecordKind::Change {
                place,
                before,
                after,
            },
            STATE => RecordKind::State { place, after },
            ROW => RecordKind::Row {
                ordinal: of(number),
                image: after.ok_or_else(malformed)?,
                is_expected: flags & IS_EXPECTED != 0,
            },
            _ => return Err(malformed()),
        };
        Ok(Self {
            key: RowHash(of(first), of(second)),
            table: u32::from_le_bytes(table.try_into().map_err(|_| malformed())?),
            what,
        })
    }
}

fn malformed() -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, "not what was written")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read() {
        let digest = |hash| Some(Digest(hash));
        let place = ReplayPlace::from(7);
        let in_inbox = ReplayPlace::from(1 << 63 | 9);
        let row = |hash, is_expected| RecordKind::Row {
            ordinal: 3,
            image: Digest(hash),
            is_expected,
        };
        let change = |before, after| RecordKind::Change {
            place,
            before,
            after,
        };
        let state = |after| RecordKind::State {
            place: in_inbox,
            after,
        };
        let whats = [
            change(None, digest(0)),
            change(digest(5), None),
            change(digest(5), digest(6)),
            state(digest(1)),
            state(None),
            row(u64::MAX, true),
            row(u64::MAX, false),
        ];
        for what in whats {
            let key = RowHash::of(2, "{}");
            let record = Record {
                key,
                table: 2,
                what,
            };
            let read = Record::from_bytes(&record.to_bytes()).expect("a record");
            assert_eq!(read, record);
        }
        assert!(Record::from_bytes(&[0xff; SIZE]).is_err());
    }
}
