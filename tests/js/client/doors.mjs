// Who is let in, through which namespace, over which transport.

import { Manager } from 'socket.io-client';
import { check, expect, same, until, within } from '../lib/report.mjs';
import { Connection, options } from './connection.mjs';

const NAMESPACES = ['/chat', '/webrtc'];

export async function doors({ bases, mentor, mentee, expired, wrongKey, transport }) {
  const how = options(transport);
  for (const [index, token] of [mentor, mentee].entries()) {
    for (const namespace of NAMESPACES) {
      await check(`process ${index + 1}: ${namespace} opens over ${transport}`, async () => {
        const connection = await Connection.open(bases[index], namespace, token, how);
        if (transport === 'polling-then-upgrade') await until('the upgrade', () => connection.transport === 'websocket');
        const used = connection.transport;
        same(used, transport === 'polling' ? 'polling' : 'websocket', 'transport');
        await connection.ask('ping', {});
        connection.close();
        return used;
      });
    }
  }

  await check('both namespaces over one connection', async () => {
    const manager = new Manager(bases[0], { ...how, reconnection: false });
    const sockets = NAMESPACES.map((namespace) => manager.socket(namespace, { auth: { token: mentor } }));
    const opening = (socket) => new Promise((resolve, reject) => socket.on('connect', resolve).on('connect_error', reject));
    await within(10, Promise.all(sockets.map(opening)), 'no connect');
    for (const socket of sockets) expect((await socket.timeout(5000).emitWithAck('ping', {})).ok, 'ping is refused');
    manager.engine.close();
  });

  const bad = { missing: undefined, empty: '', garbage: 'a.b.c', 'no text': { a: 1 }, expired, 'of a wrong key': wrongKey };
  for (const [name, token] of Object.entries(bad)) {
    await check(`a token that is ${name} is refused`, async () => {
      for (const namespace of NAMESPACES) {
        const error = await Connection.refused(bases[0], namespace, token, how);
        same(error.message, 'INVALID_TOKEN', namespace);
        // The message is what every server of the protocol can send; the rest comes where it can.
        if (error.data) same(error.data.code, 'INVALID_TOKEN', `${namespace}, data`);
      }
    });
  }

  await check('one namespace refused leaves the other', async () => {
    const manager = new Manager(bases[0], { ...how, reconnection: false });
    const good = manager.socket('/chat', { auth: { token: mentor } });
    const bad = manager.socket('/webrtc', { auth: { token: 'a.b.c' } });
    await within(10, Promise.all([new Promise((r) => good.on('connect', r)), new Promise((r) => bad.on('connect_error', r))]));
    expect((await good.timeout(5000).emitWithAck('ping', {})).ok, 'ping is refused');
    manager.engine.close();
  });

  for (const namespace of ['/nowhere', '/']) {
    await check(`namespace ${namespace} is refused`, async () => {
      const error = await Connection.refused(bases[0], namespace, mentor, how);
      return error.message;
    });
  }
}
