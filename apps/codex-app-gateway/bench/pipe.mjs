import { connect, createServer } from 'node:net';

// What reads and writes take in Node.js and nothing else: bytes of two sockets, passed on as they come. No proxy to use.
const [, , port, upstreamUrl] = process.argv;
const upstream = { host: new URL(upstreamUrl).hostname, port: Number(new URL(upstreamUrl).port), noDelay: true };

createServer({ noDelay: true }, (client) => {
  const server = connect(upstream);
  join(client, server);
  join(server, client);
}).listen(Number(port), '127.0.0.1');

function join(from, to) {
  from.on('data', (chunk) => {
    if (to.write(chunk)) return;
    from.pause();
    to.once('drain', () => from.resume());
  });
  from.on('end', () => to.end());
  from.on('error', () => to.destroy());
}
