//! Many texts from a seeded generator: none may panic, and a write in disguise is never let pass.

use sea_orm::DbBackend;

use super::{ALL, LONG, run};

/// SplitMix64: enough for picking pieces, and the same on every run.
struct Random(u64);

impl Random {
    fn below(&mut self, end: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        let picked = (mixed ^ (mixed >> 31)) % u64::try_from(end).expect("small");
        usize::try_from(picked).expect("below a usize")
    }

    fn pick<'a>(&mut self, pieces: &[&'a str]) -> &'a str {
        pieces[self.below(pieces.len())]
    }
}

/// What lexers trip over, and words that lead deep into the rules.
#[rustfmt::skip]
const PIECES: &[&str] = &[
    "'", "\"", "`", "[", "]", "$", "$a$", "$1", "$$", "/*", "*/", "/*!", "/*!50000 ", "/*M!",
    "--", "-- ", "#", "\n", "\r", ";", "(", ")", "\\", "E'", "x'", "U&\"", ":a", "@", "1", ".",
    "e", "1e5", "é", "\u{feff}", "\0", "SELECT ", "WITH ", "CREATE ", "FUNCTION ", "TRIGGER ",
    "BEGIN ", "END ", "SET ", "NAMES ", "EXPLAIN ", "ANALYZE ", "FORMAT=", "set_config(", "task ",
    "LANGUAGE ", "PRAGMA ", LONG, "ſK",
];

#[test]
fn no_text_panics() {
    let mut random = Random(1);
    for round in 0..30_000 {
        let mut bytes = Vec::new();
        for _ in 0..random.below(24) {
            if round % 3 == 0 {
                bytes.push(u8::try_from(random.below(256)).expect("a byte"));
            } else {
                bytes.extend(random.pick(PIECES).as_bytes());
            }
        }
        let sql = String::from_utf8_lossy(&bytes);
        for backend in ALL {
            // Only the return matters: any answer will do.
            let _ = run(&sql, *backend);
        }
    }
}

#[test]
fn deep_and_long_texts_end() {
    for piece in [
        "EXPLAIN ANALYZE ",
        "(",
        "/*",
        "$a$ ",
        "'",
        "CREATE FUNCTION AS '",
    ] {
        for backend in ALL {
            let _ = run(&piece.repeat(20_000), *backend);
        }
    }
}

#[test]
fn a_disguised_write_is_refused() {
    const GAPS: &[&str] = &[
        " ",
        "\t",
        "\n",
        "\r\n",
        "/**/",
        "/* ' */",
        "/* \" ; -- */",
        "-- '\n",
        "-- /*\n",
        "--\n",
        "/***/",
        "\u{c}",
    ];
    const OWN: &[(DbBackend, &[&str])] = &[
        (
            DbBackend::MySql,
            &[
                "# '\n",
                "/*! */",
                "/*!50000 x */",
                "/*M!100100 */",
                "/*+ x */",
            ],
        ),
        (DbBackend::Postgres, &["/* /* ' */ */", "-- '\r"]),
        (DbBackend::Sqlite, &["/* /* */"]),
    ];
    const TABLES: &[&str] = &[
        "task",
        "TASK",
        "\"task\"",
        "\"Task\"",
        "public.task",
        "x.\"task\"",
    ];
    let mut random = Random(2);
    for _ in 0..4_000 {
        for (backend, own) in OWN {
            let mut sql = String::new();
            if random.below(3) == 0 {
                sql.push_str("SELECT 'it''s', \"a\"\"b\";");
            }
            for word in ["", "delete", "from", random.pick(TABLES)] {
                for c in word.chars() {
                    match random.below(2) {
                        0 => sql.push(c),
                        _ => sql.extend(c.to_uppercase()),
                    }
                }
                for _ in 0..=random.below(3) {
                    let gaps = if random.below(3) == 0 { own } else { GAPS };
                    sql.push_str(random.pick(gaps));
                }
            }
            assert!(run(&sql, *backend).is_err(), "{backend:?}: {sql:?}");
        }
    }
}
