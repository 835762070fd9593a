//! Small things that many ask for at the same time, done together: what is asked for while the same is on its way is
//! done in one go by the next one, as a database commits in groups. What comes alone is done alone, at once.

use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::oneshot;
use tokio::sync::oneshot::error::TryRecvError;

/// Things of one go.
const MOST: usize = 64;

type Waiting<I, O> = (I, oneshot::Sender<O>);

/// Cheap to clone.
pub struct Together<I, O> {
    wanted: Arc<Mutex<Vec<Waiting<I, O>>>>,
    /// Held by the go that works for all that were wanted, until each has its answer or knows that there is none.
    turn: Arc<tokio::sync::Mutex<()>>,
}

impl<I, O> Clone for Together<I, O> {
    fn clone(&self) -> Self {
        Self { wanted: self.wanted.clone(), turn: self.turn.clone() }
    }
}

impl<I, O> Default for Together<I, O> {
    fn default() -> Self {
        Self { wanted: Arc::default(), turn: Arc::default() }
    }
}

impl<I: Send + 'static, O: Send + 'static> Together<I, O> {
    /// Has `work` done for `item`, together with what else is wanted by then; `work` gives one answer for each of its
    /// items, in their order. `None`: whoever worked for this item broke off, and nobody knows what became of it.
    ///
    /// A go that has begun is ended even when the one who began it is no longer waited for, and the next one begins
    /// after it. None is empty.
    pub async fn ask<W, F>(&self, item: I, work: W) -> Option<O>
    where
        W: Fn(Vec<I>) -> F + Send + Sync + 'static,
        F: Future<Output = Vec<O>> + Send + 'static,
    {
        let (answer, mut answered) = oneshot::channel();
        self.lock().push((item, answer));
        loop {
            // Also for who is answered already: those pass first, and the next go has more to do for it.
            let turn = self.turn.clone().lock_owned().await;
            if let Some(answer) = known(&mut answered) {
                return answer;
            }
            let (items, waiting): (Vec<I>, Vec<_>) = {
                let mut wanted = self.lock();
                let count = wanted.len().min(MOST);
                wanted.drain(..count).unzip()
            };
            // Never while the process lives: who has no answer at their turn is still wanted.
            if items.is_empty() {
                return None;
            }
            let going = work(items);
            let gone = tokio::spawn(async move {
                // Dropped in this order from below, also by a panic: the turn ends after the last answer.
                let _turn = turn;
                let unanswered = waiting;
                for (answer, waiting) in going.await.into_iter().zip(unanswered) {
                    // Nobody may be waiting any more.
                    let _ = waiting.send(answer);
                }
            });
            // A panic has dropped the answers, which says enough.
            let _ = gone.await;
            // Its own answer, unless more than one go can do was wanted before.
            if let Some(answer) = known(&mut answered) {
                return answer;
            }
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Vec<Waiting<I, O>>> {
        self.wanted.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The answer, or that there will be none; `None` while that is not known.
fn known<O>(answered: &mut oneshot::Receiver<O>) -> Option<Option<O>> {
    match answered.try_recv() {
        Ok(answer) => Some(Some(answer)),
        Err(TryRecvError::Closed) => Some(None),
        Err(TryRecvError::Empty) => None,
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use futures_util::future::join_all;

    use super::*;

    #[tokio::test]
    async fn everybody_gets_their_own_answer_in_few_goes() {
        let together = Together::<usize, usize>::default();
        let goes = Arc::new(AtomicUsize::new(0));
        let asked = (0..200).map(|i| {
            let (together, goes) = (together.clone(), goes.clone());
            async move {
                let work = move |items: Vec<usize>| {
                    goes.fetch_add(1, Ordering::SeqCst);
                    async move {
                        tokio::task::yield_now().await;
                        items.into_iter().map(|i| i * 2).collect()
                    }
                };
                together.ask(i, work).await
            }
        });
        let answers = join_all(asked).await;
        assert_eq!(answers, (0..200).map(|i| Some(i * 2)).collect::<Vec<_>>());
        assert!(goes.load(Ordering::SeqCst) <= 5, "{goes:?}");
    }

    #[tokio::test]
    async fn a_go_keeps_its_turn_when_the_one_who_began_it_is_gone() {
        let together = Together::<u8, u8>::default();
        let gate = Arc::new(tokio::sync::Semaphore::new(0));
        let goes = Arc::new(Mutex::new(Vec::new()));
        let ask = |item: u8| {
            let (together, gate, goes) = (together.clone(), gate.clone(), goes.clone());
            tokio::spawn(async move {
                let work = move |items: Vec<u8>| {
                    goes.lock().expect("no panic").push(items.len());
                    let gate = gate.clone();
                    async move {
                        gate.acquire().await.expect("open").forget();
                        items
                    }
                };
                together.ask(item, work).await
            })
        };
        let begun = || goes.lock().expect("no panic").len();
        let first = ask(1);
        while begun() < 1 {
            tokio::task::yield_now().await;
        }
        let (leader, other) = (ask(2), ask(3));
        while together.lock().len() < 2 {
            tokio::task::yield_now().await;
        }
        gate.add_permits(1);
        while begun() < 2 {
            tokio::task::yield_now().await;
        }
        leader.abort();
        assert!(leader.await.expect_err("it was stopped").is_cancelled());
        for _ in 0..10 {
            tokio::task::yield_now().await;
        }
        gate.add_permits(10);
        assert_eq!(other.await.expect("no panic"), Some(3), "the go was ended");
        assert_eq!(first.await.expect("no panic"), Some(1));
        assert_eq!(*goes.lock().expect("no panic"), [1, 2], "no go for nobody");
    }

    #[tokio::test]
    async fn a_go_that_breaks_off_leaves_nobody_waiting() {
        let together = Together::<u8, u8>::default();
        let broken = together.ask(1, |_| async { panic!("as a bug would") }).await;
        assert_eq!(broken, None);
        assert_eq!(together.ask(1, |items| async move { items }).await, Some(1));
    }
}
