import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { codexBinary, createCodexHome, useCleanup } from '@codex-gateways/testing';
import { ALLOWED_METHODS, ALLOWED_NOTIFICATIONS } from './allowed-methods.ts';
import { REFUSED_METHODS } from './refused-methods.ts';

interface Schema {
  oneOf: { properties: { method: { enum: [string] }; params?: { $ref?: string; anyOf?: { $ref?: string }[] } } }[];
  definitions?: Record<string, { properties?: Record<string, unknown> }>;
}

/** Each method that the protocol has, with the names of its parameters. */
function methodsOf({ oneOf, definitions }: Schema): Map<string, string[]> {
  return new Map(
    oneOf.map(({ properties: { method, params } }) => {
      const reference = params?.$ref ?? params?.anyOf?.find(({ $ref }) => $ref)?.$ref ?? '';
      return [method.enum[0], Object.keys(definitions?.[reference.split('/').at(-1) ?? '']?.properties ?? {})];
    }),
  );
}

describe.each([
  ['the bundled version', undefined],
  ['0.140.0', '0.140.0'],
])('the lists of methods against the protocol of the real CLI, %s', (_name, version) => {
  const cleanup = useCleanup();
  let methods: Map<string, string[]>;
  let notifications: string[];

  beforeAll(async () => {
    const [binary, home] = await Promise.all([codexBinary(version), createCodexHome()]);
    cleanup.after(() => home.remove());
    const args = ['app-server', 'generate-json-schema', '--experimental', '--out', home.workFolder];
    await promisify(execFile)(binary, args, { env: { CODEX_HOME: home.path, HOME: home.path } });
    const read = async (name: string) => JSON.parse(await readFile(join(home.workFolder, name), 'utf8')) as Schema;
    methods = methodsOf(await read('ClientRequest.json'));
    notifications = [...methodsOf(await read('ClientNotification.json')).keys()];
  }, 300_000);

  it('sees the protocol', () => {
    expect(methods.size).toBeGreaterThan(100);
    expect(methods.get('thread/start')).toContain('cwd');
  });

  it('decides about each method: allowed or refused, not both', () => {
    const undecided = [...methods.keys()].filter((name) => ALLOWED_METHODS.has(name) === REFUSED_METHODS.has(name));
    expect(undecided).toEqual([]);
  });

  it('decides about each parameter of each allowed method', () => {
    const undecided = [...methods].flatMap(([method, parameters]) => {
      const rules = ALLOWED_METHODS.get(method);
      if (!rules) return [];
      const decided = [...rules.pass, ...rules.drop, ...Object.keys(rules.check), ...Object.keys(rules.refuse)];
      return parameters.filter((name) => !decided.includes(name)).map((name) => `${method} ${name}`);
    });
    expect(undecided).toEqual([]);
  });

  it('decides about each notification', () => {
    expect(notifications).toEqual([...ALLOWED_NOTIFICATIONS]);
  });
});

describe('the lists of methods by themselves', () => {
  it('name no parameter of a method twice', () => {
    for (const [method, { pass, drop, check, refuse }] of ALLOWED_METHODS) {
      const names = [...pass, ...drop, ...Object.keys(check), ...Object.keys(refuse)];
      expect({ method, names: [...new Set(names)] }).toEqual({ method, names });
    }
  });
});
