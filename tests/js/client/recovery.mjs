// A connection that breaks, and one whose login ends.

import { line } from '../lib/input.mjs';
import { check, expect, same, sleep, until, within } from '../lib/report.mjs';
import { Connection, newId, options } from './connection.mjs';

/** The connection breaks; what was said meanwhile comes after the return, once and in order. */
export async function recovery({ bases, mentor, mentee, room, transport }) {
  await check('after a broken connection nothing is lost and nothing doubled', async () => {
    const patience = { reconnection: true, reconnectionDelay: 400, reconnectionDelayMax: 400, randomizationFactor: 0 };
    const here = await Connection.open(bases[0], '/chat', mentor, options(transport));
    const there = await Connection.open(bases[1], '/chat', mentee, { ...options(transport), ...patience });
    const { head } = await there.ask('chat.join', { room });
    await here.ask('chat.join', { room });
    const say = async (text) => (await here.ask('chat.send', { room, clientId: newId(), text })).seq;
    await say('before');
    await there.hear('chat.message', (it) => it.seq === head + 1);

    let reason;
    there.socket.once('disconnect', (why) => (reason = why));
    const back = new Promise((resolve) => there.socket.once('connect', resolve));
    cut(there.socket.io.engine);
    await until('the end of the connection', () => reason);
    for (let i = 1; i <= 5; i += 1) await say(`meanwhile ${i}`);
    await within(10, back, 'no return');
    const joined = await there.ask('chat.join', { room, after: head + 1 });
    expect(joined.head >= head + 6, `head is ${joined.head}`);
    const last = await say('after');
    await there.hear('chat.message', (it) => it.seq === last);
    await sleep(200);
    const numbers = there.heard.filter((it) => it.seq > head && it.event === 'chat.message').map((it) => it.seq);
    same(numbers, Array.from({ length: last - head }, (_, i) => head + 1 + i), 'messages heard');
    here.close();
    there.close();
    return `${reason}; ${numbers.length} messages`;
  });
}

/** Breaks the connection without a word where the transport has a wire to break. */
function cut(engine) {
  const { ws } = engine.transport;
  if (ws) ws.terminate();
  else engine.close();
}

/** Asks whoever drives this script to end the mentee's login, and waits for the word that it is done. */
export async function revocation({ bases, mentor, mentee, room, transport }) {
  const how = options(transport);
  await check('who is logged out is put out within five seconds', async () => {
    const here = await Connection.open(bases[0], '/chat', mentor, how);
    const theirs = await Promise.all(['/chat', '/webrtc'].map((name) => Connection.open(bases[1], name, mentee, how)));
    await theirs[0].ask('chat.join', { room });
    await here.ask('chat.join', { room });
    const ended = theirs.map((it) => new Promise((resolve) => it.socket.on('disconnect', resolve)));
    console.log(JSON.stringify({ ask: 'revoke' }));
    same(await within(20, line(), 'no word of the revocation'), 'revoked', 'the word');
    const heard = theirs[0].heard.length;
    const { seq } = await here.ask('chat.send', { room, clientId: newId(), text: 'not for everybody' });
    const reasons = await within(5, Promise.all(ended), 'still connected');
    await sleep(300);
    same(theirs[0].heard.slice(heard).filter((it) => it.seq === seq), [], 'delivered after the end');
    const error = await Connection.refused(bases[1], '/chat', mentee, how);
    same(error.message, 'INVALID_TOKEN', 'coming back');
    here.close();
    return reasons[0];
  });
}
