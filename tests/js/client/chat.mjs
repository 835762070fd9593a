// Messages between two people whose connections are on different api processes.

import { check, expect, same, sleep } from '../lib/report.mjs';
import { Connection, newId, options } from './connection.mjs';

const NIL = '00000000-0000-7000-8000-000000000000';

export async function chat({ bases, mentor, mentee, stranger, room, transport }) {
  const how = options(transport);
  const open = (index, token) => Connection.open(bases[index], '/chat', token, how);
  const [here, there, echo] = [await open(0, mentor), await open(1, mentee), await open(1, mentor)];
  const outside = await open(0, stranger);
  let heads;

  await check('chat.join is acked with the state of the room', async () => {
    const joined = [await here.ask('chat.join', { room }), await there.ask('join', { room })];
    await echo.ask('chat.join', { room });
    heads = joined.map((it) => it.head);
    same(heads[0], heads[1], 'the newest entry, as both see it');
    for (const it of joined) {
      expect(Number.isInteger(it.head) && it.canWrite === true, `head and right to write: ${JSON.stringify(it)}`);
      expect(Number.isInteger(it.unread) && it.lastRead && it.peer?.userId, `marks and peer: ${JSON.stringify(it)}`);
    }
    expect(joined[0].peer.userId !== joined[1].peer.userId, 'each is the peer of the other');
    here.person = joined[1].peer.userId;
    there.person = joined[0].peer.userId;
    return joined[0];
  });

  for (const [from, to, way] of [[here, there, '1 → 2'], [there, here, '2 → 1']]) {
    await check(`a message from process ${way}`, async () => {
      const [clientId, text] = [newId(), `안녕하세요, ${way} <b>&amp;`];
      const ack = await from.ask('chat.send', { room, clientId, text });
      same(ack.duplicate, false, 'duplicate');
      same(ack.seq, ++heads[0], 'the next number of the room');
      const message = await to.hear('chat.message', (it) => it.clientId === clientId);
      same([message.seq, message.text, message.from, message.room], [ack.seq, text, from.person, room], 'what the peer hears');
      same(message.at, ack.at, 'one instant');
      if (from === here) {
        const own = await echo.hear('chat.message', (it) => it.clientId === clientId);
        same(own.seq, ack.seq, 'on the other connection of the sender');
      }
      // Anything doubled would have come with what follows.
      await from.ask('ping', {});
      await to.ask('ping', {});
      expect(from.all('chat.message', (it) => it.clientId === clientId).length <= 1, 'doubled for the sender');
      same(to.all('chat.message', (it) => it.clientId === clientId).length, 1, 'copies for the peer');
    });
  }

  await check('a repeated clientId is the same message, on either process', async () => {
    const message = { room, clientId: newId(), text: 'once' };
    const first = await here.ask('chat.send', message);
    heads[0] = first.seq;
    for (const again of [await here.ask('chat.send', message), await echo.ask('chat.send', message)]) {
      same([again.seq, again.duplicate], [first.seq, true], 'the repetition');
    }
    await here.refuse('CLIENT_ID_REUSED', 'chat.send', { ...message, text: 'twice' });
    await there.hear('chat.message', (it) => it.clientId === message.clientId);
    await sleep(200);
    same(there.all('chat.message', (it) => it.clientId === message.clientId).length, 1, 'copies');
  });

  await check('edit, delete, reaction: entries with numbers of their own', async () => {
    const sent = await here.ask('chat.send', { room, clientId: newId(), text: 'helo' });
    const edited = await here.ask('chat.edit', { room, clientId: newId(), seq: sent.seq, text: 'hello' });
    const reacted = await there.ask('chat.react', { room, clientId: newId(), seq: sent.seq, emoji: '👍', on: true });
    const deleted = await here.ask('chat.delete', { room, clientId: newId(), seq: sent.seq });
    heads[0] = deleted.seq;
    same([edited.seq, reacted.seq, deleted.seq], [1, 2, 3].map((more) => sent.seq + more), 'numbers');
    same((await there.hear('chat.edited', (it) => it.seq === edited.seq)).text, 'hello', 'text');
    same((await here.hear('chat.reacted', (it) => it.seq === reacted.seq)).emoji, '👍', 'emoji');
    same((await there.hear('chat.deleted', (it) => it.seq === deleted.seq)).target, sent.seq, 'target');
    await there.refuse('NOT_AUTHOR', 'chat.delete', { room, clientId: newId(), seq: sent.seq - 1 });
  });

  await check('typing and read marks reach the peer', async () => {
    await here.ask('chat.typing', { room, on: true });
    same((await there.hear('chat.typing')).userId, here.person, 'who types');
    const { lastRead } = await there.ask('chat.read', { room, seq: heads[0] });
    same(lastRead.mine, heads[0], 'the mark');
    same((await here.hear('chat.read', (it) => it.userId === there.person)).seq, heads[0], 'as the peer hears it');
    same((await there.ask('chat.read', { room, seq: 1 })).lastRead.mine, heads[0], 'a mark only grows');
  });

  await check('history has what was sent, in order', async () => {
    const { messages, more } = await there.ask('chat.history', { room, limit: 50 });
    const numbers = messages.map((it) => it.seq);
    same(more, false, 'more');
    same([...numbers].sort((a, b) => a - b), numbers, 'order');
    return `${numbers.length} entries`;
  });

  await check('a stranger is told the same of a room that exists and of one that does not', async () => {
    const told = [];
    for (const id of [room, NIL]) {
      const joining = await outside.refuse('NOT_PARTICIPANT', 'chat.join', { room: id });
      const others = [
        await outside.send('chat.send', { room: id, clientId: newId(), text: 'x' }),
        await outside.send('chat.history', { room: id }),
      ];
      for (const { ok, error } of others) {
        expect(!ok && ['NOT_JOINED', 'NOT_PARTICIPANT'].includes(error.code), `${ok} ${error?.code}`);
      }
      told.push([joining, ...others.map((it) => it.error)].map(({ serverNow, ...rest }) => rest));
    }
    same(told[0], told[1], 'what is told');
    await outside.refuse('RESERVATION_NOT_FOUND', 'chat.join', { room: 'abc' });
    await outside.ask('ping', {});
    same(outside.heard, [], 'what the stranger heard');
  });

  await check('what is no command gets a code through the ack', async () => {
    await here.refuse('frame.unknown_type', 'no.such.thing', { room });
    await here.refuse('frame.unknown_type', 'rtc.media', { room, mic: true, camera: true, ready: true });
    await here.refuse('frame.invalid', 'chat.join', { room, admin: true });
    await here.refuse('frame.invalid', 'chat.send', { room, clientId: newId(), text: 'x', from: there.person });
    await here.refuse('frame.invalid', 'chat.read', { room });
    for (const data of ['text', 7, null, [room]]) await here.refuse('frame.invalid', 'chat.join', data);
    await here.refuse('frame.invalid', 'chat.join');
    await here.ask('ping', {});
  });

  await check('who has left hears nothing more', async () => {
    await echo.ask('leave', { room });
    const { seq } = await there.ask('chat.send', { room, clientId: newId(), text: 'gone?' });
    heads[0] = seq;
    await here.hear('chat.message', (it) => it.seq === seq);
    await sleep(200);
    same(echo.all('chat.message', (it) => it.seq === seq), [], 'after leaving');
  });

  for (const connection of [here, there, echo, outside]) connection.close();
}
