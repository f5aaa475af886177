//! Records that wait on disk, in files without a name, which disappear with the process however it ends.

use std::fs::File;
use std::io::{self, BufReader, BufWriter, Read, Seek, Write};

use super::records::{Record, SIZE};

/// Bytes written or read at a time; a process has a few dozen files open.
const BUFFER: usize = 64 << 10;

/// Records being written, in the directory for temporary files (`TMPDIR`).
pub(super) struct WrittenRecords {
    file: BufWriter<File>,
    records: u64,
}

impl WrittenRecords {
    /// # Errors
    /// If the directory cannot hold a file.
    pub(super) fn new() -> io::Result<Self> {
        Ok(Self {
            file: BufWriter::with_capacity(BUFFER, tempfile::tempfile()?),
            records: 0,
        })
    }

    /// # Errors
    /// If the disk is full.
    pub(super) fn push(&mut self, record: Record) -> io::Result<()> {
        self.records += 1;
        self.file.write_all(&record.to_bytes())
    }

    /// The number of records.
    pub(super) fn len(&self) -> u64 {
        self.records
    }

    /// # Errors
    /// If the disk is full.
    pub(super) fn read(self) -> io::Result<WaitingRecords> {
        let mut file = self.file.into_inner().map_err(|error| error.into_error())?;
        file.rewind()?;
        Ok(WaitingRecords {
            file: BufReader::with_capacity(BUFFER, file),
            records: self.records,
        })
    }
}

/// Records to be read again, in the order in which they were written.
pub(super) struct WaitingRecords {
    file: BufReader<File>,
    records: u64,
}

impl WaitingRecords {
    /// The next record; `None` after the last.
    ///
    /// # Errors
    /// If the data cannot be read back.
    pub(super) fn next(&mut self) -> io::Result<Option<Record>> {
        if self.records == 0 {
            return Ok(None);
        }
        self.records -= 1;
        let mut bytes = [0; SIZE];
        self.file.read_exact(&mut bytes)?;
        Record::from_bytes(&bytes).map(Some)
    }
}
