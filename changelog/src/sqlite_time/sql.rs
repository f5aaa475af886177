//! The key of a text, as an expression of SQLite.
//!
//! The expression is cheap for common spellings: what SeaORM writes costs half a microsecond, and what
//! `datetime('now')` and browsers write little more. `unixepoch` is SQLite's fastest way to read a time. But
//! it knows neither leap seconds nor offsets beyond 14 hours, rounds fractions, and accepts a 31st of every
//! month, so it is used only to test whether a text is a time.
//!
//! There is no subquery, so that the expression can be indexed, and no text that a column of numbers would
//! convert to one.

use super::{Numbers, TimeKind, Times};

/// The seconds since 1970 at the start of year 0 and at the end of year 9999.
const SECONDS: (i64, i64) = (-62_167_219_200, 253_402_300_799);

/// The expression.
pub(super) fn key(times: Times, t: &str) -> String {
    let parts = match times.kind {
        TimeKind::Zoned | TimeKind::Plain => [
            common(times.kind, t),
            any(times.kind, t),
            signed(times.kind, t),
            numbers(times, t),
        ],
        TimeKind::Day => [
            Some(format!(
                "CASE WHEN length({t})=10 AND date({t},'+0 days')={t} THEN {t} END"
            )),
            signed(TimeKind::Day, t),
            None,
            None,
        ],
        TimeKind::Clock => [
            common(TimeKind::Clock, t),
            any(TimeKind::Clock, t),
            None,
            None,
        ],
    };
    let parts: Vec<String> = parts.into_iter().flatten().collect();
    // Values that are not numbers or texts sort above every text.
    format!("CASE WHEN {t}<x'' THEN COALESCE({}) END", parts.join(","))
}

/// The form of a text that is a time.
pub(super) fn form(kind: TimeKind, t: &str) -> String {
    let clock = match kind {
        TimeKind::Day => return "'YYYY-MM-DD'".to_owned(),
        TimeKind::Clock => format!("' '||{t}"),
        _ => format!("ltrim({t},'+-0123456789')"),
    };
    let start = match kind {
        TimeKind::Clock => "'HH:MM'".to_owned(),
        _ => format!("'YYYY-MM-DD'||substr({clock},1,1)||'HH:MM'"),
    };
    let zone = format!("ltrim(substr({clock},2),':.0123456789')");
    format!(
        "{start}||CASE WHEN substr({clock},7,1)=':' THEN ':SS' ELSE '' END
||CASE WHEN {zone} IN ('','Z','z','+00:00') THEN {zone} ELSE '±HH:MM' END"
    )
}

/// The separator between day and time of day, and the ending.
fn marks(kind: TimeKind) -> (&'static str, &'static str) {
    match kind {
        TimeKind::Zoned => ("T", "+00:00"),
        _ => (" ", ""),
    }
}

/// A form of texts: its start, its fraction of a second and its end, each with `?` for a character.
struct TextForm<'p> {
    start: &'p str,
    fraction: &'p str,
    end: &'p str,
    /// How such a text ends if SeaORM would write fewer digits.
    zeros: Option<&'p str>,
}

impl TextForm<'_> {
    /// The length of such a text, and its key if it is of the form. SQLite accepts spaces before the end of a
    /// time, so the last digit of a fraction is tested.
    fn with(&self, t: &str, others: &str, key: &str) -> (usize, String) {
        let Self {
            start,
            fraction,
            end,
            zeros,
        } = self;
        let length = start.len() + fraction.len() + end.len();
        let fraction = match fraction.strip_suffix('?') {
            Some(digits) => format!("{digits}[0-9]"),
            None => String::new(),
        };
        let mut test = format!("{t} GLOB '{start}{fraction}{end}'{others}");
        if let Some(zeros) = zeros {
            test.push_str(&format!(" AND {t} NOT LIKE '%{zeros}'"));
        }
        (length, format!("WHEN {test} THEN {key}"))
    }
}

/// Fractions as they are written, with their ending where SeaORM would write fewer digits.
const FRACTIONS: [(&str, Option<&str>); 3] =
    [(".??????", Some("000")), (".???", Some(".000")), ("", None)];

