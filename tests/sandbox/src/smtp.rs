//! An ESMTP sink (RFC 5321 with SIZE, PIPELINING and 8BITMIME): takes every mail, sends none.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use serde::Serialize;
use serde_json::json;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufStream};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use crate::calls::Call;
use crate::clock::Instant;
use crate::faults::{Effect, Endpoint, Subject};
use crate::mime;
use crate::smtp_tls::{Encryption, Line};
use crate::state::Shared;
use crate::tally::{Count, Tally};

const MAX_MAIL: usize = 10 * 1024 * 1024;
const MAX_LINE: usize = 4_096;
const MAX_RECIPIENTS: usize = 100;
const IDLE: Duration = Duration::from_secs(300);
const KEPT: usize = 5_000;

/// A mail that was taken.
#[derive(Clone, Debug, Serialize)]
pub struct Mail {
    /// Counts up from 1.
    pub number: u64,
    /// The envelope's sender.
    pub from: String,
    /// The envelope's recipients.
    pub to: Vec<String>,
    /// Decoded.
    pub subject: String,
    /// The plain text part (else the HTML part), decoded, with `\n` line ends.
    pub text: String,
    /// The HTML part, decoded.
    pub html: Option<String>,
    /// The calendar part, decoded.
    pub calendar: Option<String>,
    /// The `Message-ID`, with its angle brackets; empty without one.
    pub message_id: String,
    /// As received, dots unstuffed.
    pub raw: String,
    pub at: Instant,
}

#[derive(Debug, Default)]
pub(crate) struct Mailbox {
    last: u64,
    tally: Tally,
    mails: VecDeque<Mail>,
    /// Nobody gets beyond the greeting.
    down: bool,
}

impl Mailbox {
    pub(crate) fn tally(&self) -> Count {
        self.tally.count()
    }

    fn store(&mut self, from: String, to: Vec<String>, raw: &[u8], at: Instant) {
        self.last += 1;
        let (headers, _) = mime::split(raw);
        self.tally.add(headers.get("message-id").unwrap_or_default().to_owned());
        if self.mails.len() == KEPT {
            self.mails.pop_front();
        }
        self.mails.push_back(Mail {
            number: self.last,
            from,
            to,
            subject: mime::decode_words(headers.get("subject").unwrap_or_default()),
            text: mime::text(raw),
            html: mime::html(raw),
            calendar: mime::calendar(raw),
            message_id: headers.get("message-id").unwrap_or_default().to_owned(),
            raw: String::from_utf8_lossy(raw).into_owned(),
            at,
        });
    }

    pub(crate) fn list(&self) -> Vec<Mail> {
        self.mails.iter().cloned().collect()
    }

    pub(crate) fn get(&self, number: u64) -> Option<Mail> {
        self.mails.iter().find(|mail| mail.number == number).cloned()
    }

    pub(crate) fn clear(&mut self) {
        self.mails.clear();
    }

    pub(crate) fn set_down(&mut self, down: bool) {
        self.down = down;
    }

    pub(crate) fn is_down(&self) -> bool {
        self.down
    }
}

/// Serves until `stop`.
pub(crate) async fn serve(
    listener: TcpListener,
    shared: Arc<Shared>,
    encryption: Encryption,
    stop: CancellationToken,
) {
    loop {
        tokio::select! {
            () = stop.cancelled() => return,
            accepted = listener.accept() => if let Ok((stream, _)) = accepted {
                // Replies are small; Nagle's wait would hold each of them back.
                let _ = stream.set_nodelay(true);
                let (shared, encryption, stop) = (shared.clone(), encryption.clone(), stop.clone());
                let session = async move {
                    let (line, encryption) = encryption.greet(stream).await?;
                    Session::new(line, encryption, shared).run().await
                };
                tokio::spawn(async move {
                    tokio::select! {
                        () = stop.cancelled() => {}
                        ended = session => if let Err(error) = ended {
                            tracing::debug!(%error, "smtp connection ended");
                        }
                    }
                });
            }
        }
    }
}

struct Session {
    stream: BufStream<Line>,
    encryption: Encryption,
    shared: Arc<Shared>,
    greeted: bool,
    from: Option<String>,
    to: Vec<String>,
    /// A fault taken at RCPT that strikes after DATA.
    effect: Option<Effect>,
}

enum Next {
    Go,
    Encrypt,
    Close,
}

impl Session {
    fn new(line: Line, encryption: Encryption, shared: Arc<Shared>) -> Self {
        let stream = BufStream::new(line);
        Self { stream, encryption, shared, greeted: false, from: None, to: Vec::new(), effect: None }
    }

