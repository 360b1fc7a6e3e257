import { once } from 'node:events';
import { type AddressInfo, createServer } from 'node:net';
import { PortTakenError } from './embedded-postgres-error.ts';
import { onFreePort } from './loopback-port.ts';

describe('starting on a loopback port', () => {
  /** Finds its port taken so many times. */
  function startWithRivals(rivals: number) {
    const tried: number[] = [];
    const start = async (port: number) => {
      tried.push(port);
      if (tried.length <= rivals) throw new PortTakenError(port);
      return 'started';
    };
    return { start, tried };
  }

  it('takes another port when a program was quicker on the one that the system chose', async () => {
    const { start, tried } = startWithRivals(2);
    await expect(onFreePort(0, start)).resolves.toBe('started');
    expect(tried).toHaveLength(3);
    expect(tried.every((port) => port > 0)).toBe(true);
  });

  it('does not go on for ever', async () => {
    const { start, tried } = startWithRivals(1000);
    await expect(onFreePort(0, start)).rejects.toThrow(PortTakenError);
    expect(tried).toHaveLength(5);
  });

  it('takes no other port than the one that is wanted', async () => {
    const stranger = createServer().listen(0, '127.0.0.1');
    await once(stranger, 'listening');
    const { port } = stranger.address() as AddressInfo;
    const { start, tried } = startWithRivals(1);
    await expect(onFreePort(port, start)).rejects.toMatchObject({ port });
    expect(tried).toEqual([]);
    stranger.close();
    await once(stranger, 'close');
    await expect(onFreePort(port, start)).rejects.toMatchObject({ port });
    expect(tried).toEqual([port]);
  });

  it('passes any other failure through at once', async () => {
    await expect(onFreePort(0, () => Promise.reject(new Error('broken')))).rejects.toThrow('broken');
  });
});
