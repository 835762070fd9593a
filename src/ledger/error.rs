#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("the lines of {key} do not sum to zero")]
    Unbalanced { key: String },
    #[error("database")]
    Database(#[from] sqlx::Error),
}

impl Error {
    /// Both are our own faults: no request can cause them.
    pub fn code(&self) -> &'static str {
        "internal"
    }
}
