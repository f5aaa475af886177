//! Entities in the forms that SeaORM has beside the one of the reference application, with each kind of
//! relation.

use sea_orm::{ConnectionTrait, EntityTrait, QueryOrder, Schema};
use seachange::async_graphql::dynamic::{Field, FieldFuture, FieldValue, TypeRef};
use seachange::changelog::TrackedConnection;
use seachange_testkit::{Database, Outcome, TestServer};

/// Creates the tables, those first that others refer to.
pub async fn create(server: &TestServer) -> Outcome {
    let db = server.db().writer();
    let schema = Schema::new(db.get_database_backend());
    db.execute(&schema.create_table_from_entity(author::Entity))
        .await?;
    // The authors of a mentor, in the order of their keys; the tomes of an author, in any order.
    db.execute_unprepared("CREATE INDEX author_mentor ON author (mentor_id, id)")
        .await?;
    db.execute(&schema.create_table_from_entity(portrait::Entity))
        .await?;
    db.execute(&schema.create_table_from_entity(tome::Entity))
        .await?;
    db.execute_unprepared("CREATE INDEX tome_author ON tome (author_id)")
        .await?;
    db.execute(&schema.create_table_from_entity(tag::Entity))
        .await?;
    db.execute(&schema.create_table_from_entity(tome_tag::Entity))
        .await?;
    // No foreign key: the words differ in case, which not every database holds equal.
    let (text, key) = match server.kind {
        Database::Sqlite => ("varchar(20) COLLATE NOCASE", "integer"),
        Database::MariaDb(_) => ("varchar(20) COLLATE utf8mb4_general_ci", "int"),
        Database::Postgres(_) => ("varchar(20)", "integer"),
    };
    db.execute_unprepared(&format!(
        "CREATE TABLE badge (word {text} NOT NULL PRIMARY KEY)"
    ))
    .await?;
    db.execute_unprepared(&format!(
        "CREATE TABLE award (id {key} NOT NULL PRIMARY KEY, badge {text} NOT NULL)"
    ))
    .await?;
    Ok(())
}

/// `newestTome: Tome`, of a model.
pub fn newest_tome() -> Field {
    Field::new("newestTome", TypeRef::named("Tome"), |ctx| {
        FieldFuture::new(async move {
            let db = ctx.data::<TrackedConnection>()?;
            let newest = tome::Entity::find().order_by_desc(tome::Column::Id).one(db);
            Ok(newest.await?.map(FieldValue::owned_any))
        })
    })
}

/// In SeaORM 1's compact form.
pub mod author {
    use sea_orm::entity::prelude::*;

    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "author")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub id: i32,
        pub name: String,
        pub mentor_id: Option<i32>,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {
        #[sea_orm(belongs_to = "Entity", from = "Column::MentorId", to = "Column::Id")]
        Mentor,
        #[sea_orm(has_one = "super::portrait::Entity")]
        Portrait,
        #[sea_orm(has_many = "super::tome::Entity")]
        Tome,
    }

    impl Related<super::portrait::Entity> for Entity {
        fn to() -> RelationDef {
            Relation::Portrait.def()
        }
    }

    impl Related<super::tome::Entity> for Entity {
        fn to() -> RelationDef {
            Relation::Tome.def()
        }
    }

    seachange_changelog::track!();
}

/// In SeaORM 1's compact form; one for an author.
pub mod portrait {
    use sea_orm::entity::prelude::*;

    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "portrait")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub id: i32,
        #[sea_orm(unique)]
        pub author_id: i32,
        pub title: String,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {
        #[sea_orm(
            belongs_to = "super::author::Entity",
            from = "Column::AuthorId",
            to = "super::author::Column::Id"
        )]
        Author,
    }

    impl Related<super::author::Entity> for Entity {
        fn to() -> RelationDef {
            Relation::Author.def()
        }
    }

    seachange_changelog::track!();
}

/// As `sea-orm-cli` generates it.
pub mod tome {
    use sea_orm::entity::prelude::*;

