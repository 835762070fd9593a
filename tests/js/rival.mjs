// What the load of `./dev bench --only live` is put on for comparison: a plain socket.io server, with the `ws` engine,
// without compression, otherwise as it comes. It keeps nothing and checks nothing but that there is a token.
//
//   node rival.mjs [port]
//
// Its first line is {"port": …, "pid": …}. For each line `rss` on standard input it prints
// {"rss": bytes, "cpuUserMs": …, "cpuSystemMs": …}.
//
// Namespace `/`, auth {token}; `join` {room} → ack {ok, data: {members}}; `relay` {room, …} → to the others in the room
// as event `relay`, then ack {ok, data: {}}.

import { createServer } from 'node:http';
import { createInterface } from 'node:readline';
import { Server } from 'socket.io';

const web = createServer();
const io = new Server(web, { perMessageDeflate: false });

io.use((socket, next) => {
  const { token } = socket.handshake.auth;
  if (typeof token === 'string' && token !== '') return next();
  next(Object.assign(new Error('INVALID_TOKEN'), { data: { code: 'INVALID_TOKEN' } }));
});

io.on('connection', (socket) => {
  socket.on('join', ({ room }, ack) => {
    socket.join(room);
    ack({ ok: true, data: { members: io.sockets.adapter.rooms.get(room).size } });
  });
  socket.on('relay', (data, ack) => {
    if (!socket.rooms.has(data.room)) return ack({ ok: false, error: { code: 'NOT_JOINED' } });
    socket.to(data.room).emit('relay', data);
    ack({ ok: true, data: {} });
  });
});

web.listen(Number(process.argv[2] ?? 0), '127.0.0.1', 8192, () => {
  console.log(JSON.stringify({ port: web.address().port, pid: process.pid }));
});

createInterface({ input: process.stdin }).on('line', (line) => {
  if (line !== 'rss') return;
  const { user, system } = process.cpuUsage();
  const used = { rss: process.memoryUsage.rss(), cpuUserMs: user / 1000, cpuSystemMs: system / 1000 };
  console.log(JSON.stringify(used));
});
