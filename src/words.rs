//! Enums that stand in the database as words.

/// Stores an enum as its word in a VARCHAR column: `words!(State { Ready => "ready", … })` gives it `name()`,
/// `parse()`, `ALL` and the database's traits. (sqlx derives them for columns of the type ENUM alone.)
#[macro_export]
macro_rules! words {
    ($name:ident { $($variant:ident => $word:literal),+ $(,)? }) => {
        impl $name {
            pub const ALL: &'static [Self] = &[$(Self::$variant),+];

            /// The word in rows.
            pub fn name(self) -> &'static str {
                match self {
                    $(Self::$variant => $word),+
                }
            }

            /// The value of a word; `None` for any other.
            pub fn parse(word: &str) -> Option<Self> {
                Self::ALL.iter().copied().find(|known| known.name() == word)
            }
        }

        impl ::sqlx::Type<::sqlx::MySql> for $name {
            fn type_info() -> ::sqlx::mysql::MySqlTypeInfo {
                <str as ::sqlx::Type<::sqlx::MySql>>::type_info()
            }

            fn compatible(info: &::sqlx::mysql::MySqlTypeInfo) -> bool {
                <str as ::sqlx::Type<::sqlx::MySql>>::compatible(info)
            }
        }

        impl ::sqlx::Encode<'_, ::sqlx::MySql> for $name {
            fn encode_by_ref(
                &self,
                buffer: &mut Vec<u8>,
            ) -> Result<::sqlx::encode::IsNull, ::sqlx::error::BoxDynError> {
                <&str as ::sqlx::Encode<'_, ::sqlx::MySql>>::encode_by_ref(&self.name(), buffer)
            }
        }

        impl<'r> ::sqlx::Decode<'r, ::sqlx::MySql> for $name {
            fn decode(value: ::sqlx::mysql::MySqlValueRef<'r>) -> Result<Self, ::sqlx::error::BoxDynError> {
                let word = <&str as ::sqlx::Decode<'r, ::sqlx::MySql>>::decode(value)?;
                Self::parse(word).ok_or_else(|| format!("{word} is no {}", stringify!($name)).into())
            }
        }
    };
}
