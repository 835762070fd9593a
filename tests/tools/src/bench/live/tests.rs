//! The load against the real `socket.io` server: `./dev test` installs it.

use super::*;

fn seats(rooms: usize) -> Vec<Seat> {
    let seat = |index: usize| Seat { room: format!("room-{}", index / 2), token: "somebody".into() };
    (0..2 * rooms).map(seat).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_load_is_understood_by_socket_io() {
    let (rival, node) = start_rival().await.expect("node");
    let idle = load::idle(&node, &RIVAL, &seats(50)).await.expect("idle connections");
    assert!(idle.abs() < 1_000_000.0, "{idle} bytes a connection");

    let crowd: Vec<Seat> = seats(1).into_iter().cycle().take(30).collect();
    let heard = load::room(&node, &RIVAL, &crowd, 0..5).await.expect("a crowded room");
    assert_eq!(heard.count(), 5 * 29);
    assert!(heard.p99() > 0.0);

    let flow = load::pairs(&node, &RIVAL, &seats(10), 8.0, Duration::from_secs(1)).await.expect("pairs");
    assert_eq!((flow.sent, flow.arrived), (160, 160));
    assert!(flow.rate > 50.0 && flow.per_cpu_second > 50.0, "{flow:?}");
    rival.stop().await.expect("it stops");
}

#[tokio::test(flavor = "multi_thread")]
async fn who_is_refused_is_no_connection() {
    let (rival, node) = start_rival().await.expect("node");
    let nobody = Seat { room: "room".into(), token: String::new() };
    let refused = load::idle(&node, &RIVAL, &[nobody.clone(), nobody]).await.expect_err("a token is needed");
    assert!(format!("{refused:#}").contains("INVALID_TOKEN"), "{refused:#}");
    let elsewhere = target::Words { door: target::Door::SocketIo("/nowhere"), ..RIVAL };
    let refused = load::idle(&node, &elsewhere, &seats(1)).await.expect_err("no such namespace");
    assert!(format!("{refused:#}").contains("Invalid namespace"), "{refused:#}");
    rival.stop().await.expect("it stops");
}
