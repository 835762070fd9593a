//! The SQL of the sweep.

use sqlx::{MySql, MySqlPool, QueryBuilder};

/// The heads of those of these topics in which anything has happened. At most 500 topics at once.
pub async fn heads(pool: &MySqlPool, topics: &[std::sync::Arc<str>]) -> sqlx::Result<Vec<(String, i64)>> {
    let mut query = QueryBuilder::<MySql>::new("SELECT topic, seq FROM topic_heads WHERE topic IN (");
    let mut list = query.separated(", ");
    for topic in topics {
        list.push_bind(topic.to_string());
    }
    query.push(")");
    query.build_query_as().fetch_all(pool).await
}
