//! The mail half of delivering a notice.
//!
//! Whether a server refused the mail, its recipient's mailbox or merely this moment decides what follows: the first is
//! this notice's end, the second also counts for the address, the third is tried again under the same Message-ID.

use anyhow::Result;
use konnect::client::mail::{Calendar, Mail, MailError};
use konnect::id::NoticeId;
use konnect::notification::{self, Ending, Letter, MailRoom, Taken};
use konnect::transact;

use crate::deliver_notice::{conclude, defer, taken};
use crate::{Outcome, Run};

/// `to_forgive`: the address refused mails before; those that it did not take at all do not count once it takes one.
pub(crate) async fn deliver_mail(
    run: &Run,
    id: NoticeId,
    letter: &Letter,
    to_forgive: bool,
) -> Result<Outcome> {
    let mail = compose(letter, &run.services.mail_room, id.to_string());
    match run.services.mailer.send(mail).await {
        Ok(sent) if to_forgive => transact!(run.services.core.db, run.context(), anyhow::Error, tx => {
            let finished = run.finish(tx).await?;
            notification::mail_taken_at_last(tx, id, &letter.to, sent.message_id.clone()).await?;
            Ok(Outcome::Done(finished))
        }),
        Ok(sent) => taken(run, Taken { id, provider_id: sent.message_id, devices: Vec::new() }).await,
        Err(MailError::Mailbox { why, gone }) => {
            transact!(run.services.core.db, run.context(), anyhow::Error, tx => {
                let finished = run.finish(tx).await?;
                notification::mailbox_refused(tx, id, letter.owner, &letter.to, &why, gone).await?;
                Ok(Outcome::Done(finished))
            })
        }
        Err(error @ MailError::Permanent(_)) => conclude(run, id, &Ending::Failed(error.to_string())).await,
        Err(error @ MailError::Transient(_)) => defer(run, id, error.to_string(), None).await,
    }
}

/// The mail of a letter. `id` names what it tells, and is the same on every try.
pub(crate) fn compose(letter: &Letter, room: &MailRoom, id: String) -> Mail {
    let written = letter.write(room);
    Mail {
        to: written.to,
        subject: written.subject,
        text: written.text,
        html: Some(written.html),
        calendar: written.calendar.map(|(method, body)| Calendar { method, body }),
        unsubscribe: written.unsubscribe,
        message_id: id,
    }
}
