//! Enumerations: stored as text, as a number, as a type of the database's own.

use sea_orm::entity::prelude::*;

use super::sample::Sample;

/// Stored as text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, EnumIter, DeriveActiveEnum)]
#[sea_orm(rs_type = "String", db_type = "Text")]
pub enum Mood {
    #[sea_orm(string_value = "")]
    None,
    #[sea_orm(string_value = "so so")]
    Mixed,
    #[sea_orm(string_value = "fröhlich 🦀")]
    Happy,
}

/// Stored as a number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, EnumIter, DeriveActiveEnum)]
#[sea_orm(rs_type = "i32", db_type = "Integer")]
pub enum Level {
    #[sea_orm(num_value = -1)]
    Low,
    #[sea_orm(num_value = 0)]
    Middle,
    #[sea_orm(num_value = 2147483647)]
    High,
}

/// Stored as the database's own enumeration.
#[derive(Clone, Copy, Debug, PartialEq, Eq, EnumIter, DeriveActiveEnum)]
#[sea_orm(rs_type = "String", db_type = "Enum", enum_name = "weather")]
pub enum Weather {
    #[sea_orm(string_value = "sunny")]
    Sunny,
    #[sea_orm(string_value = "half-clouded sky")]
    HalfClouded,
    #[sea_orm(string_value = "RAIN")]
    Rain,
}

/// Every [`Mood`]: a plain string in GraphQL.
pub fn moods() -> Vec<Sample> {
    vec![
        Sample::new(Mood::None, ""),
        Sample::new(Mood::Mixed, "so so"),
        Sample::new(Mood::Happy, "fröhlich 🦀"),
    ]
}

/// Every [`Level`].
pub fn levels() -> Vec<Sample> {
    vec![
        Sample::new(Level::Low, -1),
        Sample::new(Level::Middle, 0),
        Sample::new(Level::High, i32::MAX),
    ]
}

/// Every [`Weather`]: in GraphQL by what its words have of letters and digits.
pub fn weathers() -> Vec<Sample> {
    vec![
        Sample::new(Weather::Sunny, "sunny"),
        Sample::new(Weather::HalfClouded, "half-clouded sky").in_graphql("halfcloudedsky"),
        Sample::new(Weather::Rain, "RAIN"),
    ]
}
