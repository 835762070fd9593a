//! Who is calling: one verifier for every door.

use std::sync::Arc;

use poem::Request;
use poem_openapi::SecurityScheme;
use poem_openapi::auth::Bearer;

use super::problem::Problem;
use super::{App, Shared};
use crate::auth::{self, Principal, Role};
use crate::context::Actor;
use crate::id::UserId;

/// An access token in the `Authorization` header.
#[derive(SecurityScheme)]
#[oai(rename = "AccessToken", ty = "bearer", bearer_format = "JWT", checker = "check")]
pub struct Caller(Verified);

/// Whose token it is, and what is in the way of their roles.
struct Verified {
    principal: Principal,
    /// An administrator whose login has not shown the second factor that it needs.
    lacks_factor: bool,
}

async fn check(request: &Request, bearer: Bearer) -> poem::Result<Verified> {
    let app = request.data::<Shared>().expect("the app is in every request's data");
    Ok(verify(app, &bearer.token).await?)
}

/// Verifies an access token and that its session still lives: used by REST and by every socket.
pub async fn authenticate(app: &Arc<App>, token: &str) -> Result<Principal, Problem> {
    Ok(verify(app, token).await?.principal)
}

/// Whoever must show a second factor to be an administrator is none in a login without it.
async fn verify(app: &Arc<App>, token: &str) -> Result<Verified, Problem> {
    let mut principal = app.tokens.verify(token, app.core.clock.now())?;
    let Some(standing) = auth::standing(app.core.db.pool(), principal.session_id).await? else {
        return Err(Problem::new("auth.session_revoked"));
    };
    let lacks_factor = app.config.admin_second_factor && principal.is_admin() && standing.factor_at.is_none();
    if lacks_factor {
        principal.roles.retain(|role| *role != Role::Admin);
    }
    Ok(Verified { principal, lacks_factor })
}

impl Caller {
    pub fn user_id(&self) -> UserId {
        self.0.principal.user_id
    }

    pub fn principal(&self) -> &Principal {
        &self.0.principal
    }

    pub fn actor(&self) -> Actor {
        Actor::User(self.0.principal.user_id)
    }

    /// The caller as a mentor. The role stands in the token; the domain checks the mentor's state again.
    pub fn mentor(&self) -> Result<UserId, Problem> {
        self.with_role(Role::Mentor)
    }

    /// The caller as an admin, with the actor to write into histories.
    pub fn admin(&self) -> Result<Actor, Problem> {
        if self.0.lacks_factor {
            return Err(auth::Error::FactorRequired.into());
        }
        self.with_role(Role::Admin).map(Actor::Admin)
    }

    fn with_role(&self, role: Role) -> Result<UserId, Problem> {
        if self.0.principal.has(role) {
            Ok(self.0.principal.user_id)
        } else {
            Err(Problem::new("auth.forbidden"))
        }
    }
}
