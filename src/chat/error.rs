use super::store::Fault;
use crate::core::FilesError;

#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("no such reservation, or not the caller's")]
    NotFound,
    #[error("the reservation was never paid for")]
    NotOpen,
    #[error("the room can only be read")]
    Closed,
    #[error("no such message, or it was deleted")]
    MessageNotFound,
    #[error("the message is another's")]
    NotAuthor,
    #[error("the time to change the message is over")]
    EditWindowOver,
    #[error("a message without anything in it")]
    TextEmpty,
    #[error("a text of more than 4000 characters")]
    TextTooLong,
    #[error("not an emoji")]
    EmojiInvalid,
    #[error("the message has as many kinds of reactions as it may")]
    ReactionLimit,
    #[error("the client's id of the message is not short and plain")]
    ClientIdInvalid,
    #[error("the client's id stands for something else already")]
    ClientIdReused,
    #[error("no such file, or it cannot be sent")]
    FileNotFound,
    #[error("a type of file that is not taken")]
    FileType,
    #[error("the file is larger than it may be")]
    FileTooLarge,
    #[error("too many uploads that were not sent")]
    FileLimit,
    #[error("the upload broke off: {0}")]
    Upload(std::io::Error),
    #[error("others wrote into the room at the same moment, again and again")]
    Crowded,
    /// MongoDB was asked to store it and did not answer: it may be stored or not.
    #[error("MongoDB did not answer")]
    Unanswered(#[source] Fault),
    #[error("MongoDB")]
    Store(#[from] Fault),
    #[error("the store of files")]
    Files(#[from] FilesError),
    #[error("database")]
    Database(#[from] sqlx::Error),
}

impl Error {
    pub fn code(&self) -> &'static str {
        match self {
            Self::NotFound => "reservation.not_found",
            Self::NotOpen => "chat.not_open",
            Self::Closed => "chat.closed",
            Self::MessageNotFound => "chat.message_not_found",
            Self::NotAuthor => "chat.not_author",
            Self::EditWindowOver => "chat.edit_window_over",
            Self::TextEmpty => "chat.text_empty",
            Self::TextTooLong => "chat.text_too_long",
            Self::EmojiInvalid => "chat.emoji_invalid",
            Self::ReactionLimit => "chat.reaction_limit",
            Self::ClientIdInvalid => "chat.client_id_invalid",
            Self::ClientIdReused => "chat.client_id_reused",
            Self::FileNotFound => "chat.file_not_found",
            Self::FileType => "chat.file_type",
            Self::FileTooLarge => "chat.file_too_large",
            Self::FileLimit => "chat.file_limit",
            Self::Upload(_) => "request.invalid",
            Self::Unanswered(_) => "chat.unanswered",
            Self::Crowded | Self::Files(_) => "service.unavailable",
            Self::Store(fault) if fault.is_away() => "service.unavailable",
            Self::Store(_) | Self::Database(_) => "internal",
        }
    }

    /// The code of the sockets' protocol.
    pub fn refusal(&self) -> &'static str {
        match self {
            Self::NotFound => "NOT_PARTICIPANT",
            Self::NotOpen => "CHAT_NOT_OPEN",
            Self::Closed => "CHAT_CLOSED",
            Self::MessageNotFound => "MESSAGE_NOT_FOUND",
            Self::NotAuthor => "NOT_AUTHOR",
            Self::EditWindowOver => "EDIT_WINDOW_OVER",
            Self::TextTooLong => "TEXT_TOO_LONG",
            Self::TextEmpty | Self::EmojiInvalid | Self::ClientIdInvalid | Self::ReactionLimit => {
                "frame.invalid"
            }
            Self::ClientIdReused => "CLIENT_ID_REUSED",
            Self::FileNotFound | Self::FileType | Self::FileTooLarge | Self::FileLimit | Self::Upload(_) => {
                "FILE_NOT_FOUND"
            }
            Self::Unanswered(_) | Self::Crowded | Self::Files(_) => "UNAVAILABLE",
            Self::Store(fault) if fault.is_away() => "UNAVAILABLE",
            Self::Database(sqlx::Error::PoolTimedOut | sqlx::Error::Io(_) | sqlx::Error::PoolClosed) => {
                "UNAVAILABLE"
            }
            Self::Store(_) | Self::Database(_) => "INTERNAL",
        }
    }

    /// The field that is to blame, where one is.
    pub fn field(&self) -> Option<&'static str> {
        match self {
            Self::TextEmpty | Self::TextTooLong => Some("text"),
            Self::EmojiInvalid | Self::ReactionLimit => Some("emoji"),
            Self::ClientIdInvalid | Self::ClientIdReused => Some("clientId"),
            _ => None,
        }
    }

    /// Whether it says no to what was asked; otherwise something of ours is away or broken.
    pub fn is_refusal(&self) -> bool {
        !matches!(
            self,
            Self::Unanswered(_) | Self::Crowded | Self::Store(_) | Self::Files(_) | Self::Database(_)
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_answer_is_no_failure_and_says_so() {
        let unanswered = Error::Unanswered(Fault::Late);
        assert_eq!((unanswered.code(), unanswered.refusal()), ("chat.unanswered", "UNAVAILABLE"));
        assert_eq!(
            Error::Store(Fault::Late).code(),
            "service.unavailable",
            "before anything was asked to be stored"
        );
        assert!(!unanswered.is_refusal());
    }
}
