//! Packets of Engine.IO and Socket.IO that no proper client sends.

use tokio_tungstenite::tungstenite::Message;

pub fn all() -> Vec<Message> {
    let texts = [
        // Kinds that are none, and those of the other side.
        "",
        "9",
        "x",
        "4",
        "47",
        "48[]",
        "0{}",
        "6",
        "5",
        "2probe",
        "3probe",
        "1x",
        "é",
        "4é",
        "\u{0}",
        "\u{feff}42[\"a\"]",
        // Namespaces.
        "40/unknown,{}",
        "40/chat",
        "40/chat,",
        "40/chat,{\"token\":7}",
        "40/chat,{",
        "40/chat,null",
        "40/chat,[]",
        "40/,{}",
        "40/../chat,{}",
        "40/chat?x=1,{}",
        "40{}",
        "42/webrtc,1[\"rtc.turn\",{}]",
        "41/chat",
        "41/unknown",
        "42/unknown,[\"a\"]",
        "42[\"a\"]",
        "44/chat,{\"message\":\"no\"}",
        // Events that are none.
        "42/chat,",
        "42/chat,{}",
        "42/chat,[",
        "42/chat,[]",
        "42/chat,[1]",
        "42/chat,[null,{}]",
        "42/chat,[\"chat.send\"",
        "42/chat,[\"chat.send\"]",
        "42/chat,[\"chat.send\",1]",
        "42/chat,[\"chat.send\",{},{}]",
        "42/chat,[\"\"]",
        "42/chat,[\"connect\"]",
        "42/chat,[\"disconnect\"]",
        "42/chat,[\"__proto__\",{}]",
        "42/chat,\"chat.send\"",
        "42/chat,[\"\\ud800\",{}]",
        "42/chat,[\"chat.join\",{\"room\":\"\\u0000\"}]",
        // Numbers of acknowledgements.
        "42/chat,99999999999999999999999999[\"ping\",{}]",
        "42/chat,-1[\"ping\",{}]",
        "42/chat,1.5[\"ping\",{}]",
        "42/chat,9223372036854775807[\"ping\",{}]",
        "42/chat,00000000000000000001[\"ping\",{}]",
        "42/chat,1",
        "43/chat,1[]",
        "43/chat,[]",
        "43/chat,99999999999999999999[1]",
        "46/chat,1[]",
        // Attachments that are announced and never come.
        "451-/chat,[\"a\",{\"_placeholder\":true,\"num\":0}]",
        "450-/chat,[\"a\"]",
        "45-/chat,[\"a\"]",
        "45/chat,[\"a\"]",
        "4599999999999999999999-/chat,[\"a\"]",
        "4518446744073709551615-/chat,[\"a\"]",
        "4510-/chat,7[\"ping\",{}]",
        "451-/chat,[\"a\",{\"_placeholder\":true,\"num\":-1}]",
        "461-/chat,1[{\"_placeholder\":true,\"num\":9}]",
        "451-",
        "45",
        "46",
        "451-/chat,[\"a\",{\"_placeholder\":true,\"num\":18446744073709551616}]",
    ];
    let mut packets: Vec<Message> = texts.into_iter().map(Message::text).collect();
    for depth in [100, 127, 128, 200, 3_000, 15_000] {
        packets.push(Message::text(format!("42/chat,1[\"chat.send\",{}", "[".repeat(depth))));
        packets.push(Message::text(format!(
            "42/chat,1[\"ping\",{}{}]",
            "[".repeat(depth),
            "]".repeat(depth)
        )));
        packets.push(Message::text(format!("40/chat,{}", "{\"a\":".repeat(depth / 5))));
    }
    for size in [16 * 1024, 32 * 1024 - 100, 32 * 1024 + 1, 200 * 1024] {
        packets.push(Message::text(format!("42/chat,1[\"ping\",{{\"a\":\"{}\"}}]", "x".repeat(size))));
        packets.push(Message::text(format!("40/{},{{}}", "n".repeat(size))));
        packets.push(Message::text(format!("42/chat,{}[\"ping\",{{}}]", "1".repeat(size))));
        packets.push(Message::binary(vec![0xff; size]));
    }
    packets.extend([Message::binary(vec![]), Message::binary(b"42/chat,[\"ping\"]".to_vec())]);
    packets.extend([Message::Ping(vec![0; 125].into()), Message::Pong(vec![].into()), Message::Close(None)]);
    packets
}
