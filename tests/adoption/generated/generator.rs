//! SeaORM's generator of entities, with the arguments of its command.

use std::collections::BTreeMap;

use sea_orm::sea_query::{Alias, ColumnDef, ForeignKey, Table, TableCreateStatement};
use sea_orm_codegen::{
    BannerVersion, BigIntegerType, DateTimeCrate, EntityFormat, EntityTransformer,
    EntityWriterContext, WithPrelude, WithSerde, merge_entity_files,
};

pub const TRACK: &str = "seachange_changelog::Track";

fn column(name: &str) -> ColumnDef {
    ColumnDef::new(Alias::new(name))
}

fn key() -> ColumnDef {
    column("id")
        .integer()
        .not_null()
        .auto_increment()
        .primary_key()
        .take()
}

pub fn shelf(name: &str) -> TableCreateStatement {
    Table::create()
        .table(Alias::new(name))
        .col(key())
        .col(column("name").text().not_null())
        .col(column("secret").text().null())
        .col(column("updated_at").timestamp_with_time_zone().not_null())
        .take()
}

pub fn book(name: &str, of: &str) -> TableCreateStatement {
    let mut reference = ForeignKey::create();
    reference
        .from(Alias::new(name), Alias::new("shelf_id"))
        .to(Alias::new(of), Alias::new("id"));
    Table::create()
        .table(Alias::new(name))
        .col(key())
        .col(column("shelf_id").integer().not_null())
        .foreign_key(&mut reference)
        .take()
}

/// The arguments of a command.
#[derive(Default)]
pub struct Arguments {
    pub format: EntityFormat,
    pub derives: &'static [&'static str],
    pub attributes: &'static [&'static str],
    pub without_behavior: bool,
}

/// What `sea-orm-cli generate entity` writes for these tables, by file name.
pub fn generated(
    tables: Vec<TableCreateStatement>,
    arguments: Arguments,
) -> anyhow::Result<BTreeMap<String, String>> {
    let texts = |given: &[&str]| given.iter().map(|text| (*text).to_owned()).collect();
    let context = EntityWriterContext::new(
        arguments.format,
        WithPrelude::None,
        WithSerde::None,
        true,
        DateTimeCrate::Chrono,
        BigIntegerType::I64,
        None,
        false,
        false,
        false,
        texts(arguments.derives),
        texts(arguments.attributes),
        Vec::new(),
        Vec::new(),
        Vec::new(),
        false,
        !arguments.without_behavior,
        BannerVersion::Off,
    );
    let output = EntityTransformer::transform(tables)?.generate(&context);
    let files = output.files.into_iter();
    Ok(files.map(|file| (file.name, file.content)).collect())
}

/// The file with the default arguments.
pub fn by_default(table: &str) -> anyhow::Result<String> {
    let mut files = generated(vec![shelf(table)], Arguments::default())?;
    let file = files.remove(&format!("{table}.rs"));
    file.ok_or_else(|| anyhow::anyhow!("no file of {table}"))
}

/// A text without what a formatter adds to it.
pub fn bare(text: &str) -> String {
    let lines = text.lines().filter(|line| !line.starts_with("//!"));
    let text: String = lines.flat_map(str::split_whitespace).collect();
    let text = text.replace(",}", "}").replace(",)", ")");
    text.replace(",]", "]")
}

pub fn tracked(format: EntityFormat) -> Arguments {
    Arguments {
        format,
        derives: &[TRACK],
        without_behavior: true,
        ..Arguments::default()
    }
}

/// What `--experimental-preserve-user-modifications` makes of a file.
pub fn merged(old: &str, table: &str) -> anyhow::Result<String> {
    let merged = merge_entity_files(old, &by_default(table)?);
    merged.map_err(|report| anyhow::anyhow!("{:?}", report.warnings))
}