    async fn run(mut self) -> std::io::Result<()> {
        if self.shared.lock().mailbox.is_down() {
            return Ok(());
        }
        self.reply("220 sandbox.local ESMTP").await?;
        loop {
            let Some(line) = self.line().await? else { return Ok(()) };
            // Connections that were open when it went down are cut too.
            if self.shared.lock().mailbox.is_down() {
                return Ok(());
            }
            match self.command(&line).await? {
                Next::Go => {}
                Next::Encrypt => {
                    let (line, encryption) = self.encryption.encrypt(self.stream.into_inner()).await?;
                    self = Self::new(line, encryption, self.shared);
                }
                Next::Close => return Ok(()),
            }
        }
    }

    /// `None` at the end; a line that is too long ends the connection.
    async fn line(&mut self) -> std::io::Result<Option<String>> {
        let mut line = Vec::new();
        let mut limited = (&mut self.stream).take(MAX_LINE as u64);
        let read = tokio::time::timeout(IDLE, limited.read_until(b'\n', &mut line)).await??;
        if read == 0 {
            return Ok(None);
        }
        if !line.ends_with(b"\n") {
            self.reply("500 5.5.6 line too long").await?;
            return Ok(None);
        }
        Ok(Some(String::from_utf8_lossy(&line).trim_end().to_owned()))
    }

    async fn reply(&mut self, text: &str) -> std::io::Result<()> {
        self.stream.write_all(format!("{text}\r\n").as_bytes()).await?;
        self.stream.flush().await
    }

    async fn command(&mut self, line: &str) -> std::io::Result<Next> {
        let (verb, argument) = line.split_once(' ').unwrap_or((line, ""));
        match verb.to_ascii_uppercase().as_str() {
            "EHLO" => {
                self.reset(true);
                let size = MAX_MAIL;
                let offer = if self.encryption.may_encrypt() { "250-STARTTLS\r\n" } else { "" };
                let text = format!(
                    "250-sandbox.local\r\n250-PIPELINING\r\n250-8BITMIME\r\n{offer}250-SMTPUTF8\r\n250 SIZE {size}"
                );
                self.reply(&text).await?;
            }
            "HELO" => {
                self.reset(true);
                self.reply("250 sandbox.local").await?;
            }
            "STARTTLS" if self.encryption.may_encrypt() => {
                self.reply("220 2.0.0 go ahead").await?;
                return Ok(Next::Encrypt);
            }
            // RFC 3207, 4: what needs encryption says so.
            "MAIL" if self.encryption.may_encrypt() => self.reply("530 5.7.0 STARTTLS first").await?,
            "MAIL" => self.mail(argument).await?,
            "RCPT" => return self.recipient(argument).await,
            "DATA" => return self.data().await,
            "RSET" => {
                self.reset(self.greeted);
                self.reply("250 2.0.0 OK").await?;
            }
            "NOOP" => self.reply("250 2.0.0 OK").await?,
            "QUIT" => {
                self.reply("221 2.0.0 bye").await?;
                return Ok(Next::Close);
            }
            "VRFY" => self.reply("252 2.5.0 send some mail and see").await?,
            _ => self.reply("502 5.5.1 command not implemented").await?,
        }
        Ok(Next::Go)
    }

    fn reset(&mut self, greeted: bool) {
        self.greeted = greeted;
        self.from = None;
        self.to.clear();
        self.effect = None;
    }

    async fn mail(&mut self, argument: &str) -> std::io::Result<()> {
        let size = argument.split(' ').find_map(|p| p.strip_prefix("SIZE=")?.parse::<usize>().ok());
        let answer = match path(argument, "FROM:") {
            None => "501 5.5.4 MAIL FROM:<address>",
            Some(_) if !self.greeted => "503 5.5.1 EHLO first",
            Some(_) if self.from.is_some() => "503 5.5.1 sender already given",
            Some(_) if size.is_some_and(|size| size > MAX_MAIL) => "552 5.3.4 message too big",
            Some(from) => {
                self.from = Some(from);
                "250 2.1.0 OK"
            }
        };
        self.reply(answer).await
    }

