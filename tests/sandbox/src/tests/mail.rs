use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;

use super::Client;
use crate::{Effect, Endpoint, Fault};

struct Smtp(BufReader<TcpStream>);

impl Smtp {
    async fn connect(c: &Client) -> Self {
        let address = c.sandbox.smtp_url().strip_prefix("smtp://").expect("plain SMTP");
        let mut smtp = Self(BufReader::new(TcpStream::connect(address).await.expect("connected")));
        assert_eq!(smtp.reply().await, 220);
        assert_eq!(smtp.say("EHLO test").await, 250);
        smtp
    }

    /// The code of the last line of a reply; 0 when the connection is gone.
    async fn reply(&mut self) -> u16 {
        loop {
            let mut line = String::new();
            if self.0.read_line(&mut line).await.unwrap_or(0) == 0 {
                return 0;
            }
            if line.as_bytes().get(3) != Some(&b'-') {
                return line[..3].parse().expect("a code");
            }
        }
    }

    async fn write(&mut self, text: &str) {
        self.0.get_mut().write_all(text.as_bytes()).await.expect("written");
    }

    async fn say(&mut self, command: &str) -> u16 {
        self.write(&format!("{command}\r\n")).await;
        self.reply().await
    }

    async fn envelope(&mut self, to: &str) -> u16 {
        assert_eq!(self.say("MAIL FROM:<no-reply@konnect.test>").await, 250);
        self.say(&format!("RCPT TO:<{to}>")).await
    }

    async fn data(&mut self, mail: &str) -> u16 {
        assert_eq!(self.say("DATA").await, 354);
        self.say(&format!("{mail}\r\n.")).await
    }
}

const MAIL: &str = "Subject: =?utf-8?B?7JiI7JW9?= 1\r\nContent-Type: text/plain; charset=utf-8\r\n\
    Content-Transfer-Encoding: base64\r\n\r\n7JiI7JW9DQouDQo=";

#[tokio::test]
async fn a_mail_is_taken_decoded_and_shown() {
    let c = Client::start().await;
    let mut smtp = Smtp::connect(&c).await;
    assert_eq!(smtp.envelope("a@b.kr").await, 250);
    assert_eq!(smtp.data(MAIL).await, 250);
    assert_eq!(smtp.envelope("dots@b.kr").await, 250);
    assert_eq!(smtp.data("Subject: <dots>\r\n\r\n..\r\n..x").await, 250);
    assert_eq!(smtp.say("NOOP").await, 250);
    assert_eq!(smtp.say("QUIT").await, 221);
    let mails = c.sandbox.mails();
    assert_eq!((&*mails[0].subject, &*mails[0].text), ("예약 1", "예약\n.\n"));
    assert_eq!((&*mails[0].from, &*mails[0].to), ("no-reply@konnect.test", &["a@b.kr".to_owned()][..]));
    assert_eq!(mails[1].raw, "Subject: <dots>\r\n\r\n.\r\n.x\r\n");
    assert_eq!(c.sandbox.mails_to("dots@b.kr").len(), 1);
    assert!(c.get("/mail").await.text.contains("예약 1"));
    let shown = c.get("/mail/2").await.text;
    assert!(shown.contains("&lt;dots&gt;") && !shown.contains("<dots>"));
    assert_eq!(c.get("/mail/3").await.status, 404);
    assert_eq!(c.get("/sandbox/mails").await.json[0]["subject"], "예약 1");
}

#[tokio::test]
async fn commands_may_be_pipelined_and_must_be_in_order() {
    let c = Client::start().await;
    let mut smtp = Smtp::connect(&c).await;
    assert_eq!(smtp.say("RCPT TO:<a@b.kr>").await, 503);
    assert_eq!(smtp.say("DATA").await, 503);
    assert_eq!(smtp.say("MAIL FROM:<x@y.kr> SIZE=99999999").await, 552);
    assert_eq!(smtp.say("MAIL nobody").await, 501);
    assert_eq!(smtp.say("BDAT 1").await, 502);
    smtp.write("MAIL FROM:<>\r\nRCPT TO:<a@b.kr>\r\nRCPT TO:<c@d.kr>\r\nDATA\r\n").await;
    let mut replies = Vec::new();
    for _ in 0..4 {
        replies.push(smtp.reply().await);
    }
    assert_eq!(replies, [250, 250, 250, 354]);
    assert_eq!(smtp.say("Subject: x\r\n\r\nhello\r\n.").await, 250);
    assert_eq!(c.sandbox.mails()[0].to.len(), 2);
}

#[tokio::test]
async fn a_mail_over_ten_megabytes_is_refused() {
    let c = Client::start().await;
    let mut smtp = Smtp::connect(&c).await;
    smtp.envelope("a@b.kr").await;
    let line = format!("{}\r\n", "x".repeat(998));
    assert_eq!(smtp.data(&line.repeat(10_600)).await, 552);
    assert_eq!(smtp.envelope("a@b.kr").await, 250);
    assert_eq!(smtp.data(MAIL).await, 250);
    assert_eq!(c.sandbox.mails().len(), 1);
}

