import { createServer } from 'node:net';
import { choosePorts, chooseReplicaPorts } from './stack-ports.ts';

describe('ports of a stack', () => {
  it('are chosen by the system where none is wanted, no two of them the same', async () => {
    const ports = await choosePorts({ app: 0 });
    const replicas = await chooseReplicaPorts({ auth: 2, app: 1, exec: 3 }, ports);
    const all = [...Object.values(ports), ...Object.values(replicas).flat()];
    expect(all).toHaveLength(9);
    expect(new Set(all).size).toBe(9);
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(ports.auth, '127.0.0.1', resolve));
    await new Promise((resolve) => server.close(resolve));
  });
});
