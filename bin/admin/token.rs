//! A token without a password: for development alone.

use anyhow::{Result, ensure};
use clap::Args;
use konnect::auth::{SigningKeys, Tokens};
use konnect::config::TokenConfig;
use konnect::mentor;
use konnect::transact;
use konnect::user;
use secrecy::ExposeSecret;

use crate::people::by_email;
use crate::stores::{Stores, context};

#[derive(Args)]
pub struct Command {
    #[arg(long)]
    email: String,
    /// Also where no development clock is set, which is where real people's data are
    #[arg(long)]
    yes: bool,
    #[command(flatten)]
    tokens: TokenConfig,
    #[command(flatten)]
    stores: Stores,
}

impl Command {
    /// Opens a session for somebody and prints its access token, and nothing else.
    pub async fn run(&self) -> Result<()> {
        let development = self.stores.config.clock_file.is_some();
        ensure!(
            development || self.yes,
            "KONNECT_CLOCK_FILE is not set, so this is no development system: --yes"
        );
        let tokens = Tokens::new(SigningKeys::load(&self.tokens)?, &self.tokens);
        let core = self.stores.connect().await?;
        let id = by_email(&core, &self.email).await?.id;
        let (user, grant) = transact!(core.db, context(), user::Error, tx => {
            user::open_session(tx, id, "admin token", tokens.refresh_life()).await
        })?;
        let roles = user.roles(mentor::is_approved(core.db.pool(), id).await?);
        let access = tokens.issue(id, grant.session_id, &roles, core.clock.now())?;
        say!("{}", access.token.expose_secret());
        Ok(())
    }
}
