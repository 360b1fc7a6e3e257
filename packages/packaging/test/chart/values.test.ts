import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse } from 'yaml';
import { APPS, readManifest, readText } from '../repository.ts';
import { describeWith, HELM, programOf, TOOL_TIMEOUT_MS } from '../tools/go-tool.ts';
import { CHART, refusal, render, type Values } from './helm.ts';
import { MINIMAL } from './values-matrix.ts';

interface Schema {
  readonly $ref?: string;
  readonly type?: string | readonly string[];
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly additionalProperties?: boolean | Schema;
}

const read = (file: string) => readFileSync(join(CHART, file), 'utf8');
const values = parse(read('values.yaml')) as Record<string, unknown>;
const schema = JSON.parse(read('values.schema.json')) as Schema & {
  readonly definitions: Readonly<Record<string, Schema>>;
};
const resolve = (each: Schema): Schema =>
  each.$ref ? (schema.definitions[each.$ref.replace('#/definitions/', '')] ?? {}) : each;
/** Maps whose keys are the operator's, and objects that are Kubernetes' own. */
const isOpen = (each: Schema) => each.properties === undefined || typeof each.additionalProperties === 'object';

describe('values.yaml', () => {
  it('fits on a few screens', () => {
    expect(read('values.yaml').split('\n').length).toBeLessThan(350);
  });

  it('names exactly what the schema knows', () => {
    const differences: string[] = [];
    const compare = (path: string, value: unknown, found: Schema) => {
      const each = resolve(found);
      if (isOpen(each) || typeof value !== 'object' || value === null) return;
      const inValues = Object.keys(value);
      // What may be absent stands in a comment as an example.
      const inSchema = Object.keys(each.properties ?? {}).filter(
        (key) => key !== 'global' && !path.endsWith('secretStoreRef'),
      );
      differences.push(
        ...inValues.filter((key) => !each.properties?.[key]).map((key) => `${path}.${key} is not in the schema`),
      );
      differences.push(
        ...inSchema
          .filter((key) => !inValues.includes(key) && !/\.image$/.test(path))
          .map((key) => `${path}.${key} is not in values.yaml`),
      );
      for (const [key, part] of Object.entries(value)) compare(`${path}.${key}`, part, each.properties?.[key] ?? {});
    };
    compare('', values, schema);
    expect(differences).toEqual([]);
  });

  it('says something about every part of it', () => {
    const lines = read('values.yaml').split('\n');
    const undescribed = lines.filter(
      (line, index) =>
        /^[a-zA-Z]+:/.test(line) && !/^ *#/.test(lines[index - 1] ?? '') && !/^ +#/.test(lines[index + 1] ?? ''),
    );
    expect(undescribed.filter((line) => !line.startsWith('fullnameOverride'))).toEqual([]);
  });
});

describe('values.schema.json', () => {
  it('is closed: what it does not know is refused', () => {
    const open: string[] = [];
    const visit = (path: string, each: Schema) => {
      if (each.properties && each.additionalProperties === undefined) open.push(path);
      for (const [key, part] of Object.entries(each.properties ?? {})) visit(`${path}.${key}`, part);
    };
    visit('', schema);
    for (const [name, definition] of Object.entries(schema.definitions)) visit(name, definition);
    expect(open).toEqual([]);
  });
});

describe('Chart.yaml', () => {
  it('is of the version of the services', () => {
    const { appVersion, version } = parse(read('Chart.yaml')) as { appVersion: string; version: string };
    for (const app of APPS) expect(readManifest(`apps/${app}`).version).toBe(appVersion);
    expect(version).toMatch(/^\d+\.\d+\.\d+$/);
  });
});

describeWith(HELM)('the schema of the values', () => {
  beforeAll(() => programOf(HELM), TOOL_TIMEOUT_MS);

  it.each([
    [
      'a misspelt key',
      { codexAuth: { publicUrl: 'https://a.example', replica: 2 } },
      /additional properties 'replica' not allowed/,
    ],
    ['an address without a scheme', { codexAuth: { publicUrl: 'auth.example.com' } }, /publicUrl/],
    ['an issuer with a query', { codexAuth: { publicUrl: 'https://a.example/?b=c' } }, /publicUrl/],
    [
      'an address of the app-gateway that is not a WebSocket',
      { appGateway: { publicUrl: 'https://a.example' } },
      /publicUrl/,
    ],
    [
      'limits without memory',
      {
        execGateway: {
          publicUrl: 'https://a.example',
          resources: { requests: { memory: '1Gi' }, limits: { cpu: 1, memory: null } },
        },
      },
      /memory/,
    ],
    [
      'a level of logs that there is not',
      { codexAuth: { publicUrl: 'https://a.example', logLevel: 'loud' } },
      /logLevel/,
    ],
    [
      'an identity provider with its secret in clear',
      {
        codexAuth: { publicUrl: 'https://a.example', upstreams: [{ name: 'corp', type: 'oidc', client_secret: 'x' }] },
      },
      /upstreams/,
    ],
    [
      'accounts of nobody',
      { codexAuth: { publicUrl: 'https://a.example', localAccounts: false } },
      /nobody could sign in/,
    ],
    ['a text where a number belongs', { preStopSeconds: '5' }, /preStopSeconds/],
  ])('refuses %s', async (_, changed, reason) => {
    expect(await refusal({ ...MINIMAL, ...(changed as Values) })).toMatch(reason);
  });

  it('accepts the examples of docs/operations.md', async () => {
    const text = readText('docs/operations.md');
    const blocks = [...text.matchAll(/```yaml\n([^`]*)```/g)].map(([, block = '']) => parse(block) as Values);
    expect(blocks.map((block) => Object.keys(block))).toEqual([
      expect.arrayContaining(['codexAuth', 'execGateway', 'appGateway']),
      ['agentserver', 'secrets'],
    ]);
    for (const block of blocks)
      expect(await render({ ...(block.images ? {} : MINIMAL), ...block })).not.toHaveLength(0);
    const settings = [...text.matchAll(/--set (\S+)/g)].flatMap(([, setting = '']) => ['--set', setting]);
    expect(settings.length).toBeGreaterThan(4);
    expect(await render({}, ...settings)).not.toHaveLength(0);
  });

  it('accepts the values of a parent chart', async () => {
    expect(await render({ ...MINIMAL, global: { anything: true } })).not.toHaveLength(0);
  });
});
