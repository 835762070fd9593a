//! Where the files of chats lie.

use std::path::PathBuf;

use clap::Args;
use secrecy::SecretString;

/// A folder, or a bucket behind the S3 protocol when `KONNECT_S3_BUCKET` is set.
#[derive(Clone, Debug, Args)]
pub struct FilesConfig {
    /// The folder of files; with a bucket, of those that are on their way to it. Shared by every api process.
    #[arg(long, env = "KONNECT_FILES_DIR", default_value = "files")]
    pub files_dir: PathBuf,
    /// The address of an S3 service; buckets are addressed by path (`https://host/bucket/key`).
    #[arg(long, env = "KONNECT_S3_URL", default_value = "https://s3.ap-northeast-2.amazonaws.com")]
    pub s3_url: String,
    #[arg(long, env = "KONNECT_S3_REGION", default_value = "ap-northeast-2")]
    pub s3_region: String,
    /// Files lie in this bucket; in the folder when absent.
    #[arg(
        long,
        env = "KONNECT_S3_BUCKET",
        requires_all = ["s3_access_key", "s3_secret_key"],
        value_parser = clap::builder::NonEmptyStringValueParser::new()
    )]
    pub s3_bucket: Option<String>,
    #[arg(long, env = "KONNECT_S3_ACCESS_KEY", hide_env_values = true)]
    pub s3_access_key: Option<String>,
    #[arg(long, env = "KONNECT_S3_SECRET_KEY", hide_env_values = true)]
    pub s3_secret_key: Option<SecretString>,
}

impl FilesConfig {
    /// Files in a folder.
    pub fn folder(files_dir: PathBuf) -> Self {
        Self {
            files_dir,
            s3_url: String::new(),
            s3_region: String::new(),
            s3_bucket: None,
            s3_access_key: None,
            s3_secret_key: None,
        }
    }
}
