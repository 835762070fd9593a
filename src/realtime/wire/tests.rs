use std::pin::Pin;

use super::*;

/// A socket whose client takes `room` frames and says nothing.
struct Stub {
    room: usize,
    taken: Vec<Message>,
}

impl Stream for Stub {
    type Item = io::Result<Message>;

    fn poll_next(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        Poll::Pending
    }
}

impl Sink<Message> for Stub {
    type Error = io::Error;

    fn poll_ready(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.taken.len() < self.room { Poll::Ready(Ok(())) } else { Poll::Pending }
    }

    fn start_send(mut self: Pin<&mut Self>, message: Message) -> io::Result<()> {
        self.taken.push(message);
        Ok(())
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_close(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

fn pending<F: Future>(future: F) -> bool {
    let mut future = std::pin::pin!(future);
    future.as_mut().poll(&mut Context::from_waker(std::task::Waker::noop())).is_pending()
}

#[test]
fn the_queue_is_bounded_and_keeps_its_order() {
    let mut wire = Wire::new(Stub { room: 3, taken: vec![] });
    for n in 0..CAPACITY {
        assert!(wire.push(Message::text(n.to_string())));
    }
    assert!(!wire.push(Message::text("one too many")));
    assert!(pending(wire.turn()));
    assert_eq!(wire.socket.taken, ["0", "1", "2"].map(Message::text));
    assert!(!wire.is_idle());
}

#[test]
fn a_cleared_queue_reports_its_drain() {
    let mut wire = Wire::new(Stub { room: 0, taken: vec![] });
    assert!(pending(wire.turn()), "an idle wire has nothing to tell");
    assert!(wire.push(Message::text("late")));
    assert!(pending(wire.turn()));
    wire.clear();
    assert!(!pending(wire.turn()));
    assert!(wire.is_idle() && wire.socket.taken.is_empty());
}
