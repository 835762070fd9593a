//! Sharing the screen: asked for, granted, begun, ended. The server holds it, so that neither side can begin
//! without the other's word, and one screen is shared at a time.

use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::id::UserId;
use crate::realtime::Refusal;

/// Whose screen it is about. Both participants ask alike: a mentor has no right of their own to share.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "state", content = "by", rename_all = "lowercase")]
pub enum Screen {
    #[default]
    Idle,
    Requested(UserId),
    Granted(UserId),
    Sharing(UserId),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Action {
    /// Ask the peer.
    Request,
    /// The peer's yes.
    Grant,
    /// The peer's no.
    Deny,
    /// Begin, after the yes.
    Start,
    /// End one's own sharing, or take back one's request.
    Stop,
    /// The peer's no to what they had granted.
    Revoke,
}

impl Screen {
    /// Who asked for it.
    pub fn owner(self) -> Option<UserId> {
        match self {
            Self::Idle => None,
            Self::Requested(owner) | Self::Granted(owner) | Self::Sharing(owner) => Some(owner),
        }
    }

    /// What it is after an action of `by`. An action that comes a second time changes nothing.
    ///
    /// # Errors
    /// `NO_PEER`, `SCREEN_BUSY`, `SCREEN_NOT_GRANTED`, `SCREEN_NOT_YOURS`, each with the screen as it is.
    pub fn after(self, by: UserId, action: Action, has_peer: bool) -> Result<Self, Refusal> {
        let own = self.owner() == Some(by);
        let refuse = |code| Err(Refusal::new(code).with("screen", json!(self)));
        match (action, self) {
            (Action::Request, Self::Idle) if has_peer => Ok(Self::Requested(by)),
            (Action::Request, Self::Idle) => refuse("NO_PEER"),
            (Action::Request, _) if own => Ok(self),
            (Action::Request, _) => refuse("SCREEN_BUSY"),
            (Action::Grant, Self::Requested(owner)) if !own => Ok(Self::Granted(owner)),
            (Action::Grant, Self::Granted(_) | Self::Sharing(_)) if !own => Ok(self),
            (Action::Grant, _) => refuse("SCREEN_NOT_YOURS"),
            (Action::Start, Self::Granted(_) | Self::Sharing(_)) if own => Ok(Self::Sharing(by)),
            (Action::Start, _) => refuse("SCREEN_NOT_GRANTED"),
            (Action::Deny | Action::Revoke, _) if own => refuse("SCREEN_NOT_YOURS"),
            (Action::Stop, _) if !own && self != Self::Idle => refuse("SCREEN_NOT_YOURS"),
            (Action::Deny | Action::Revoke | Action::Stop, _) => Ok(Self::Idle),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_action_in_every_state() {
        let (me, peer) = (UserId::generate(), UserId::generate());
        use Action::*;
        use Screen::*;
        let states =
            [Idle, Requested(me), Granted(me), Sharing(me), Requested(peer), Granted(peer), Sharing(peer)];
        let busy = Err("SCREEN_BUSY");
        let not_yours = Err("SCREEN_NOT_YOURS");
        let not_granted = Err("SCREEN_NOT_GRANTED");
        let no = [Ok(Idle), not_yours, not_yours, not_yours, Ok(Idle), Ok(Idle), Ok(Idle)];
        let table = [
            (
                Request,
                [Ok(Requested(me)), Ok(Requested(me)), Ok(Granted(me)), Ok(Sharing(me)), busy, busy, busy],
            ),
            (
                Grant,
                [
                    not_yours,
                    not_yours,
                    not_yours,
                    not_yours,
                    Ok(Granted(peer)),
                    Ok(Granted(peer)),
                    Ok(Sharing(peer)),
                ],
            ),
            (Deny, no),
            (Revoke, no),
            (
                Start,
                [
                    not_granted,
                    not_granted,
                    Ok(Sharing(me)),
                    Ok(Sharing(me)),
                    not_granted,
                    not_granted,
                    not_granted,
                ],
            ),
            (Stop, [Ok(Idle), Ok(Idle), Ok(Idle), Ok(Idle), not_yours, not_yours, not_yours]),
        ];
        for (action, expected) in table {
            for (state, expected) in states.into_iter().zip(expected) {
                let after = state.after(me, action, true).map_err(|refusal| refusal.code);
                assert_eq!(after, expected, "{action:?} in {state:?}");
            }
        }
        assert_eq!(Idle.after(me, Request, false).map_err(|refusal| refusal.code), Err("NO_PEER"));
    }

    #[test]
    fn it_is_written_with_its_owner() {
        let me = UserId::generate();
        assert_eq!(json!(Screen::Idle), json!({ "state": "idle" }));
        assert_eq!(json!(Screen::Sharing(me)), json!({ "state": "sharing", "by": me }));
        let read: Screen = serde_json::from_value(json!({ "state": "granted", "by": me })).unwrap();
        assert_eq!(read, Screen::Granted(me));
    }
}