    async fn recipient(&mut self, argument: &str) -> std::io::Result<Next> {
        let Some(to) = path(argument, "TO:").filter(|to| to.contains('@')) else {
            self.reply("501 5.1.3 RCPT TO:<address>").await?;
            return Ok(Next::Go);
        };
        if self.from.is_none() {
            self.reply("503 5.5.1 MAIL first").await?;
            return Ok(Next::Go);
        }
        if self.to.len() == MAX_RECIPIENTS {
            self.reply("452 4.5.3 too many recipients").await?;
            return Ok(Next::Go);
        }
        let subject = Subject { recipients: vec![to.clone()], ..Subject::default() };
        // One fault a mail: the first recipient that meets one decides.
        if self.effect.is_none() {
            self.effect = self.shared.lock().faults.take(Endpoint::Smtp, &subject, |_| true);
        }
        if let Some((code, text)) = self.effect.as_ref().and_then(refusal) {
            self.effect = None;
            let from = self.from.clone().unwrap_or_default();
            self.note(&from, std::slice::from_ref(&to), Some(code));
            // As servers do: whoever keeps the refusal keeps the address.
            let (status, words) = text.split_once(' ').unwrap_or((text.as_str(), ""));
            self.reply(&format!("{code} {status} <{to}>: {words}")).await?;
            return Ok(Next::Go);
        }
        self.to.push(to);
        self.reply("250 2.1.5 OK").await?;
        Ok(Next::Go)
    }

    async fn data(&mut self) -> std::io::Result<Next> {
        if self.to.is_empty() {
            self.reply("503 5.5.1 RCPT first").await?;
            return Ok(Next::Go);
        }
        self.reply("354 end with <CRLF>.<CRLF>").await?;
        let Some((raw, too_big)) = self.read_mail().await? else { return Ok(Next::Close) };
        let effect = self.effect.take();
        match effect {
            Some(Effect::Delay(time)) => tokio::time::sleep(time).await,
            Some(Effect::Hang(time)) => tokio::time::sleep(time).await,
            _ => {}
        }
        let (from, to) = (self.from.take().unwrap_or_default(), std::mem::take(&mut self.to));
        if matches!(effect, Some(Effect::DropBefore | Effect::Hang(_))) {
            self.note(&from, &to, None);
            return Ok(Next::Close);
        }
        if too_big {
            self.note(&from, &to, Some(552));
            self.reply("552 5.3.4 message too big").await?;
            return Ok(Next::Go);
        }
        let dropped = effect == Some(Effect::DropAfterCommit);
        self.note(&from, &to, (!dropped).then_some(250));
        let now = self.shared.clock.now();
        self.shared.lock().mailbox.store(from, to, &raw, now);
        if dropped {
            return Ok(Next::Close);
        }
        self.reply("250 2.0.0 OK: taken").await?;
        Ok(Next::Go)
    }

    /// The mail with its dots unstuffed, and whether it was too big (then it is read to its end and forgotten).
    async fn read_mail(&mut self) -> std::io::Result<Option<(Vec<u8>, bool)>> {
        let mut mail = Vec::new();
        let mut too_big = false;
        let mut line = Vec::new();
        loop {
            line.clear();
            let mut limited = (&mut self.stream).take(MAX_MAIL as u64);
            if tokio::time::timeout(IDLE, limited.read_until(b'\n', &mut line)).await?? == 0 {
                return Ok(None);
            }
            if line == b".\r\n" || line == b".\n" {
                return Ok(Some((mail, too_big)));
            }
            let unstuffed = line.strip_prefix(b".").unwrap_or(&line);
            too_big |= mail.len() + unstuffed.len() > MAX_MAIL;
            if !too_big {
                mail.extend_from_slice(unstuffed);
            }
        }
    }

    fn note(&self, from: &str, to: &[String], status: Option<u16>) {
        let now = self.shared.clock.now();
        let mut state = self.shared.lock();
        let call = state.calls.open(Call {
            number: 0,
            endpoint: Endpoint::Smtp,
            method: "MAIL".to_owned(),
            path: String::new(),
            payment_key: None,
            order_id: None,
            idempotency_key: None,
            traceparent: None,
            body: json!({ "from": from, "to": to }),
            encrypted: false,
            status: None,
            replayed: false,
            at: now,
        });
        state.calls.close(call, status, false);
    }
}

/// What a commanded refusal says at RCPT.
fn refusal(effect: &Effect) -> Option<(u16, String)> {
    match effect {
        Effect::Status(code) if *code < 500 => Some((*code, "4.2.1 mailbox busy, try later".to_owned())),
        Effect::Status(code) => Some((*code, "5.1.1 no such mailbox".to_owned())),
        Effect::Decline { code, status } => {
            let usual = if code.starts_with('4') { 450 } else { 550 };
            Some((status.unwrap_or(usual), format!("{code} refused")))
        }
        _ => None,
    }
}

/// The address between the angle brackets after `keyword` (`FROM:` or `TO:`).
fn path(argument: &str, keyword: &str) -> Option<String> {
    let head = argument.get(..keyword.len())?;
    let rest = argument[keyword.len()..].trim_start().strip_prefix('<')?;
    let (address, _) = rest.split_once('>')?;
    head.eq_ignore_ascii_case(keyword).then(|| address.to_owned())
}
