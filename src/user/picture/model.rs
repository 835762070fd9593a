//! A picture, and where its bytes are.

use crate::id::PictureId;

#[derive(Clone, Debug, sqlx::FromRow)]
pub struct Picture {
    pub id: PictureId,
    /// Its name in the store of files.
    pub file_key: String,
    /// What its bytes are.
    pub media_type: String,
}
