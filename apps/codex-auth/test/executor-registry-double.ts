import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Duplex } from 'node:stream';
import type { World } from './use-world.ts';

/** What an executor sent to register, and what codex-auth said of its credentials. */
export interface Registration {
  readonly receivedAt: Date;
  readonly path: string;
  readonly authorization: string;
  readonly accountId: string | undefined;
  readonly validation: { readonly status: number; readonly body: unknown };
}

/**
 * Registers executors as exec-gateway does, by asking the real codex-auth whose credentials they present, but refuses their
 * sockets: with 503 they try the same address again, with 401 they register again (docs/protocol.md).
 */
export class ExecutorRegistryDouble {
  readonly registrations: Registration[] = [];
  /** Of the next refusals of a socket; 503 when it is empty. */
  readonly refusals: number[] = [];
  readonly #world: World;

  constructor(world: World) {
    this.#world = world;
  }

  async answer(req: IncomingMessage, res: ServerResponse): Promise<void> {
    const receivedAt = new Date();
    const body = await readJson(req);
    const authorization = req.headers.authorization ?? '';
    const accountId = req.headers['chatgpt-account-id']?.toString();
    const [, scheme, credential] = /^(Bearer|AgentAssertion) (.+)$/.exec(authorization) ?? [];
    const validation = await this.#world.internal('/internal/codex-auth/validate', {
      ...(scheme === 'Bearer'
        ? { scheme: 'bearer', token: credential }
        : { scheme: 'agent_assertion', assertion: credential }),
      ...(accountId === undefined ? {} : { account_id: accountId }),
    });
    this.registrations.push({ receivedAt, path: req.url ?? '', authorization, accountId, validation });
    const exeId = /^\/cloud\/(?:environment|executor)\/([^/]+)\/register$/.exec(req.url ?? '')?.[1];
    const [status, answer] =
      validation.status === 200
        ? [200, accepted(exeId, req, body)]
        : [401, { error: { code: 'invalid_credentials', message: 'these credentials are not accepted' } }];
    res.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(answer));
  }

  refuseUpgrade(socket: Duplex): void {
    const status = this.refusals.shift() ?? 503;
    socket.on('error', () => undefined);
    socket.end(`HTTP/1.1 ${status} Refused\r\nContent-Length: 0\r\nConnection: close\r\n\r\n`);
  }
}

function accepted(exeId: string | undefined, req: IncomingMessage, body: { security_profile?: string }) {
  return {
    ...{ id: exeId, executor_id: exeId, environment_id: exeId },
    url: `ws://${req.headers.host}/codex-exec/${exeId}?token=t`,
    security_profile: body.security_profile ?? null,
    executor_registration_id: 'registration_1',
  };
}

async function readJson(req: IncomingMessage): Promise<{ security_profile?: string }> {
  const chunks: Buffer[] = [];
  for await (const chunk of req) chunks.push(chunk as Buffer);
  return chunks.length === 0 ? {} : JSON.parse(Buffer.concat(chunks).toString());
}
