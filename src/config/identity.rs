//! Who else may say who somebody is.

use clap::Args;

use super::TrustedIssuers;

/// Signing in by a provider. One without its ids is off.
#[derive(Clone, Debug, Args)]
pub struct IdentityConfig {
    /// Client ids of ours at Google, comma-separated: tokens for others are refused.
    #[arg(long, env = "GOOGLE_CLIENT_IDS", value_delimiter = ',')]
    pub google_client_ids: Vec<String>,
    #[arg(long, env = "GOOGLE_ISSUER_URL", default_value = "https://accounts.google.com")]
    pub google_issuer_url: String,
    /// App keys of ours at Kakao, comma-separated: tokens for others are refused.
    #[arg(long, env = "KAKAO_APP_KEYS", value_delimiter = ',')]
    pub kakao_app_keys: Vec<String>,
    #[arg(long, env = "KAKAO_ISSUER_URL", default_value = "https://kauth.kakao.com")]
    pub kakao_issuer_url: String,
    /// Whether Naver may say so.
    #[arg(long, env = "NAVER_LOGIN", default_value_t = false, action = clap::ArgAction::Set)]
    pub naver_login: bool,
    #[arg(long, env = "NAVER_API_URL", default_value = "https://openapi.naver.com")]
    pub naver_api_url: String,
    /// Others whose tokens are exchanged for sessions, as a JSON list of
    /// `{"name", "issuer", "audiences", "vouchesForEmail"}`.
    #[arg(long, env = "KONNECT_TRUSTED_ISSUERS", default_value = "")]
    pub trusted_issuers: TrustedIssuers,
}

impl Default for IdentityConfig {
    fn default() -> Self {
        super::defaults()
    }
}