/// The common spellings, by the lengths of their texts.
fn common(kind: TimeKind, t: &str) -> Option<String> {
    let (between, end) = marks(kind);
    let start = match kind {
        TimeKind::Clock => "??:??:??".to_owned(),
        _ => format!("??????????{between}??:??:??"),
    };
    let own = FRACTIONS.map(|(fraction, zeros)| {
        let zeros = zeros.map(|zeros| format!("{zeros}{end}"));
        let (start, zeros) = (start.as_str(), zeros.as_deref());
        TextForm {
            start,
            fraction,
            end,
            zeros,
        }
        .with(t, "", t)
    });
    let mut forms = Vec::from(own);
    if kind == TimeKind::Zoned {
        forms.extend(of_others(t));
    }
    forms.sort_by_key(|(length, _)| std::cmp::Reverse(*length));
    let of_length = forms.chunk_by(|one, other| one.0 == other.0).map(|forms| {
        let tests: Vec<&str> = forms.iter().map(|(_, test)| test.as_str()).collect();
        let length = forms.first().map_or(0, |(length, _)| *length);
        format!("WHEN {length} THEN CASE {} END", tests.join(" "))
    });
    let of_length: Vec<String> = of_length.collect();
    let guard = match kind {
        TimeKind::Clock => format!("substr({t},1,2)<'24'"),
        _ => format!(
            "substr({t},12,2)<'24' AND (substr({t},9,2)<'29' OR date(substr({t},1,10),'+0 days')=substr({t},1,10))"
        ),
    };
    Some(format!(
        "CASE WHEN unixepoch({t}) IS NOT NULL AND {guard} THEN CASE length({t}) {} END END",
        of_length.join(" ")
    ))
}

/// The spellings of moments by SQLite's functions, browsers and programs in local time, as lengths and tests.
fn of_others(t: &str) -> Vec<(usize, String)> {
    let mut forms = Vec::new();
    for (fraction, zeros) in FRACTIONS {
        let start = "?????????? ??:??:??";
        let plain = TextForm {
            start,
            fraction,
            end: "",
            zeros,
        };
        forms.push(plain.with(
            t,
            "",
            &format!("substr({t},1,10)||'T'||substr({t},12)||'+00:00'"),
        ));

        let zeros_z = zeros.map(|zeros| format!("{zeros}Z"));
        let (start, zeros) = ("??????????T??:??:??", zeros_z.as_deref());
        let with_z = TextForm {
            start,
            fraction,
            end: "Z",
            zeros,
        };
        let kept = start.len() + fraction.len();
        forms.push(with_z.with(t, "", &format!("substr({t},1,{kept})||'+00:00'")));
    }
    // An offset must not lead to a year that needs a sign.
    let in_era =
        format!(" AND substr({t},11,1) IN (' ','T') AND substr({t},1,4) BETWEEN '0001' AND '9998'");
    let in_utc = |text: &str| format!("strftime('%Y-%m-%dT%H:%M:%S',{text})");
    let (start, end) = ("?????????????:??:??", "???:??");
    let whole = TextForm {
        start,
        fraction: "",
        end,
        zeros: None,
    };
    forms.push(whole.with(t, &in_era, &format!("{}||'+00:00'", in_utc(t))));
    let zeros = Some("000______");
    let of_micros = TextForm {
        start,
        fraction: ".??????",
        end,
        zeros,
    };
    let second = in_utc(&format!("substr({t},1,19)||substr({t},27)"));
    forms.push(of_micros.with(t, &in_era, &format!("{second}||substr({t},20,7)||'+00:00'")));
    forms
}

