//! Mails to test with.

use konnect::notification::Notice;
use konnect_sandbox::Mail;

use crate::{Person, TestApp};

impl TestApp {
    /// The mails that somebody got whose subject is that of this notice kind, oldest first.
    pub async fn mails_about(&self, person: &Person, kind: &str) -> Vec<Mail> {
        let notices = self.mail_notices_of(person, kind).await;
        let ids: Vec<_> = notices.iter().map(|n| format!("<{}@konnect.test>", n.id)).collect();
        let mut mails = self.sandbox.mails_to(&person.email);
        mails.retain(|mail| ids.contains(&mail.message_id));
        mails
    }

    /// The code in the last mail to an address, once jobs have run.
    pub async fn mailed_code(&self, email: &str) -> String {
        self.run_jobs().await;
        let digits = |word: &&str| word.len() == 6 && word.bytes().all(|b| b.is_ascii_digit());
        let code = |mail: &Mail| mail.text.split_whitespace().find(digits).map(str::to_owned);
        self.sandbox.mails_to(email).iter().rev().find_map(code).expect("a mail with a code")
    }

    /// The notices of a kind that go to somebody by mail, oldest first.
    pub async fn mail_notices_of(&self, person: &Person, kind: &str) -> Vec<Notice> {
        let mut notices = self.all_notices_of(person).await;
        notices.retain(|n| n.kind == kind && n.channel.name() == "email");
        notices
    }

    /// The one notice of a kind that goes to somebody by mail: its state and what is said of it.
    pub async fn mail_outcome(&self, person: &Person, kind: &str) -> (&'static str, Option<String>) {
        let notices = self.mail_notices_of(person, kind).await;
        assert_eq!(notices.len(), 1, "{kind}");
        (notices[0].state.name(), notices[0].error.clone())
    }
}
