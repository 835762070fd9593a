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
pub struct Caller(Principal);

async fn check(request: &Request, bearer: Bearer) -> poem::Result<Principal> {
    let app = request.data::<Shared>().expect("the app is in every request's data");
    Ok(authenticate(app, &bearer.token).await?)
}

/// Verifies an access token and that its session still lives: used by REST and by every socket.
pub async fn authenticate(app: &Arc<App>, token: &str) -> Result<Principal, Problem> {
    let principal = app.tokens.verify(token, app.core.clock.now())?;
    if !auth::session_live(app.core.db.pool(), principal.session_id).await? {
        return Err(Problem::new("auth.session_revoked"));
    }
    Ok(principal)
}

impl Caller {
    pub fn user_id(&self) -> UserId {
        self.0.user_id
    }

    pub fn principal(&self) -> &Principal {
        &self.0
    }

    pub fn actor(&self) -> Actor {
        Actor::User(self.0.user_id)
    }

    /// The caller as a mentor. The role stands in the token; the domain checks the mentor's state again.
    pub fn mentor(&self) -> Result<UserId, Problem> {
        self.with_role(Role::Mentor)
    }

    /// The caller as an admin, with the actor to write into histories.
    pub fn admin(&self) -> Result<Actor, Problem> {
        self.with_role(Role::Admin).map(Actor::Admin)
    }

    fn with_role(&self, role: Role) -> Result<UserId, Problem> {
        if self.0.has(role) { Ok(self.0.user_id) } else { Err(Problem::new("auth.forbidden")) }
    }
}
