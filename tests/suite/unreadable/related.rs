//! Tables that relate to gauges: by a text, which the database compares, and by the key.

/// Many gauges have its name.
pub mod panel {
    use sea_orm::RelationType;
    use sea_orm::entity::prelude::*;

    use super::super::gauge;

    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "gauge_panel")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub name: String,
    }

    #[derive(Copy, Clone, Debug, EnumIter)]
    pub enum Relation {
        Gauges,
    }

    impl RelationTrait for Relation {
        fn def(&self) -> RelationDef {
            let mut def: RelationDef = Entity::belongs_to(gauge::Entity)
                .from(Column::Name)
                .to(gauge::Column::Name)
                .into();
            def.rel_type = RelationType::HasMany;
            def
        }
    }

    seachange_changelog::track!();
}

/// One gauge has its id.
pub mod dial {
    use sea_orm::entity::prelude::*;

    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "gauge_dial")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub id: i32,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {
        #[sea_orm(
            belongs_to = "super::super::gauge::Entity",
            from = "Column::Id",
            to = "super::super::gauge::Column::Id"
        )]
        Gauge,
    }

    seachange_changelog::track!();
}
