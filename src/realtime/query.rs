//! The SQL of the sweep.

use sqlx::{MySql, MySqlPool, QueryBuilder};

use crate::db::push_list;

/// The heads of those of these topics in which anything has happened. At most 500 topics at once.
pub async fn heads(pool: &MySqlPool, topics: &[std::sync::Arc<str>]) -> sqlx::Result<Vec<(String, i64)>> {
    let mut query = QueryBuilder::<MySql>::new("SELECT topic, seq FROM topic_heads WHERE topic IN (");
    push_list(&mut query, topics.iter().map(|topic| topic.to_string()));
    query.push(")");
    query.build_query_as().fetch_all(pool).await
}
