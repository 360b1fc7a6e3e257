import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { readArguments } from './arguments.ts';
import { balancerConfig } from './balancer-config.ts';
import { orderRestart } from './control.ts';
import { findHaproxy } from './find-haproxy.ts';
import { replicaEnvironment } from './service-environments.ts';

describe('what a stack is asked for', () => {
  it('is one of each service, without a balancer, unless replicas are named', () => {
    expect(readArguments([])).toEqual({ kind: 'run', replicas: undefined });
    expect(readArguments(['--replicas', 'auth=2, exec=3'])).toEqual({
      kind: 'run',
      replicas: { auth: 2, app: 1, exec: 3 },
    });
    expect(readArguments(['--restart', 'exec'])).toEqual({ kind: 'restart', service: 'exec' });
  });

  it.each([
    [['--replicas', 'auth=0'], /each from 1 to 4; this is not: auth=0/],
    [['--replicas', 'auth=5'], /this is not: auth=5/],
    [['--replicas', 'database=2'], /this is not: database=2/],
    [['--replicas', ''], /this is not: $/],
    [['--restart', 'database'], /takes auth, app or exec, not database/],
    [['--wrong'], /there are --replicas/],
    [['word'], /there are --replicas/],
  ])('is refused in one line when it is %j', (args, reason) => {
    expect(() => readArguments(args)).toThrow(
      expect.objectContaining({ name: 'StackError', message: expect.stringMatching(reason) }),
    );
  });
});

describe('a replica', () => {
  it('has a port, an address and a folder of its own, and believes one proxy', () => {
    const base = { CXG_STATE_DIR: '/state/app', CODEX_AUTH_ISSUER_URL: 'http://127.0.0.1:1' };
    const own = { replica: 2, port: 77 };
    expect(replicaEnvironment('auth', base, own)).toMatchObject({
      CODEX_AUTH_PORT: '77',
      CODEX_AUTH_ISSUER_URL: 'http://127.0.0.1:1',
      CODEX_AUTH_TRUSTED_PROXY_HOPS: '1',
    });
    expect(replicaEnvironment('exec', base, own)).toMatchObject({
      CXG_PORT: '77',
      CXG_SELF_INTERNAL_URL: 'http://127.0.0.1:77',
      CXG_TRUSTED_PROXY_HOPS: '1',
    });
    expect(replicaEnvironment('app', base, own)).toMatchObject({
      CXG_APP_PORT: '77',
      CXG_APP_SELF_INTERNAL_URL: 'http://127.0.0.1:77',
      CXG_STATE_DIR: '/state/app-2',
    });
  });

  it('is reached in its turn, while it is ready, with what the balancer says of the caller', () => {
    const config = balancerConfig([{ service: 'auth', port: 81, replicaPorts: [91, 92] }], '/run/socket');
    const lines = config.split('\n').map((line) => line.trim());
    expect(lines).toEqual(
      expect.arrayContaining([
        'balance roundrobin',
        'option httpchk GET /readyz',
        'bind 127.0.0.1:81',
        'http-request del-header X-Forwarded- -m beg',
        'http-request set-header X-Forwarded-For %[src]',
        'server auth1 127.0.0.1:91',
        'server auth2 127.0.0.1:92',
      ]),
    );
  });
});

describe('an order to restart', () => {
  it.each([undefined, '/nowhere/control'])('finds nobody where no stack with replicas runs (%s)', async (address) => {
    const folder = mkdtempSync(join(tmpdir(), 'codex-gateways-control-'));
    if (address) writeFileSync(join(folder, 'control'), address);
    const order = orderRestart(folder, 'auth', { onLine: () => undefined, signal: new AbortController().signal });
    await expect(order).rejects.toThrow(`no stack with --replicas runs on ${folder}`);
    rmSync(folder, { recursive: true });
  });
});

describe('HAProxy', () => {
  it('is named in one line when it is missing', () => {
    const find = () => findHaproxy({ PATH: '/nowhere' }, []);
    expect(find).toThrow('replicas need HAProxy in front of them: install it (Debian: apt-get install haproxy)');
  });
});
