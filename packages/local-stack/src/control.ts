import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { ServiceName } from './service-environments.ts';
import { oneLine, StackError } from './stack-error.ts';

const ADDRESS_FILE = 'control';
const ORDER = /^restart (auth|app|exec)$/;

/** How a running stack is told to restart a service: one line in, progress and `done` out, on a socket for its owner only. */
export class StackControl {
  readonly #server: Server;
  readonly #socketFolder: string;
  readonly #addressFile: string;

  private constructor(server: Server, socketFolder: string, addressFile: string) {
    this.#server = server;
    this.#socketFolder = socketFolder;
    this.#addressFile = addressFile;
  }

  /** @param stateDirectory - keeps the address, since the name of a socket may not be longer than 107 bytes */
  static async open(
    stateDirectory: string,
    restart: (service: ServiceName, onLine: (line: string) => void) => Promise<void>,
  ): Promise<StackControl> {
    const socketFolder = mkdtempSync(join(tmpdir(), 'codex-gateways-'));
    const path = join(socketFolder, 'control');
    const server = createServer({ allowHalfOpen: true }, (socket) => void serve(socket, restart));
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject);
      server.listen(path, resolve);
    });
    const addressFile = join(stateDirectory, ADDRESS_FILE);
    writeFileSync(addressFile, path, { mode: 0o600 });
    return new StackControl(server, socketFolder, addressFile);
  }

  close(): void {
    this.#server.close();
    rmSync(this.#addressFile, { force: true });
    rmSync(this.#socketFolder, { recursive: true, force: true });
  }
}

async function serve(
  socket: Socket,
  restart: (service: ServiceName, onLine: (line: string) => void) => Promise<void>,
): Promise<void> {
  socket.on('error', () => undefined); // who asked has gone; what was begun goes on
  for await (const line of createInterface({ input: socket })) {
    const service = ORDER.exec(line)?.[1];
    const say = (text: string) => socket.write(`${text}\n`);
    try {
      if (service === undefined) throw new StackError(`not an order: ${line}`);
      await restart(service as ServiceName, say);
      socket.end('done\n');
    } catch (error) {
      socket.end(`failed: ${oneLine(error)}\n`);
    }
    return;
  }
}

/**
 * Has the stack that runs on a state folder restart the replicas of a service, one after the other.
 * @throws {StackError} no stack with replicas runs there, or a replica did not come back
 */
export async function orderRestart(
  stateDirectory: string,
  service: ServiceName,
  { onLine, signal }: { onLine: (line: string) => void; signal: AbortSignal },
): Promise<void> {
  const nobody = new StackError(`no stack with --replicas runs on ${stateDirectory}`);
  let socket: Socket;
  try {
    socket = connect({ path: readFileSync(join(stateDirectory, ADDRESS_FILE), 'utf8'), signal });
  } catch {
    throw nobody;
  }
  socket.write(`restart ${service}\n`);
  try {
    for await (const line of createInterface({ input: socket })) {
      if (line === 'done') return;
      if (line.startsWith('failed: ')) throw new StackError(line.slice('failed: '.length));
      onLine(line);
    }
  } catch (error) {
    throw error instanceof StackError ? error : nobody;
  } finally {
    socket.destroy();
  }
  throw new StackError('the stack ended before the restart was over');
}
