// The unmodified socket.io-client against two api processes.
//
//   node client.mjs '{"bases": ["http://…", "http://…"], "room": "<reservation id>", "transport": "websocket",
//     "mentor": "<token>", "mentee": "<token>", "stranger": "<token>", "expired": "<token>", "wrongKey": "<token>"}'
//
// The room is a paid reservation of mentor and mentee whose window is open, with nothing said in it yet or few
// things. `transport` is websocket, polling or polling-then-upgrade. With `"revocation": true` it prints
// {"ask": "revoke"} at the end and reads the line "revoked" once the mentee's login has been ended.
//
// Prints a line of JSON per check ({name, ok, detail, ms}); ends with 1 when one failed.

import { chat } from './client/chat.mjs';
import { doors } from './client/doors.mjs';
import { recovery, revocation } from './client/recovery.mjs';
import { session } from './client/session.mjs';
import { scenario } from './lib/input.mjs';
import { failures } from './lib/report.mjs';

const given = await scenario(['bases', 'room', 'transport', 'mentor', 'mentee', 'stranger', 'expired', 'wrongKey']);
await doors(given);
await chat(given);
await session(given);
await recovery(given);
if (given.revocation) await revocation(given);
process.exit(failures() === 0 ? 0 : 1);
