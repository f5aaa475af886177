//! Reading the parts of a date or time, left to right.
//!
//! Each part takes exactly its number of digits, so that no text can be read in two ways. No ranges are
//! checked but those of offsets. This module does not know the order of the parts.

/// A text and how far it has been read.
pub(super) struct Cursor<'a> {
    rest: &'a [u8],
}

impl<'a> Cursor<'a> {
    pub(super) fn new(text: &'a str) -> Self {
        Self {
            rest: text.as_bytes(),
        }
    }

    pub(super) fn at_end(&self) -> bool {
        self.rest.is_empty()
    }

    /// Takes one of these bytes.
    pub(super) fn one_of(&mut self, bytes: &[u8]) -> Option<u8> {
        let (first, rest) = self.rest.split_first()?;
        if !bytes.contains(first) {
            return None;
        }
        self.rest = rest;
        Some(*first)
    }

    /// Takes this byte and returns the cursor.
    pub(super) fn after(&mut self, byte: u8) -> Option<&mut Self> {
        self.one_of(&[byte])?;
        Some(self)
    }

    /// Takes all digits that follow; `None` if there are not `fewest` to `most`. `most` is below 10, so that
    /// the number fits.
    fn digits(&mut self, fewest: usize, most: usize) -> Option<(u32, usize)> {
        let count = self
            .rest
            .iter()
            .take_while(|byte| byte.is_ascii_digit())
            .count();
        if count < fewest || count > most {
            return None;
        }
        let (digits, rest) = self.rest.split_at(count);
        self.rest = rest;
        let value = digits
            .iter()
            .fold(0, |value, digit| value * 10 + u32::from(digit - b'0'));
        Some((value, count))
    }

    pub(super) fn two_digits(&mut self) -> Option<u32> {
        self.digits(2, 2).map(|(value, _)| value)
    }

    /// Four digits, or a sign and four to six.
    pub(super) fn year(&mut self) -> Option<i32> {
        let sign = self.one_of(b"+-");
        let most = if sign.is_some() { 6 } else { 4 };
        let (year, _) = self.digits(4, most)?;
        let year = i32::try_from(year).ok()?;
        Some(if sign == Some(b'-') { -year } else { year })
    }

    /// One to nine fractional digits of a second.
    pub(super) fn nanoseconds(&mut self) -> Option<u32> {
        let (value, count) = self.digits(1, 9)?;
        Some((count..9).fold(value, |value, _| value * 10))
    }

    /// `Z` or `±HH:MM`, in minutes east of UTC.
    pub(super) fn offset(&mut self) -> Option<i32> {
        let sign = match self.one_of(b"Zz+-")? {
            b'+' => 1,
            b'-' => -1,
            _ => return Some(0),
        };
        let hours = self.two_digits().filter(|hours| *hours < 24)?;
        let minutes = self
            .after(b':')?
            .two_digits()
            .filter(|minutes| *minutes < 60)?;
        i32::try_from(hours * 60 + minutes)
            .ok()
            .map(|east| sign * east)
    }
}
