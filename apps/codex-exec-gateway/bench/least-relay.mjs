import { connect, createServer } from 'node:net';

// The least that passing a lone message on takes in Node.js: two sockets joined. It reads no frame, routes nothing, checks nothing and bounds
// nothing: it shows what is left for a relay to save, and is no relay to use.
const [, , port, serverPort] = process.argv;

const server = createServer({ noDelay: true }, (client) => {
  const upstream = connect({ host: '127.0.0.1', port: Number(serverPort), noDelay: true });
  for (const [from, to] of [
    [client, upstream],
    [upstream, client],
  ]) {
    from.on('data', (chunk) => to.write(chunk));
    from.on('error', () => to.destroy());
    from.on('close', () => to.destroy());
  }
});

server.listen(Number(port), '127.0.0.1');
