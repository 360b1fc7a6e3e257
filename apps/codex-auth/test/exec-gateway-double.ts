import { randomUUID } from 'node:crypto';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { ExecutorRegistryDouble } from './executor-registry-double.ts';
import { INTERNAL_SECRET } from './use-auth-service.ts';

export type Operation = 'register' | 'bind' | 'list' | 'unbind' | 'delete' | 'disconnect';

/**
 * How an operation goes wrong: with a status; `silent`, doing nothing and never answering; `done-but-silent`; or with an
 * answer that is not JSON.
 */
export type Trouble = number | 'silent' | 'done-but-silent' | 'nonsense';

interface Executor {
  readonly ownerUserId: string;
  readonly displayName: string;
}

/** Stands for codex-exec-gateway where it has to be away, slow or wrong: a real server that keeps what it is told. */
export class ExecGatewayDouble {
  readonly executors = new Map<string, Executor>();
  /** By `<workspace> <exe_id>`. */
  readonly bindings = new Map<string, { name: string; description: string; is_default: boolean }>();
  readonly trouble = new Map<Operation, Trouble>();
  readonly disconnectedUsers: string[] = [];
  /** Whether it takes the id that it is asked to, or makes one itself. */
  takesProposedIds = true;
  /** A broken one that gives out this id every time. */
  answersRegisterWith: string | undefined;
  /** Answers what executors themselves call, below `/cloud`. */
  registry: ExecutorRegistryDouble | undefined;
  /** Secret and user of each request so far. */
  readonly seen: { readonly operation: Operation; readonly secret: unknown; readonly userId: unknown }[] = [];
  readonly #server: Server;

  private constructor() {
    this.#server = createServer((req, res) => {
      const answered = req.url?.startsWith('/cloud/') ? this.registry?.answer(req, res) : this.#answer(req, res);
      answered?.catch((error: unknown) => res.destroy(error as Error));
    });
    this.#server.on('upgrade', (_req, socket) => this.registry?.refuseUpgrade(socket));
  }

  static async start(): Promise<ExecGatewayDouble> {
    const double = new ExecGatewayDouble();
    await double.listen(0);
    return double;
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  listen(port: number): Promise<void> {
    return new Promise((resolve) => this.#server.listen(port, '127.0.0.1', resolve));
  }

  /** Gone, as a stopped process is; `listen` brings it back with what it knew. */
  close(): Promise<void> {
    return new Promise((resolve) => {
      this.#server.close(() => resolve());
      this.#server.closeAllConnections();
    });
  }

  get isEmpty(): boolean {
    return this.executors.size === 0 && this.bindings.size === 0;
  }

  async #answer(req: IncomingMessage, res: ServerResponse): Promise<void> {
    const body = await readJson(req);
    const [operation, act] = this.#operation(req, body);
    this.seen.push({ operation, secret: req.headers['x-internal-secret'], userId: req.headers['x-user-id'] });
    const trouble = this.trouble.get(operation);
    if (req.headers['x-internal-secret'] !== INTERNAL_SECRET) return void res.writeHead(401).end();
    if (trouble === 'silent') return;
    if (typeof trouble === 'number') return void res.writeHead(trouble).end('{"error":{"code":"x","message":"y"}}');
    const [status, answer] = act();
    if (trouble === 'done-but-silent') return;
    if (trouble === 'nonsense') return void res.writeHead(status).end('<html>');
    res.writeHead(status, { 'content-type': 'application/json' }).end(answer && JSON.stringify(answer));
  }

  #operation(req: IncomingMessage, body: Record<string, never>): [Operation, () => [number, unknown?]] {
    const [, workspace = '', exeId = ''] = /^\/api\/codex-exec\/workspaces\/([^/]+)\/executors(?:\/([^/]+))?$/.exec(
      req.url ?? '',
    ) ?? [''];
    if (req.url === '/api/codex-exec/register') return ['register', () => this.#register(req, body)];
    const [, user] = /^\/api\/codex-exec\/users\/([^/]+)\/disconnect$/.exec(req.url ?? '') ?? [];
    if (user !== undefined) return ['disconnect', () => [this.disconnectedUsers.push(user) && 204]];
    if (req.method === 'POST') return ['bind', () => this.#bind(workspace, body)];
    if (req.method === 'GET') return ['list', () => [200, this.#list(workspace)]];
    if (workspace) return ['unbind', () => [this.bindings.delete(`${workspace} ${exeId}`) ? 204 : 404]];
    const executor = (req.url ?? '').replace('/api/codex-exec/executors/', '');
    return ['delete', () => [this.executors.delete(executor) ? 204 : 404]];
  }

  #register(req: IncomingMessage, body: { exe_id?: string; display_name?: string }): [number, unknown] {
    const exeId = this.answersRegisterWith ?? ((this.takesProposedIds && body.exe_id) || `exe_${randomUUID()}`);
    const ownerUserId = String(req.headers['x-user-id']);
    this.executors.set(exeId, { ownerUserId, displayName: body.display_name ?? '' });
    return [201, { exe_id: exeId }];
  }

  #bind(
    workspace: string,
    body: { exe_id?: string; name?: string; description?: string; is_default?: boolean },
  ): [number] {
    const { exe_id, name = '', description = '', is_default = false } = body;
    if (!this.executors.has(exe_id ?? '')) return [404];
    this.bindings.set(`${workspace} ${exe_id}`, { name, description, is_default });
    return [201];
  }

  #list(workspace: string) {
    return [...this.bindings]
      .filter(([key]) => key.startsWith(`${workspace} `))
      .map(([key, binding]) => ({
        exe_id: key.split(' ')[1],
        ...binding,
        is_online: true,
        last_seen_at: '2026-11-22T01:02:03.000Z',
        codex_version: null,
        duel: { since: '2026-11-22T01:02:04.000Z' },
      }));
  }
}

async function readJson(req: IncomingMessage): Promise<Record<string, never>> {
  const chunks: Buffer[] = [];
  for await (const chunk of req) chunks.push(chunk as Buffer);
  return chunks.length === 0 ? {} : JSON.parse(Buffer.concat(chunks).toString());
}
