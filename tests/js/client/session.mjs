// The live session's commands between two processes, without a browser.

import { check, expect, same, sleep } from '../lib/report.mjs';
import { Connection, options } from './connection.mjs';

// Names in the order in which the server writes them.
const OFFER = { sdp: 'v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\n', type: 'offer' };

export async function session({ bases, mentor, mentee, stranger, room, transport }) {
  const how = options(transport);
  const open = (index, token) => Connection.open(bases[index], '/webrtc', token, how);
  const [here, there, outside] = [await open(0, mentor), await open(1, mentee), await open(1, stranger)];
  let epoch;

  await check('nobody signals before joining', async () => {
    await here.refuse('NOT_JOINED', 'rtc.signal', { room, epoch: 1, kind: 'offer', payload: OFFER });
  });

  await check('session.join hands out roles and an epoch', async () => {
    const first = await here.ask('session.join', { room });
    const second = await there.ask('join', { room });
    same([first.role, second.role], ['mentor', 'mentee'], 'roles');
    expect(first.polite !== second.polite, 'one of the two is polite');
    expect(second.epoch > first.epoch, `each join makes a new epoch: ${first.epoch}, ${second.epoch}`);
    same([first.peer.present, second.peer.present], [false, true], 'who was there');
    const { turn } = second;
    expect(turn === null || Array.isArray(turn.urls), `null without servers: ${JSON.stringify(turn)}`);
    const [opens, now, closes] = [second.opensAt, second.serverNow, second.closesAt].map(Date.parse);
    expect(opens <= now && now < closes, 'the window is open');
    here.person = second.peer.userId;
    epoch = second.epoch;
    const state = await here.hear('rtc.state', (it) => it.epoch === epoch);
    same(state.members.length, 2, 'members');
    return { epoch, reason: state.reason };
  });

  await check('signals go to the peer alone, across processes', async () => {
    for (const [from, to, kind] of [[here, there, 'offer'], [there, here, 'answer'], [here, there, 'candidate']]) {
      const payload = kind === 'candidate' ? { candidate: '', sdpMLineIndex: 0, sdpMid: '0' } : { ...OFFER, type: kind };
      await from.ask('rtc.signal', { room, epoch, kind, payload });
      const signal = await to.hear('rtc.signal', (it) => it.kind === kind);
      same([signal.epoch, signal.payload, signal.room], [epoch, payload, room], 'what the peer gets');
      expect(typeof signal.from === 'string', 'from whom');
    }
    await sleep(200);
    same([here.all('rtc.signal').length, there.all('rtc.signal').length], [1, 2], 'signals heard');
  });

  await check('stale epochs and forged senders are refused', async () => {
    const signal = { room, epoch: epoch - 1, kind: 'offer', payload: OFFER };
    same((await here.refuse('STALE_EPOCH', 'rtc.signal', signal)).epoch, epoch, 'the epoch that counts');
    await here.refuse('frame.invalid', 'rtc.signal', { ...signal, epoch, from: 'somebody' });
    await here.refuse('frame.invalid', 'rtc.signal', { ...signal, epoch, kind: 'shout' });
  });

  await check('microphone and camera reach the peer', async () => {
    await here.ask('rtc.media', { room, mic: true, camera: false, ready: true });
    const fits = (it) => it.members?.some((m) => m.role === 'mentor' && m.media?.mic === true && m.media.camera === false);
    await there.hear('rtc.state', fits);
  });

  await check('rtc.restart makes a new epoch for both', async () => {
    const restarted = await there.ask('rtc.restart', { room });
    expect(restarted.epoch > epoch, 'the epoch grows');
    epoch = restarted.epoch;
    await here.hear('rtc.state', (it) => it.epoch === epoch);
  });

  await check('the screen is asked for, granted, started and revoked', async () => {
    await here.refuse('SCREEN_NOT_GRANTED', 'rtc.screen', { room, action: 'start' });
    const steps = [
      [here, there, 'request', 'requested'],
      [there, here, 'grant', 'granted'],
      [here, there, 'start', 'sharing'],
      [there, here, 'revoke', 'idle'],
    ];
    for (const [who, other, action, state] of steps) {
      const { screen } = await who.ask('rtc.screen', { room, action });
      same(screen.state, state, action);
      if (state !== 'idle') same(screen.by, here.person, 'whose screen');
      const told = await other.hear('rtc.state', (it) => it.reason === 'screen' && it.screen.state === state);
      same(told.screen, screen, 'what the other is told');
    }
    await here.refuse('SCREEN_NOT_GRANTED', 'rtc.screen', { room, action: 'start' });
  });

  await check('a second device asks before it takes over', async () => {
    const second = await open(1, mentor);
    await second.refuse('ALREADY_ELSEWHERE', 'session.join', { room });
    const taken = await second.ask('session.join', { room, takeOver: true });
    await here.hear('rtc.superseded');
    const late = await here.send('rtc.signal', { room, epoch: taken.epoch, kind: 'offer', payload: OFFER });
    expect(!late.ok && ['SUPERSEDED', 'NOT_JOINED'].includes(late.error.code), `superseded: ${JSON.stringify(late)}`);
    await there.hear('rtc.state', (it) => it.epoch === taken.epoch);
    await second.ask('session.leave', { room });
    await there.hear('session.presence', (it) => it.role === 'mentor' && it.present === false);
    const lone = { room, epoch: taken.epoch, kind: 'offer', payload: OFFER };
    const ack = await there.send('rtc.signal', lone);
    expect(!ack.ok && ['NO_PEER', 'STALE_EPOCH'].includes(ack.error.code), `alone: ${JSON.stringify(ack)}`);
    second.close();
  });

  await check('a stranger has no part in it', async () => {
    await outside.refuse('NOT_PARTICIPANT', 'session.join', { room });
    const ack = await outside.send('rtc.turn', { room });
    expect(!ack.ok && ['NOT_JOINED', 'NOT_PARTICIPANT'].includes(ack.error.code), JSON.stringify(ack));
    same(outside.heard, [], 'what the stranger heard');
  });

  for (const connection of [here, there, outside]) connection.close();
}
