//! Open sockets, counted per user and in all.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use tokio::sync::watch;

use super::lock;
use crate::id::UserId;

#[derive(Debug)]
pub struct Seats {
    per_user: usize,
    by_user: Mutex<HashMap<UserId, usize>>,
    open: watch::Sender<usize>,
}

impl Seats {
    /// `per_user`: connections that one user may hold open in this process.
    pub fn new(per_user: usize) -> Arc<Self> {
        Arc::new(Self { per_user, by_user: Mutex::default(), open: watch::Sender::new(0) })
    }

    /// A place for one more socket of this user, if there is one.
    pub fn take(self: &Arc<Self>, user: UserId) -> Option<Seat> {
        let mut by_user = lock(&self.by_user);
        let taken = by_user.entry(user).or_default();
        if *taken >= self.per_user {
            return None;
        }
        *taken += 1;
        self.open.send_modify(|open| *open += 1);
        metrics::gauge!("konnect_sockets_open").increment(1.0);
        Some(Seat { seats: self.clone(), user })
    }

    /// Waits until no socket is open.
    pub async fn empty(&self) {
        // The sender lives in `self`, so waiting cannot fail.
        drop(self.open.subscribe().wait_for(|open| *open == 0).await);
    }
}

/// A taken place; dropping it frees it.
#[derive(Debug)]
pub struct Seat {
    seats: Arc<Seats>,
    user: UserId,
}

impl Drop for Seat {
    fn drop(&mut self) {
        let mut by_user = lock(&self.seats.by_user);
        if let Some(taken) = by_user.get_mut(&self.user) {
            *taken -= 1;
            if *taken == 0 {
                by_user.remove(&self.user);
            }
        }
        self.seats.open.send_modify(|open| *open -= 1);
        metrics::gauge!("konnect_sockets_open").decrement(1.0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_user_has_ten_places_and_gets_them_back() {
        let seats = Seats::new(10);
        let user = UserId::generate();
        let mut taken: Vec<_> = (0..10).filter_map(|_| seats.take(user)).collect();
        assert_eq!(taken.len(), 10);
        assert!(seats.take(user).is_none());
        assert!(seats.take(UserId::generate()).is_some(), "another user is not affected");
        taken.pop();
        assert!(seats.take(user).is_some());
        drop(taken);
        assert!(lock(&seats.by_user).is_empty());
        assert_eq!(*seats.open.borrow(), 0);
    }
}
