import { createTestDatabase, type RunningProcess, startRoundRobin, useCleanup, waitFor } from '@codex-gateways/testing';
import { capabilityToken } from '@codex-gateways/tokens';
import { Agentserver } from './support/agentserver.ts';
import { frame } from './support/frames.ts';
import { CAPTOKEN_SECRET, INTERNAL_SECRET, SHARED_SECRET } from './support/gateway.ts';
import { BACK_WITHIN_MS, PATIENCE_MS, PATIENT_DEADLINES } from './support/patience.ts';
import { connect, type Peer, upgradeStatus } from './support/peer.ts';
import { ReadyReplicas } from './support/ready-replicas.ts';
import { startSignedInExecutor } from './support/real-codex.ts';
import { ReplicaProcess } from './support/replica-process.ts';

/** The older CLI is installed when it is first asked for. */
const TEST_TIMEOUT_MS = 300_000;
const WORKSPACE = 'ws-rolling';

describe('two replicas behind a balancer, restarted one after the other', () => {
  const cleanup = useCleanup();
  const agentserver = new Agentserver();
  let replicas: [ReplicaProcess, ReplicaProcess];
  let ready: ReadyReplicas;
  let proxyUrl: string;

  beforeAll(async () => {
    const database = await createTestDatabase();
    cleanup.after(() => database.drop());
    await agentserver.start();
    cleanup.after(() => agentserver.stop());
    agentserver.knows('owner-token', 'user-owner');
    const env = {
      ...PATIENT_DEADLINES,
      CXG_DATABASE_URL: database.url,
      CXG_CAPTOKEN_HMAC_SECRET: CAPTOKEN_SECRET,
      CXG_INTERNAL_SHARED_SECRET: SHARED_SECRET,
      CXG_AGENTSERVER_INTERNAL_URL: agentserver.url,
      CXG_AGENTSERVER_INTERNAL_SECRET: INTERNAL_SECRET,
      CXG_DRAIN_TIMEOUT: '2s',
    };
    replicas = [await ReplicaProcess.create(env), await ReplicaProcess.create(env)];
    for (const replica of replicas) {
      cleanup.after(() => replica.stop());
      await replica.start();
    }
    ready = new ReadyReplicas(replicas.map(({ url }) => url));
    ready.start();
    cleanup.after(() => ready.stop());
    proxyUrl = await startRoundRobin(cleanup, () => ready.urls);
    await bothReady();
  });

  const outputs = () => replicas.map(({ lastOutput }) => lastOutput).join('\n');
  const bothReady = () =>
    waitFor(() => ready.areAll, { timeoutMs: PATIENCE_MS, describe: () => `both replicas\n${outputs()}` });

  const call = async <Body = Record<string, unknown>>(base: string, method: string, path: string, body?: unknown) => {
    const answer = await fetch(`${base}${path}`, {
      method,
      headers: {
        ...{ 'x-internal-secret': INTERNAL_SECRET, 'x-user-id': 'user-owner', connection: 'close' },
        ...{ authorization: `Bearer ${path.includes('/register') ? 'owner-token' : SHARED_SECRET}` },
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    const text = await answer.text();
    if (!answer.ok) throw new Error(`${method} ${path} answered ${answer.status}: ${text}\n${outputs()}`);
    return { status: answer.status, body: (text === '' ? undefined : JSON.parse(text)) as Body };
  };

  const newExecutor = async (): Promise<string> => {
    const { body } = await call<{ exe_id: string }>(proxyUrl, 'POST', '/api/codex-exec/register', {
      display_name: 'box',
    });
    await call(proxyUrl, 'POST', `/api/codex-exec/workspaces/${WORKSPACE}/executors`, { exe_id: body.exe_id });
    return body.exe_id;
  };

  const connectedAt = async (base: string): Promise<string[]> => {
    const { body } = await call<{ exe_id: string }[]>(
      base,
      'GET',
      `/api/exec-gateway/connected?workspace_id=${WORKSPACE}`,
    );
    return body.map(({ exe_id }) => exe_id).sort();
  };

  const capability = (turnId: string) => {
    const iat = Math.floor(Date.now() / 1000);
    return capabilityToken.mint({ turn_id: turnId, workspace_id: WORKSPACE, iat, exp: iat + 600 }, CAPTOKEN_SECRET);
  };

  const bridgeUrl = (base: string, exeId: string, turnId: string) =>
    `${base.replace('http', 'ws')}/bridge/${exeId}?role=harness&token=${capability(turnId)}`;

  /** A stream between a harness and an executor that are both at one replica, with a frame every few milliseconds. */
  const streamAt = async (base: string) => {
    const exeId = await newExecutor();
    const { body } = await call(base, 'POST', `/cloud/environment/${exeId}/register`);
    const executor = await connect(String(body.url).replace(/^ws:\/\/[^/]+/, base.replace('http', 'ws')));
    const harness = await connect(bridgeUrl(base, exeId, 'turn-stream'));
    harness.send(frame('resume', 's'));
    let sent = 1;
    const timer = setInterval(() => {
      harness.send(frame('data', 's', `frame ${sent}`));
      sent += 1;
    }, 10);
    cleanup.after(() => clearInterval(timer));
    return { executor, harness, end: () => clearInterval(timer), sent: () => sent };
  };

  const expectUndisturbed = async (stream: { executor: Peer; harness: Peer; end(): void; sent(): number }) => {
    stream.end();
    await waitFor(() => stream.executor.frames.length === stream.sent(), {
      timeoutMs: PATIENCE_MS,
      describe: () => `${stream.sent()} frames; ${stream.executor.frames.length} have come\n${outputs()}`,
    });
    expect(stream.sent()).toBeGreaterThan(50);
    expect([stream.harness.closed, stream.executor.closed]).toEqual([undefined, undefined]);
    stream.harness.close();
    stream.executor.close();
    await stream.executor.waitForClose();
  };

  it(
    'keep every executor process alive and have it back within ten seconds',
    async () => {
      const executors: { exeId: string; process: RunningProcess }[] = [];
      const ended: string[] = [];
      for (const version of ['0.140.0', undefined, '0.140.0', undefined]) {
        const exeId = await newExecutor();
        const process = await startSignedInExecutor(
          cleanup,
          { url: proxyUrl },
          {
            ...{ exeId, accessToken: 'owner-token', accountId: 'acc-1' },
            ...(version ? { version } : {}),
          },
        );
        process.exited.then(({ stderr }) => ended.push(stderr)).catch((error: Error) => ended.push(error.message));
        executors.push({ exeId, process });
      }
      const real = executors.map(({ exeId }) => exeId).sort();
      let connected: string[] = [];
      const waitForAll = async (base: string, timeoutMs: number) => {
        await waitFor(
          async () => {
            connected = await connectedAt(base);
            return real.every((exeId) => connected.includes(exeId));
          },
          {
            timeoutMs,
            describe: () => {
              const written = executors.map(({ exeId, process }) => `${exeId} wrote ${process.output}`);
              return `${real}; connected are ${connected}; ended: ${ended}\n${written.join('\n')}\n${outputs()}`;
            },
          },
        );
      };
      /** From the first executor's leaving on, all have to be at the other replica within the time. */
      const waitForAllAway = async (leaving: ReplicaProcess, staying: ReplicaProcess) => {
        await waitFor(() => leaving.output.includes('executor disconnected') || leaving.output.includes('stopping'), {
          timeoutMs: PATIENCE_MS,
          describe: () => `the replica to shut down; ${leaving.lastOutput}`,
        });
        await waitForAll(staying.url, BACK_WITHIN_MS);
      };
      await waitForAll(proxyUrl, PATIENCE_MS);
      expect((await call(proxyUrl, 'POST', '/api/exec-gateway/revoke-turn', { turn_id: 'turn-revoked' })).status).toBe(
        204,
      );

      for (const [leaving, staying] of [replicas, [replicas[1], replicas[0]] as const]) {
        const stream = await streamAt(staying.url);
        const [exit] = await Promise.all([leaving.shutDown(), waitForAllAway(leaving, staying)]);
        expect(exit.code).toBe(0);
        await leaving.start();
        await bothReady();
        await expectUndisturbed(stream);
        for (const { url } of replicas) {
          expect(await upgradeStatus(bridgeUrl(url, real[0] ?? '', 'turn-revoked'))).toBe(401);
        }
      }
      expect(ended).toEqual([]);
      for (const { process } of executors) await process.stop();
    },
    TEST_TIMEOUT_MS,
  );
});
