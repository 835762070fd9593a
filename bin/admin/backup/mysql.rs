//! The database's part, by the tools of its server: a dump in one snapshot, as SQL, which any client can load.

use std::fs::{self, File, OpenOptions};
use std::io::{Read, Seek, SeekFrom, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use anyhow::{Context as _, Result, ensure};
use konnect::id::secret;
use tokio::process::Command;
use url::Url;

/// One snapshot of everything; binary columns as digits, so that the file is text.
const DUMP: [&str; 10] = [
    "--single-transaction",
    "--quick",
    "--hex-blob",
    "--triggers",
    "--routines",
    "--events",
    "--no-tablespaces",
    "--skip-dump-date",
    "--default-character-set=utf8mb4",
    "--max-allowed-packet=256M",
];

/// Writes the database of the URL to a file. `has_binlog`: with the snapshot's position in the server's binary log, from
/// which the log can be played.
pub async fn dump(url: &str, has_binlog: bool, to: &Path) -> Result<()> {
    let program = program(&["mariadb-dump", "mysqldump"]).await?;
    let (access, database) = access(url, program.starts_with("mariadb"))?;
    let mut command = Command::new(program);
    command.arg(access.option()).args(DUMP);
    if has_binlog {
        command.arg(if program == "mariadb-dump" { "--master-data=2" } else { "--source-data=2" });
    }
    let out = File::create(to).with_context(|| format!("{} cannot be written", to.display()))?;
    command.arg(database).stdin(Stdio::null()).stdout(out).stderr(Stdio::piped()).kill_on_drop(true);
    run(command, program).await?;
    ensure!(is_whole(to)?, "{program} ended well and did not write its last line");
    Ok(())
}

/// Whether a dump has its last line.
fn is_whole(dump: &Path) -> Result<bool> {
    let mut dump = File::open(dump)?;
    let length = dump.metadata()?.len();
    dump.seek(SeekFrom::Start(length.saturating_sub(256)))?;
    let mut end = Vec::new();
    dump.read_to_end(&mut end)?;
    Ok(String::from_utf8_lossy(&end).contains("-- Dump completed"))
}

/// Runs a dump in the database of the URL.
pub async fn load(url: &str, from: &Path) -> Result<()> {
    let program = program(&["mariadb", "mysql"]).await?;
    let (access, database) = access(url, program == "mariadb")?;
    let dump = File::open(from).with_context(|| format!("{} cannot be read", from.display()))?;
    let mut command = Command::new(program);
    command.arg(access.option()).args(["--default-character-set=utf8mb4", "--max-allowed-packet=256M"]);
    command.arg(database).stdin(dump).stdout(Stdio::null()).stderr(Stdio::piped()).kill_on_drop(true);
    run(command, program).await
}

async fn run(command: Command, program: &str) -> Result<()> {
    let mut command = command;
    // Not `output`, which would take the standard output for itself.
    let ended = command.spawn()?.wait_with_output().await?;
    let said = String::from_utf8_lossy(&ended.stderr);
    ensure!(ended.status.success(), "{program}: {}", said.trim());
    Ok(())
}

/// The first of these programs that there is.
async fn program(names: &[&'static str]) -> Result<&'static str> {
    for name in names {
        let tried = Command::new(name).arg("--version").stdout(Stdio::null()).stderr(Stdio::null()).status();
        if tried.await.is_ok_and(|status| status.success()) {
            return Ok(name);
        }
    }
    anyhow::bail!("neither {} is on the path", names.join(" nor "))
}

/// A file of options that this user alone can read, gone afterwards: a password on a command line is everybody's.
struct Access(PathBuf);

impl Access {
    /// The server's clients want it as their first argument.
    fn option(&self) -> String {
        format!("--defaults-file={}", self.0.display())
    }
}

impl Drop for Access {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.0);
    }
}

fn access(url: &str, is_mariadb: bool) -> Result<(Access, String)> {
    let url = Url::parse(url).context("DATABASE_URL")?;
    let text = options(&url, is_mariadb)?;
    let database = decoded(url.path().trim_start_matches('/'))?;
    ensure!(!database.is_empty(), "DATABASE_URL names no database");
    let path = std::env::temp_dir().join(format!("konnect-{}.cnf", secret()));
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&path)?;
    let access = Access(path);
    file.write_all(text.as_bytes())?;
    Ok((access, database))
}

fn options(url: &Url, is_mariadb: bool) -> Result<String> {
    let quoted = |text: &str| format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""));
    let mut lines = vec!["[client]".to_owned(), "protocol=tcp".to_owned()];
    lines.push(format!("host={}", quoted(url.host_str().unwrap_or("127.0.0.1"))));
    lines.push(format!("port={}", url.port().unwrap_or(3306)));
    lines.push(format!("user={}", quoted(&decoded(url.username())?)));
    if let Some(password) = url.password() {
        lines.push(format!("password={}", quoted(&decoded(password)?)));
    }
    for (name, value) in url.query_pairs() {
        match (name.as_ref(), is_mariadb) {
            ("ssl-mode", false) => lines.push(format!("ssl-mode={}", value.to_uppercase())),
            ("ssl-mode", true) => match value.to_uppercase().as_str() {
                "DISABLED" | "PREFERRED" => {}
                "REQUIRED" => lines.push("ssl".to_owned()),
                _ => lines.push("ssl\nssl-verify-server-cert".to_owned()),
            },
            ("ssl-ca", _) => lines.push(format!("ssl-ca={}", quoted(&value))),
            _ => {}
        }
    }
    Ok(lines.join("\n") + "\n")
}

/// `%41` is `A`.
fn decoded(text: &str) -> Result<String> {
    let mut bytes = Vec::new();
    let mut rest = text.as_bytes().iter().copied();
    while let Some(byte) = rest.next() {
        if byte != b'%' {
            bytes.push(byte);
            continue;
        }
        let digits = [rest.next(), rest.next()].map(|digit| digit.unwrap_or(b' '));
        bytes.push(u8::from_str_radix(std::str::from_utf8(&digits)?, 16).context("DATABASE_URL")?);
    }
    Ok(String::from_utf8(bytes)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_becomes_options() {
        let url =
            Url::parse("mysql://kon:p%40s%22s%5C@db:3307/konnect?ssl-mode=verify_identity&ssl-ca=/ca.pem");
        let text = options(&url.unwrap(), true).unwrap();
        let expected = "[client]\nprotocol=tcp\nhost=\"db\"\nport=3307\nuser=\"kon\"\npassword=\"p@s\\\"s\\\\\"\n\
            ssl\nssl-verify-server-cert\nssl-ca=\"/ca.pem\"\n";
        assert_eq!(text, expected);
        let url = Url::parse("mysql://root@127.0.0.1/x?ssl-mode=required").unwrap();
        assert!(options(&url, false).unwrap().ends_with("user=\"root\"\nssl-mode=REQUIRED\n"));
        assert!(decoded("%4").is_err());
    }

    #[test]
    fn nobody_else_reads_the_password() {
        use std::os::unix::fs::PermissionsExt;
        let (access, database) = access("mysql://kon:secret@db/konnect", true).unwrap();
        assert_eq!(database, "konnect");
        let path = access.0.clone();
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        drop(access);
        assert!(!path.exists());
    }
}
