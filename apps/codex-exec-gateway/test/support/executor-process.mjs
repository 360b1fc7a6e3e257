import { WebSocket } from 'ws';

// An executor as a process of its own, so that a test can kill it.
const ws = new WebSocket(process.argv[2], { perMessageDeflate: false });
ws.on('open', () => process.stdout.write('open\n'));
ws.on('error', (error) => {
  process.stderr.write(`${error.message}\n`);
  process.exit(1);
});