    #[derive(Clone, Debug, PartialEq, DeriveEntityModel, Eq)]
    #[sea_orm(table_name = "tome")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub id: i32,
        pub author_id: i32,
        pub title: String,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {
        #[sea_orm(
            belongs_to = "super::author::Entity",
            from = "Column::AuthorId",
            to = "super::author::Column::Id",
            on_update = "NoAction",
            on_delete = "NoAction"
        )]
        Author,
        #[sea_orm(has_many = "super::tome_tag::Entity")]
        TomeTag,
    }

    impl Related<super::author::Entity> for Entity {
        fn to() -> RelationDef {
            Relation::Author.def()
        }
    }

    impl Related<super::tome_tag::Entity> for Entity {
        fn to() -> RelationDef {
            Relation::TomeTag.def()
        }
    }

    impl Related<super::tag::Entity> for Entity {
        fn to() -> RelationDef {
            super::tome_tag::Relation::Tag.def()
        }
        fn via() -> Option<RelationDef> {
            Some(super::tome_tag::Relation::Tome.def().rev())
        }
    }

    seachange_changelog::track!();
}

/// As `sea-orm-cli --expanded-format` generates it.
pub mod tag {
    use sea_orm::entity::prelude::*;

    #[derive(Copy, Clone, Default, Debug, DeriveEntity)]
    pub struct Entity;

    impl EntityName for Entity {
        fn table_name(&self) -> &'static str {
            "tag"
        }
    }

    #[derive(Clone, Debug, PartialEq, DeriveModel, DeriveActiveModel, Eq)]
    pub struct Model {
        pub id: i32,
        pub word: String,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveColumn)]
    pub enum Column {
        Id,
        Word,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DerivePrimaryKey)]
    pub enum PrimaryKey {
        Id,
    }

    impl PrimaryKeyTrait for PrimaryKey {
        type ValueType = i32;
        fn auto_increment() -> bool {
            false
        }
    }

    #[derive(Copy, Clone, Debug, EnumIter)]
    pub enum Relation {
        TomeTag,
    }

    impl ColumnTrait for Column {
        type EntityName = Entity;
        fn def(&self) -> ColumnDef {
            match self {
                Self::Id => ColumnType::Integer.def(),
                Self::Word => ColumnType::String(StringLen::None).def(),
            }
        }
    }

    impl RelationTrait for Relation {
        fn def(&self) -> RelationDef {
            match self {
                Self::TomeTag => Entity::has_many(super::tome_tag::Entity).into(),
            }
        }
    }

    impl Related<super::tome_tag::Entity> for Entity {
        fn to() -> RelationDef {
            Relation::TomeTag.def()
        }
    }

    seachange_changelog::track!();
}

/// As `sea-orm-cli` generates it.
pub mod tome_tag {
    use sea_orm::entity::prelude::*;

    #[derive(Clone, Debug, PartialEq, DeriveEntityModel, Eq)]
    #[sea_orm(table_name = "tome_tag")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub tome_id: i32,
        #[sea_orm(primary_key, auto_increment = false)]
        pub tag_id: i32,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {
        #[sea_orm(
            belongs_to = "super::tome::Entity",
            from = "Column::TomeId",
            to = "super::tome::Column::Id"
        )]
        Tome,
        #[sea_orm(
            belongs_to = "super::tag::Entity",
            from = "Column::TagId",
            to = "super::tag::Column::Id"
        )]
        Tag,
    }

    impl Related<super::tome::Entity> for Entity {
        fn to() -> RelationDef {
            Relation::Tome.def()
        }
    }

    impl Related<super::tag::Entity> for Entity {
        fn to() -> RelationDef {
            Relation::Tag.def()
        }
    }

    seachange_changelog::track!();
}

/// Keyed by a word.
pub mod badge {
    use sea_orm::entity::prelude::*;

    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "badge")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub word: String,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {
        #[sea_orm(has_many = "award::Entity")]
        Awards,
    }

    impl Related<award::Entity> for Entity {
        fn to() -> RelationDef {
            Relation::Awards.def()
        }
    }

    seachange_changelog::track!();

    /// Belongs to a badge by its word.
    pub mod award {
        use sea_orm::entity::prelude::*;

        #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
        #[sea_orm(table_name = "award")]
        pub struct Model {
            #[sea_orm(primary_key, auto_increment = false)]
            pub id: i32,
            pub badge: String,
        }

        #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
        pub enum Relation {
            #[sea_orm(
                belongs_to = "super::Entity",
                from = "Column::Badge",
                to = "super::Column::Word",
                skip_fk
            )]
            Of,
        }

        impl Related<super::Entity> for Entity {
            fn to() -> RelationDef {
                Relation::Of.def()
            }
        }

        seachange_changelog::track!();
    }
}