/// Every spelling of a time whose year has four digits.
fn any(kind: TimeKind, t: &str) -> Option<String> {
    // The places at which the time of day and its seconds begin.
    let (clock, seconds) = match kind {
        TimeKind::Clock => (1, 6),
        _ => (12, 17),
    };
    let fraction = seconds + 3;
    let zone = format!("ltrim(substr({t},{seconds}),':.0123456789')");
    let offset = format!("ltrim({zone})");
    let is_offset =
        format!("{offset} GLOB '[+-][0-2][0-9]:[0-5][0-9]' AND substr({offset},2,2)<'24'");
    let of_day = format!(
        "substr({t},{clock},length({t})-{}-length({zone}))",
        clock - 1
    );
    let minute = format!("substr({t},{clock},5)");
    let is_time = format!(
        "substr({t},{clock},2)<'24' AND unixepoch({minute}) IS NOT NULL
 AND unixepoch(replace({of_day},':60',':59')) IS NOT NULL"
    );
    let (_, end) = marks(kind);
    // Six digits, reduced to as few as SeaORM writes.
    let rest = format!(
        "CASE WHEN substr({t},{seconds},1)=':' THEN substr({t},{seconds},3) ELSE ':00' END
||replace(replace(replace(substr(printf('%.6f','0'||substr({t},{fraction},7)),2)||'Z','000Z','Z'),'.000Z','Z'),'Z','{end}')"
    );
    let day = format!("substr({t},1,10)");
    let is_day = format!(
        "{t} LIKE '____-__-_____:__%' AND substr({t},11,1) IN (' ','T','t') AND date({day},'+0 days')={day}"
    );
    Some(match kind {
        TimeKind::Clock => format!(
            "CASE WHEN {t} LIKE '__:__%' AND {is_time} AND ({zone} IN ('','Z','z') OR {is_offset})
 THEN {minute}||{rest} END"
        ),
        TimeKind::Plain => format!(
            "CASE WHEN {is_day} AND {is_time} AND ({zone} IN ('','Z','z') OR {is_offset})
 THEN {day}||' '||{minute}||{rest} END"
        ),
        _ => format!(
            "CASE WHEN {is_day} AND {is_time} THEN strftime('%Y-%m-%dT%H:%M',{day}||' '||{minute},
CASE WHEN {zone} IN ('','Z','z') OR {offset} IN ('+00:00','-00:00') THEN '+00:00'
 WHEN {is_offset} AND substr({t},1,4) BETWEEN '0001' AND '9998'
 THEN CASE WHEN {offset}<'-' THEN '-' ELSE '+' END||substr({offset},2) END)||{rest} END"
        ),
    })
}

/// Years with a sign, as SeaORM writes them. Their days are checked in a year of this era with the same
/// calendar.
fn signed(kind: TimeKind, t: &str) -> Option<String> {
    let clock = format!("ltrim({t},'+-0123456789')");
    let length = format!("(length({t})-length({clock}))");
    let year = format!("CAST({t} AS INTEGER)");
    let month = format!("substr({t},{length}-5,6)");
    let today = format!("printf('%04d',({year}%400+400)%400+2000)||{month}");
    let (between, end) = marks(kind);
    let is_written = match kind {
        TimeKind::Day => format!("{clock}=''"),
        _ => format!(
            "unixepoch('2000-01-01'||{clock}) IS NOT NULL AND substr({clock},2,2)<'24'
 AND ({clock} GLOB '{between}??:??:??{end}'
 OR {clock} GLOB '{between}??:??:??.??[0-9]{end}' AND {clock} NOT LIKE '%.000{end}'
 OR {clock} GLOB '{between}??:??:??.?????[0-9]{end}' AND {clock} NOT LIKE '%000{end}')"
        ),
    };
    Some(format!(
        "CASE WHEN {t}<'/' AND {is_written} AND {year} BETWEEN -262143 AND 262142
 AND substr({t},1,{length})=printf('%+05d',{year})||{month} AND date({today},'+0 days')={today}
 THEN CASE WHEN {year}<0 THEN printf('-%06d',1000000+{year}) WHEN {year}>9999 THEN printf(':%06d',{year})
 ELSE printf('%04d',{year}) END||substr({t},{length}-5) END"
    ))
}

/// Numbers, as SeaORM's drivers read them.
fn numbers(times: Times, t: &str) -> Option<String> {
    let (between, end) = marks(times.kind);
    let format = format!("'%Y-%m-%d{between}%H:%M:%S'");
    let (first, last) = SECONDS;
    let of_integer = format!(
        "WHEN 'integer' THEN CASE WHEN {t} BETWEEN {first} AND {last}
 THEN strftime({format},{t},'unixepoch')||'{end}' END"
    );
    let seconds = format!("(({t}-2440587.5)*86400.0)");
    let whole = format!("CAST({seconds} AS INTEGER)");
    let of_real = format!(
        " WHEN 'real' THEN CASE WHEN {whole} BETWEEN {first} AND {last}
 THEN strftime({format},{whole},'unixepoch')
||replace(replace(replace(printf('.%06d',CAST(abs({seconds}-{whole})*1e9 AS INTEGER)/1000)||'Z','000Z','Z'),'.000Z','Z'),'Z','{end}') END"
    );
    let of_real = match times.numbers {
        Numbers::Neither => return None,
        Numbers::Seconds => String::new(),
        Numbers::SecondsAndDays => of_real,
    };
    Some(format!("CASE typeof({t}) {of_integer}{of_real} END"))
}
