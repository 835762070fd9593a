//! What the database server was asked, text by text, as its general log has it.

use std::collections::BTreeMap;
use std::future::Future;

use anyhow::{Result, ensure};
use sqlx::MySqlPool;

/// The statements of one thing that is done: their shapes, and how often each comes.
pub type Heard = BTreeMap<String, usize>;

/// Listens to the server while something is done `times` times. What comes less often than that belongs to others.
pub async fn heard(pool: &MySqlPool, times: usize, work: impl Future<Output = Result<()>>) -> Result<Heard> {
    for statement in
        ["SET GLOBAL log_output = 'TABLE'", "TRUNCATE TABLE mysql.general_log", "SET GLOBAL general_log = ON"]
    {
        sqlx::raw_sql(statement).execute(pool).await?;
    }
    let done = work.await;
    sqlx::raw_sql("SET GLOBAL general_log = OFF").execute(pool).await?;
    done?;
    let texts: Vec<Vec<u8>> = sqlx::query_scalar(
        "SELECT CAST(argument AS BINARY) FROM mysql.general_log WHERE command_type IN ('Query', 'Execute')",
    )
    .fetch_all(pool)
    .await?;
    let mut heard = Heard::new();
    for text in texts {
        *heard.entry(shape(&String::from_utf8_lossy(&text))).or_default() += 1;
    }
    heard.retain(|_, count| {
        *count /= times;
        *count > 0
    });
    Ok(heard)
}

/// # Errors
/// They are not the same; the error has what one of them did alone.
pub fn ensure_same(api: &Heard, replay: &Heard) -> Result<()> {
    let alone = |one: &Heard, other: &Heard| -> Vec<String> {
        let more = one.iter().filter(|(text, count)| other.get(*text) != Some(count));
        more.map(|(text, count)| format!("{count} x {text}")).collect()
    };
    let (by_api, by_replay) = (alone(api, replay), alone(replay, api));
    ensure!(
        by_api.is_empty() && by_replay.is_empty(),
        "the replay is not what the api does\nby the api:\n{}\nstraight:\n{}",
        by_api.join("\n"),
        by_replay.join("\n")
    );
    Ok(())
}

/// A statement without its values, in single spaces.
fn shape(text: &str) -> String {
    let mut shape = String::with_capacity(text.len());
    let mut rest = text.trim().chars().peekable();
    while let Some(c) = rest.next() {
        let in_word = shape.ends_with(|last: char| last.is_alphanumeric() || last == '_');
        if c.is_whitespace() {
            if !shape.ends_with(' ') {
                shape.push(' ');
            }
        } else if c == '\'' {
            while let Some(inner) = rest.next() {
                match inner {
                    '\\' => drop(rest.next()),
                    '\'' if rest.peek() == Some(&'\'') => drop(rest.next()),
                    '\'' => break,
                    _ => {}
                }
            }
            shape.push('?');
        } else if c.is_ascii_digit() && !in_word {
            while rest.next_if(|next| next.is_ascii_hexdigit() || ".x".contains(*next)).is_some() {}
            shape.push('?');
        } else {
            shape.push(c);
        }
    }
    shape.replace("NULL", "?")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_shape_has_no_values() {
        let full = "INSERT INTO t2 (a, b)\n   VALUES ('it''s \\' (1)', -17.5, 0x1fA, NULL, TRUE)";
        assert_eq!(shape(full), "INSERT INTO t2 (a, b) VALUES (?, -?, ?, ?, TRUE)");
        assert_eq!(
            shape("SELECT a FROM t WHERE b IS NULL LIMIT 3"),
            shape("SELECT a FROM t WHERE b IS ? LIMIT 7")
        );
    }

    #[test]
    fn what_one_does_alone_is_told() {
        let of =
            |texts: &[(&str, usize)]| -> Heard { texts.iter().map(|(t, n)| ((*t).to_owned(), *n)).collect() };
        let (api, replay) = (of(&[("a", 1), ("b", 2)]), of(&[("a", 1), ("b", 1)]));
        assert!(ensure_same(&api, &api).is_ok());
        let told = ensure_same(&api, &replay).unwrap_err().to_string();
        assert!(told.contains("by the api:\n2 x b\nstraight:\n1 x b"), "{told}");
    }
}
