//! One of the people of the story: their account, their tokens, their socket.

use anyhow::{Context, Result};
use chrono::{DateTime, Utc};
use konnect::id::secret;
use konnect_tools::client::{Answer, Door, Request, Rest, Socket};
use serde_json::{Value, json};

use super::ears::Ears;
use super::text::{instant, short_path};
use super::timeline::{Mark, Timeline};

/// How a person's browser enters the WebSocket.
#[derive(Clone, Copy)]
pub enum Entry {
    Ticket,
    Subprotocol,
}

pub struct Person {
    pub role: &'static str,
    pub email: String,
    pub rest: Rest,
    pub ears: Ears,
    line: Timeline,
    entry: Entry,
    refresh_token: String,
    /// UTC.
    pub access_expires_at: DateTime<Utc>,
    pub roles: Vec<String>,
}

impl Person {
    /// Somebody who is not logged in yet.
    pub fn new(line: &Timeline, rest: &Rest, role: &'static str, entry: Entry, email: &str) -> Self {
        Self {
            role,
            email: email.to_owned(),
            rest: rest.clone(),
            ears: Ears::new(role, line.clone()),
            line: line.clone(),
            entry,
            refresh_token: String::new(),
            access_expires_at: DateTime::UNIX_EPOCH,
            roles: Vec::new(),
        }
    }

    pub async fn log_in(&mut self, password: &str) -> Result<()> {
        let body = json!({ "email": self.email, "password": password });
        let login = self.rest.post("/v1/auth/login").json(&body);
        let answer = self.send(login, 200, |body| format!("roles {}", roles(body).join(", "))).await?;
        self.take_tokens(&answer)
    }

    /// A fresh pair of tokens for the one that is used up.
    pub async fn refresh(&mut self) -> Result<()> {
        let body = json!({ "refreshToken": self.refresh_token });
        // Not with the old access token: it may have expired.
        let request = self.rest.post("/v1/auth/refresh").json(&body);
        let answer = self.send(request, 200, |body| format!("roles {}", roles(body).join(", "))).await?;
        self.take_tokens(&answer)
    }

    /// The same for the socket that is open, too.
    pub async fn refresh_socket(&mut self) -> Result<()> {
        self.refresh().await?;
        self.ears.refresh(self.rest.token().context("not logged in")?).await
    }

    /// Gives a command for a room and prints it with its answer. `note` shows what matters of that.
    ///
    /// # Errors
    /// When it is refused.
    pub async fn ask(
        &mut self,
        kind: &str,
        room: &str,
        fields: Value,
        note: impl FnOnce(&Value) -> String,
    ) -> Result<Value> {
        let data = self.ears.ask(kind, room, &fields).await?;
        let what = format!("{kind:<50} ok  {}", note(&data));
        self.line.line(self.role, Mark::Call, what.trim_end());
        Ok(data)
    }

    fn take_tokens(&mut self, tokens: &Value) -> Result<()> {
        let access = tokens["accessToken"].as_str().context("accessToken")?;
        self.rest = self.rest.with_token(access);
        self.refresh_token = tokens["refreshToken"].as_str().context("refreshToken")?.to_owned();
        self.access_expires_at = instant(&tokens["accessExpiresAt"]).context("accessExpiresAt")?;
        self.roles = roles(tokens);
        Ok(())
    }

    /// Opens the WebSocket; the second time it goes on after the last event that arrived.
    pub async fn connect(&mut self, resume: bool) -> Result<()> {
        let after = resume.then(|| self.ears.last());
        let base = self.rest.base().to_owned();
        let token = self.rest.token().context("not logged in")?.to_owned();
        let (how, (socket, welcome)) = match self.entry {
            Entry::Ticket => {
                let answer =
                    self.send(self.rest.post("/v1/realtime/tickets"), 200, |_| String::new()).await?;
                let ticket = answer["ticket"].as_str().context("ticket")?;
                ("by ticket", Socket::open(&base, Door::Ticket(ticket), after).await?)
            }
            Entry::Subprotocol => {
                ("by subprotocol", Socket::open(&base, Door::Subprotocol(&token), after).await?)
            }
        };
        let missed = welcome.head - welcome.after;
        let from = match after {
            Some(after) => format!("GET /v1/ws → welcome, resumes after #{after}, {missed} missed"),
            None => "GET /v1/ws → welcome".to_owned(),
        };
        self.line.line(self.role, Mark::Call, &format!("{from} ({how})"));
        self.ears.attach(socket, welcome);
        Ok(())
    }

    /// Sends a request, prints it with its answer, and gives the answer's body. `note` shows what matters of it.
    ///
    /// # Errors
    /// When another status comes than the one expected.
    pub async fn send(
        &self,
        request: Request,
        status: u16,
        note: impl FnOnce(&Value) -> String,
    ) -> Result<Value> {
        let answer = request.send().await?;
        self.show(&answer, note);
        Ok(answer.expect(status)?.body)
    }

    fn show(&self, answer: &Answer, note: impl FnOnce(&Value) -> String) {
        let note = if answer.status < 400 { note(&answer.body) } else { problem(&answer.body) };
        let call = format!("{} {}", answer.method, short_path(&answer.path));
        let what = format!("{call:<50} {} {note}", answer.status);
        self.line.line(self.role, Mark::Call, what.trim_end());
    }
}

/// A fresh value for `Idempotency-Key`.
pub fn idempotency_key() -> String {
    secret()
}

fn problem(body: &Value) -> String {
    body["code"].as_str().unwrap_or_default().to_owned()
}

fn roles(tokens: &Value) -> Vec<String> {
    let roles = tokens["user"]["roles"].as_array();
    roles.into_iter().flatten().filter_map(Value::as_str).map(str::to_owned).collect()
}
