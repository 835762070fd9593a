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
