//! Accounts and mentors.

use anyhow::{Context as _, Result, bail};
use clap::{Subcommand, ValueEnum};
use konnect::auth::{HashCost, Hasher};
use konnect::core::Core;
use konnect::mentor::{self, Decision};
use konnect::transact;
use konnect::user::{self, Email, Filter, Locale, NewUser, State, User};
use secrecy::{ExposeSecret, SecretString};

use crate::stores::{Stores, context};

#[derive(Subcommand)]
pub enum UserCommand {
    /// List accounts, newest first
    List {
        #[arg(long)]
        state: Option<StateName>,
        #[arg(long, default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..=10_000))]
        limit: u32,
        #[command(flatten)]
        stores: Stores,
    },
    /// Suspend an account and end its logins
    Suspend {
        #[arg(long)]
        email: String,
        #[arg(long)]
        reason: String,
        #[command(flatten)]
        stores: Stores,
    },
    /// Let a suspended account in again
    Reinstate {
        #[arg(long)]
        email: String,
        #[arg(long)]
        reason: String,
        #[command(flatten)]
        stores: Stores,
    },
    /// Take somebody's second factor away and end their logins: make sure that it is them who ask
    DropSecondFactor {
        #[arg(long)]
        email: String,
        #[arg(long)]
        reason: String,
        #[command(flatten)]
        stores: Stores,
    },
    /// Make somebody an administrator
    MakeAdmin {
        #[arg(long)]
        email: String,
        #[command(flatten)]
        stores: Stores,
    },
    /// Make an account
    Create {
        #[arg(long)]
        email: String,
        #[arg(long)]
        name: String,
        #[arg(long, default_value = "ko", value_parser = locale)]
        locale: Locale,
        /// An IANA name
        #[arg(long, default_value = "Asia/Seoul")]
        time_zone: String,
        /// Better given by the environment, where other users of the machine do not see it
        #[arg(long, env = "KONNECT_NEW_PASSWORD", hide_env_values = true)]
        password: SecretString,
        #[command(flatten)]
        stores: Stores,
    },
}

#[derive(Subcommand)]
pub enum MentorCommand {
    /// Approve somebody's application
    Approve {
        #[arg(long)]
        email: String,
        #[command(flatten)]
        stores: Stores,
    },
}

#[derive(Clone, Copy, Debug, ValueEnum)]
pub enum StateName {
    Active,
    Suspended,
    Leaving,
    Deleted,
}

fn locale(word: &str) -> Result<Locale, String> {
    Locale::parse(word).ok_or_else(|| "is ko or en".to_owned())
}

impl UserCommand {
    pub async fn run(self) -> Result<()> {
        match self {
            Self::List { state, limit, stores } => list(&stores.connect().await?, state, limit).await,
            Self::Suspend { email, reason, stores } => {
                let core = stores.connect().await?;
                let id = by_email(&core, &email).await?.id;
                let user = transact!(core.db, context(), user::Error, tx => {
                    user::suspend(tx, id, &reason).await
                })?;
                print(&user);
                Ok(())
            }
            Self::Reinstate { email, reason, stores } => {
                let core = stores.connect().await?;
                let id = by_email(&core, &email).await?.id;
                let user = transact!(core.db, context(), user::Error, tx => {
                    user::reinstate(tx, id, &reason).await
                })?;
                print(&user);
                Ok(())
            }
            Self::DropSecondFactor { email, reason, stores } => {
                let core = stores.connect().await?;
                let id = by_email(&core, &email).await?.id;
                let user = transact!(core.db, context(), user::Error, tx => {
                    user::drop_second_factor(tx, id, &reason).await
                })?;
                print(&user);
                Ok(())
            }
            Self::MakeAdmin { email, stores } => {
                let core = stores.connect().await?;
                let id = by_email(&core, &email).await?.id;
                let user =
                    transact!(core.db, context(), user::Error, tx => { user::make_admin(tx, id).await })?;
                print(&user);
                Ok(())
            }
            Self::Create { email, name, locale, time_zone, password, stores } => {
                let new = NewUser::parse(&email, &name, locale, &time_zone)?;
                user::check_password(password.expose_secret(), &new.email)?;
                let core = stores.connect().await?;
                print(&create(&core, &new, &password).await?);
                Ok(())
            }
        }
    }
}

impl MentorCommand {
    pub async fn run(self) -> Result<()> {
        let Self::Approve { email, stores } = self;
        let core = stores.connect().await?;
        let id = by_email(&core, &email).await?.id;
        let version = mentor::find(core.db.pool(), id).await?.version;
        transact!(core.db, context(), mentor::Error, tx => {
            mentor::decide(tx, id, Decision::Approve, version).await
        })?;
        say!("{email} is a mentor from the next access token on");
        Ok(())
    }
}

/// Makes an account whose parts were checked.
pub async fn create(core: &Core, new: &NewUser, password: &SecretString) -> Result<User> {
    let hash = Hasher::new(HashCost::Production)?.hash(password).await?;
    let user = transact!(core.db, context(), user::Error, tx => { user::register(tx, new, &hash).await })?;
    Ok(user)
}

pub async fn by_email(core: &Core, email: &str) -> Result<User> {
    let address = Email::parse(email).with_context(|| format!("{email:?} is no e-mail address"))?;
    match user::find_by_email(core.db.pool(), &address).await? {
        Some(user) => Ok(user),
        None => bail!("nobody has the address {address}"),
    }
}

async fn list(core: &Core, state: Option<StateName>, limit: u32) -> Result<()> {
    let state = state.map(|state| match state {
        StateName::Active => State::Active,
        StateName::Suspended => State::Suspended,
        StateName::Leaving => State::Leaving,
        StateName::Deleted => State::Deleted,
    });
    for user in user::list(core.db.pool(), &Filter { state, before: None }, limit).await? {
        print(&user);
    }
    Ok(())
}

fn print(user: &User) {
    let admin = if user.is_admin { "admin" } else { "" };
    say!("{}  {:<9}  {admin:<5}  {}  {}", user.id, user.state.name(), user.email, user.name);
}
