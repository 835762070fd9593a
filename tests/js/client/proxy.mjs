// A proxy that knows nothing of WebSocket: it forwards requests without their Upgrade, as many a company's does.

import http from 'node:http';

/** Starts it before an api process; its own base URL, how often it dropped an Upgrade, and how to stop it. */
export async function deafProxy(base) {
  const target = new URL(base);
  const seen = { dropped: 0 };

  const forward = (request, answer) => {
    const { upgrade, connection, ...headers } = request.headers;
    const options = { host: target.hostname, port: target.port, method: request.method, path: request.url, headers };
    const asked = http.request(options, (given) => answer(given));
    asked.on('error', () => request.socket.destroy());
    request.pipe(asked);
  };
  const server = http.createServer((request, response) => {
    forward(request, (given) => {
      response.writeHead(given.statusCode, given.headers);
      given.pipe(response);
    });
  });
  server.on('upgrade', (request, socket) => {
    seen.dropped += 1;
    socket.on('error', () => {});
    forward(request, (given) => {
      const lines = [`HTTP/1.1 ${given.statusCode} ${given.statusMessage}`, 'connection: close'];
      for (const name of ['content-type', 'content-length']) if (given.headers[name]) lines.push(`${name}: ${given.headers[name]}`);
      socket.write(`${lines.join('\r\n')}\r\n\r\n`);
      given.pipe(socket);
    });
  });
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    base: `http://127.0.0.1:${server.address().port}`,
    seen,
    stop: () => {
      server.close();
      server.closeAllConnections();
    },
  };
}
