//! The specimen's GraphQL: names of fields, and the requests that every case sends.

use sea_orm::{IdenStatic, Iterable};
use seachange_testkit::Client;
use serde_json::{Map, Value as Json, json};

use super::Table;
use super::ground::cut;
use super::sample::{Column, same};

/// How GraphQL calls an entity.
pub struct Fields {
    /// `specimen`
    pub query: String,
    /// `Specimen`
    pub object: String,
    /// (column, field), the key first.
    names: Vec<(&'static str, String)>,
}

impl Fields {
    /// Of this entity.
    pub fn of<E: Table>() -> Self {
        let object = words(E::default().table_name());
        let columns = E::Column::iter();
        Self {
            query: begun_small(&object),
            object,
            names: columns
                .map(|column| (column.as_str(), begun_small(&words(column.as_str()))))
                .collect(),
        }
    }

    /// A column's field.
    pub fn field(&self, column: &str) -> &str {
        let found = self.names.iter().find(|(name, _)| *name == column);
        found.map_or_else(|| panic!("no column {column}"), |(_, field)| field)
    }

    /// All fields, for a selection.
    pub fn selection(&self) -> String {
        let fields: Vec<&str> = self.names.iter().map(|(_, field)| field.as_str()).collect();
        fields.join(" ")
    }

    /// The input of a row, with every column from its samples.
    pub fn input(&self, id: i64, row: usize, columns: &[Column]) -> Json {
        let fields = columns.iter().map(|column| {
            (
                self.field(column.name).to_owned(),
                column.sample(row).graphql.clone(),
            )
        });
        let mut input: Map<String, Json> = fields.collect();
        input.insert("id".to_owned(), id.into());
        Json::Object(input)
    }

    /// The row with this key.
    pub async fn read(&self, client: &Client, id: i64) -> anyhow::Result<Json> {
        let query = format!(
            "query($id: BigInt!) {{ {}(filters: {{ id: {{ eq: $id }} }}) {{ nodes {{ {} }} }} }}",
            self.query,
            self.selection()
        );
        let data = client.data(&query, json!({ "id": id })).await?;
        let nodes = data[&self.query]["nodes"]
            .as_array()
            .cloned()
            .unwrap_or_default();
        anyhow::ensure!(nodes.len() == 1, "{} rows with key {id}", nodes.len());
        Ok(nodes.into_iter().next().unwrap_or_default())
    }

    /// Inserts and returns the row.
    pub async fn create(&self, client: &Client, data: &Json) -> anyhow::Result<Json> {
        let answer = client
            .data(&self.creation(), json!({ "data": data }))
            .await?;
        Ok(answer[format!("{}CreateOne", self.query)].clone())
    }

    /// The mutation that inserts.
    pub fn creation(&self) -> String {
        format!(
            "mutation($data: {}InsertInput!) {{ {}CreateOne(data: $data) {{ {} }} }}",
            self.object,
            self.query,
            self.selection()
        )
    }

    /// Updates the row with this key and returns it.
    pub async fn update(&self, client: &Client, id: i64, data: &Json) -> anyhow::Result<Json> {
        let variables = json!({ "id": id, "data": data });
        let answer = client.data(&self.change(), variables).await?;
        Ok(answer[format!("{}Update", self.query)][0].clone())
    }

    /// The mutation that updates.
    pub fn change(&self) -> String {
        format!(
            "mutation($id: BigInt!, $data: {}UpdateInput!) {{
             {}Update(data: $data, filter: {{ id: {{ eq: $id }} }}) {{ {} }} }}",
            self.object,
            self.query,
            self.selection()
        )
    }

    /// Fails unless the row, as GraphQL has it, is what its samples say.
    pub fn assert_row(&self, found: &Json, row: usize, columns: &[Column]) -> anyhow::Result<()> {
        for column in columns {
            let (name, expected) = (column.name, &column.sample(row).graphql);
            let found = &found[self.field(name)];
            anyhow::ensure!(
                same(found, expected),
                "{name}: {} is not {}",
                cut(found),
                cut(expected)
            );
        }
        Ok(())
    }
}

/// The words of a name, each with a capital letter: `due_on` is `DueOn`.
fn words(name: &str) -> String {
    let capital = |word: &str| {
        let (first, rest) = word.split_at(1);
        first.to_uppercase() + rest
    };
    name.split('_').map(capital).collect()
}

fn begun_small(name: &str) -> String {
    let (first, rest) = name.split_at(1);
    first.to_lowercase() + rest
}

/// The key of a row's copy.
pub fn copy_of(id: i64) -> i64 {
    -id
}
