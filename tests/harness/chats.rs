//! Chats: rooms that are open, files that are uploaded, and messages that are sent without a socket.

use konnect::chat::{self, Access, Draft, Stored, Wish};
use konnect::core::Core;

use crate::{Answer, Booking, Person, TestApp};

impl TestApp {
    /// A reservation that is paid for: its chat is open.
    pub async fn chat(&self) -> Booking {
        let booking = self.booking().await;
        self.pay(&booking).await;
        booking
    }

    pub async fn access(&self, booking: &Booking, person: &Person) -> Access {
        chat::access(self.core.db.pool(), booking.id, person.id).await.expect("a member")
    }

    /// Sends a text over the functions that sockets use.
    pub async fn say(&self, access: &Access, client_id: &str, text: &str) -> Stored {
        say(&self.core, access, client_id, text).await.expect("it is stored")
    }

    /// Uploads a file as a browser does: the body is the file.
    pub async fn upload(
        &self,
        person: &Person,
        booking: &Booking,
        name: &str,
        media_type: &str,
        bytes: &[u8],
    ) -> Answer {
        let http = reqwest::Client::builder().no_proxy().build().expect("an HTTP client");
        let response = http
            .post(format!("{}{}/files", self.base, booking.path()))
            .query(&[("name", name)])
            .bearer_auth(person.client.token().expect("a token"))
            .header("content-type", media_type)
            .body(bytes.to_vec())
            .send()
            .await
            .expect("the API answers");
        let (status, headers) = (response.status(), response.headers().clone());
        let body = response.json().await.expect("JSON");
        Answer { status, headers, body }
    }
}

/// The same for a core of the caller's choice.
pub async fn say(core: &Core, access: &Access, client_id: &str, text: &str) -> Result<Stored, chat::Error> {
    let wish = Wish::Send { text: Some(text.to_owned()), file: None, reply_to: None };
    chat::append(core, access, Draft { client_id: client_id.to_owned(), wish }).await
}
