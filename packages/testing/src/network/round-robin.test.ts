import { once } from 'node:events';
import { type AddressInfo, createServer } from 'node:net';
import { useCleanup } from '../processes/use-cleanup.ts';
import { freePort } from '../waiting/free-port.ts';
import { startRoundRobin } from './round-robin.ts';

describe('a balancer of tests', () => {
  const cleanup = useCleanup();

  async function startReplica(name: string): Promise<string> {
    const server = createServer((socket) => void socket.end(`HTTP/1.0 200 OK\r\n\r\n${name}`)).listen(0, '127.0.0.1');
    await once(server, 'listening');
    cleanup.after(() => server.close());
    return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  }

  it('takes each replica in its turn, passes over one that is gone, and has no place for anyone without one', async () => {
    const gone = `http://127.0.0.1:${await freePort()}`;
    let backends = [await startReplica('one'), gone, await startReplica('two')];
    const url = await startRoundRobin(cleanup, () => backends);
    const ask = async () => (await fetch(url)).text();
    expect([await ask(), await ask(), await ask(), await ask()]).toEqual(['one', 'two', 'one', 'two']);
    backends = [];
    await expect(ask()).rejects.toThrow('fetch failed');
  });
});
