import {
  type CodexHome,
  connectAppServer,
  createCodexHome,
  type ReceivedSpan,
  runTurn,
  startCodex,
  startTraceCollector,
  type TraceCollector,
  useBrowser,
  useCleanup,
  waitFor,
} from '@codex-gateways/testing';
import type { LocalStack } from '../src/index.ts';
import { callApi } from './api.ts';
import { logInWithDeviceCode, startMarkerModel, startTestStack } from './use-local-stack.ts';

/** The real CLI through real services that export to a real receiver; each test goes on where the one before ended. */
describe('traces over all three services', () => {
  const cleanup = useCleanup();
  const browser = useBrowser();
  let collector: TraceCollector;
  let stack: LocalStack;
  let home: CodexHome;
  let accessToken: string;
  let workspaceId: string;
  const secrets: string[] = [];

  const api = <Body>(path: string, json?: object) =>
    callApi<Body>(`${stack.urls.auth}${path}`, {
      bearer: accessToken,
      ...(json ? { method: 'POST' as const, json } : {}),
    });
  const traceOf = (isIt: (span: ReceivedSpan) => boolean) => {
    const traceId = collector.spans.find(isIt)?.traceId;
    return collector.spans.filter((span) => span.traceId === traceId);
  };
  /** Waits for a trace that a span is part of to have spans of these names as well. */
  const completeTrace = async (isIt: (span: ReceivedSpan) => boolean, names: readonly string[]) => {
    const missing = () => {
      const found = new Set(traceOf(isIt).map(({ service, name }) => `${service}: ${name}`));
      return names.filter((name) => !found.has(name));
    };
    const seen = () => traceOf(isIt).map(({ service, name }) => `${service}: ${name}`);
    await waitFor(() => missing().length === 0, {
      timeoutMs: 60_000,
      describe: () => `the trace has ${missing().join(' and ')}; it has ${seen().join(', ')}`,
    });
    return traceOf(isIt);
  };

  beforeAll(async () => {
    collector = await startTraceCollector();
    cleanup.after(() => collector.close());
    const model = await startMarkerModel(cleanup);
    // What is not taken in time is dropped.
    const exporting = { OTEL_EXPORTER_OTLP_ENDPOINT: collector.url, OTEL_EXPORTER_OTLP_TIMEOUT: '60000' };
    stack = await startTestStack(cleanup, { env: { ...model, ...exporting } });
    home = await createCodexHome();
    cleanup.after(() => home.remove());
  });

  it('has a login as one, from the device code over the page to the tokens', async () => {
    await logInWithDeviceCode(stack, { home, page: await browser.newPage() });
    const { access_token = '', refresh_token = '' } = (await home.readAuth())?.tokens ?? {};
    accessToken = access_token;
    secrets.push(access_token, refresh_token);
    const trace = await completeTrace(
      ({ name }) => name === 'POST /api/accounts/deviceauth/usercode',
      [
        'codex-auth: device login approved',
        'codex-auth: exchange device code',
        'codex-auth: redeem authorization code',
        'codex-auth: sign tokens',
      ],
    );
    const tokenRequest = collector.spans.find(({ name }) => name === 'POST /oauth/token');
    expect(tokenRequest?.links).toEqual([trace[0]?.traceId]);
  });

  it('has the registration of an executor as one, and the check of its Agent Identity is part of it', async () => {
    const { body: workspaces } = await api<{ id: string }[]>('/api/workspaces');
    workspaceId = workspaces[0]?.id ?? '';
    const { body: connector } = await api<{ exe_id: string; environment: Record<string, string> }>(
      '/api/codex/connectors',
      { workspace_id: workspaceId, name: 'laptop', is_default: true },
    );
    secrets.push(...Object.values(connector.environment).filter((value) => value.length > 100));
    const executorHome = await createCodexHome();
    cleanup.after(() => executorHome.remove());
    const remote = ['--remote', stack.urls.exec, '--environment-id', connector.exe_id, '--use-agent-identity-auth'];
    const executor = await startCodex({
      args: ['exec-server', ...remote],
      env: connector.environment,
      home: executorHome,
    });
    cleanup.after(() => executor.stop());
    const trace = await completeTrace(
      ({ name }) => /^POST \/cloud\/.*\/register$/.test(name),
      ['codex-exec-gateway: POST codex-auth', 'codex-auth: POST /internal/codex-auth/validate'],
    );
    const byId = new Map(trace.map((span) => [span.spanId, span]));
    const check = trace.find(({ name }) => name === 'POST /internal/codex-auth/validate');
    const call = byId.get(check?.parentSpanId ?? '');
    expect(call?.service).toBe('codex-exec-gateway');
    expect(byId.get(call?.parentSpanId ?? '')?.name).toMatch(/register$/);
    await waitFor(
      async () =>
        (await api<{ is_online: boolean }[]>(`/api/codex/connectors?workspace_id=${workspaceId}`)).body[0]
          ?.is_online === true,
      {
        timeoutMs: 60_000,
        describe: () => `the executor is online: ${executor.output}`,
      },
    );
  });

  it('has a turn as one, from the client over the app-server to the executor', async () => {
    const minted = await api<{ token: string }>('/api/codex/tokens', { workspace_id: workspaceId, name: 'terminal' });
    secrets.push(minted.body.token);
    const url = stack.urls.app.replace('http', 'ws');
    const client = await connectAppServer({ url, bearer: minted.body.token, timeoutMs: 120_000 });
    cleanup.after(() => client.close());
    await runTurn(client, { text: 'say what you know', cwd: '/' });
    const isUpgrade = ({ service, name }: ReceivedSpan) => service === 'codex-app-gateway' && name === 'GET /';
    const trace = await completeTrace(isUpgrade, [
      'codex-app-gateway: verify token',
      'codex-auth: POST /api/internal/codex/tokens/verify',
      'codex-app-gateway: GET codex-exec-gateway',
      'codex-exec-gateway: GET /api/exec-gateway/connected',
      'codex-app-gateway: start app-server',
      'codex-exec-gateway: connect harness',
      'codex-exec-gateway: open bridge',
    ]);
    expect(new Set(trace.map(({ service }) => service)).size).toBe(3);
  });

  it('keeps every secret out of the spans', () => {
    expect(secrets.length).toBeGreaterThan(3);
    for (const body of collector.bodies) {
      for (const secret of secrets) expect(body).not.toContain(secret);
      expect(body).not.toMatch(/ast_[A-Za-z0-9]|token=|Bearer /);
    }
  });
});
