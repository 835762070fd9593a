use crate::outside::Refused;

#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("no such endpoint")]
    NotFound,
    #[error("no such delivery")]
    DeliveryNotFound,
    #[error("the address is refused: {0}")]
    Address(Refused),
    #[error("{0} is no type of event")]
    UnknownType(String),
    #[error("there are as many endpoints as there may be")]
    Limit,
    #[error("the endpoint changed meanwhile")]
    Stale,
    #[error("the endpoint is in a state that does not allow this")]
    WrongState,
    #[error("the delivery is under way or was made")]
    NotReplayable,
    #[error("a secret cannot be opened")]
    Secret(#[from] crate::seal::SealError),
    #[error("database")]
    Database(#[from] sqlx::Error),
}

impl Error {
    /// The stable problem code.
    pub fn code(&self) -> &'static str {
        match self {
            Self::NotFound => "webhook.endpoint_not_found",
            Self::DeliveryNotFound => "webhook.delivery_not_found",
            Self::Address(_) => "webhook.address_refused",
            Self::UnknownType(_) => "webhook.type_unknown",
            Self::Limit => "webhook.endpoint_limit",
            Self::Stale => "webhook.endpoint_stale",
            Self::WrongState => "webhook.wrong_state",
            Self::NotReplayable => "webhook.not_replayable",
            Self::Secret(_) | Self::Database(_) => "internal",
        }
    }
}