#[tokio::test]
async fn commanded_refusals_and_a_lost_answer() {
    let c = Client::start().await;
    c.sandbox.fault(Fault::once(Endpoint::Smtp, Effect::Status(450)).for_recipient("a@b.kr"));
    c.sandbox.fault(Fault::once(Endpoint::Smtp, Effect::Status(550)).for_recipient("a@b.kr"));
    let mut smtp = Smtp::connect(&c).await;
    assert_eq!(smtp.envelope("a@b.kr").await, 450);
    assert_eq!(smtp.say("RSET").await, 250);
    assert_eq!(smtp.envelope("a@b.kr").await, 550);
    assert_eq!(smtp.say("RCPT TO:<a@b.kr>").await, 250);
    c.sandbox.fault(Fault::once(Endpoint::Smtp, Effect::DropAfterCommit));
    assert_eq!(smtp.say("RSET").await, 250);
    smtp.envelope("a@b.kr").await;
    assert_eq!(smtp.data(MAIL).await, 0);
    assert_eq!(c.sandbox.mails().len(), 1);

    c.sandbox.fault(Fault::once(Endpoint::Smtp, Effect::DropBefore));
    let mut smtp = Smtp::connect(&c).await;
    smtp.envelope("a@b.kr").await;
    assert_eq!(smtp.data(MAIL).await, 0);
    assert_eq!(c.sandbox.mails().len(), 1);
    let answers: Vec<_> = c.sandbox.calls_to(Endpoint::Smtp).iter().map(|call| call.status).collect();
    assert_eq!(answers, [Some(450), Some(550), None, None]);
}

const PARTS: &str = "Subject: x\r\nMessage-ID: <1@konnect.test>\r\nContent-Type: multipart/alternative; boundary=b\r\n\r\n\
    --b\r\nContent-Type: text/plain\r\n\r\nhello\r\n\
    --b\r\nContent-Type: text/html\r\n\r\n<script>alert(1)</script><p>hello</p>\r\n\
    --b\r\nContent-Type: text/calendar; method=REQUEST\r\n\r\nBEGIN:VCALENDAR\r\nEND:VCALENDAR\r\n--b--";

#[tokio::test]
async fn html_is_shown_in_a_frame_that_can_do_nothing() {
    let c = Client::start().await;
    let mut smtp = Smtp::connect(&c).await;
    smtp.envelope("a@b.kr").await;
    assert_eq!(smtp.data(PARTS).await, 250);
    let mail = &c.sandbox.mails()[0];
    assert_eq!((&*mail.text, &*mail.message_id), ("hello", "<1@konnect.test>"));
    let shown = c.get("/mail/1").await.text;
    assert!(shown.contains("<iframe sandbox ") && shown.contains("/mail/1/invite.ics"), "{shown}");
    assert!(!shown.contains("<script"), "{shown}");
    let frame = reqwest::get(format!("{}/mail/1/html", c.sandbox.url())).await.expect("an answer");
    let policy = frame.headers()["content-security-policy"].to_str().expect("text").to_owned();
    assert!(policy.starts_with("sandbox; default-src 'none'"), "{policy}");
    assert!(frame.text().await.expect("text").contains("<p>hello</p>"));
    let file = reqwest::get(format!("{}/mail/1/invite.ics", c.sandbox.url())).await.expect("an answer");
    assert!(file.headers()["content-disposition"].to_str().expect("text").starts_with("attachment"));
    assert_eq!(file.text().await.expect("text"), "BEGIN:VCALENDAR\r\nEND:VCALENDAR");
    assert_eq!(c.get("/mail/2/html").await.status, 404);
}

#[tokio::test]
async fn a_server_that_is_down_takes_nothing_and_comes_back() {
    let c = Client::start().await;
    let mut open = Smtp::connect(&c).await;
    c.sandbox.mail_server_down(true);
    assert_eq!(open.say("NOOP").await, 0, "who was connected is cut");
    let address = c.sandbox.smtp_url().strip_prefix("smtp://").expect("plain SMTP").to_owned();
    let mut late = Smtp(BufReader::new(TcpStream::connect(address).await.expect("connected")));
    assert_eq!(late.reply().await, 0);
    c.sandbox.mail_server_down(false);
    let mut smtp = Smtp::connect(&c).await;
    assert_eq!(smtp.envelope("a@b.kr").await, 250);
    assert_eq!(smtp.data(MAIL).await, 250);
}

#[tokio::test]
async fn a_refusal_says_what_it_is_about() {
    let c = Client::start().await;
    let mut smtp = Smtp::connect(&c).await;
    for (code, status, reply) in [("5.7.1", None, 550), ("5.2.2", Some(552), 552), ("4.7.1", None, 450)] {
        let effect = Effect::Decline { code: code.to_owned(), status };
        c.sandbox.fault(Fault::once(Endpoint::Smtp, effect));
        assert_eq!(smtp.envelope("a@b.kr").await, reply, "{code}");
        assert_eq!(smtp.say("RSET").await, 250);
    }
    let nonsense = Fault::once(Endpoint::Smtp, Effect::decline("REJECT_CARD_PAYMENT"));
    assert!(nonsense.check().is_err());
}
