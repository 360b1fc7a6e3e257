import { readFileSync } from 'node:fs';
import { documentedMetrics, exposedMetrics, useCleanup } from '@codex-gateways/testing';
import { createWorld, get } from './world.ts';

const OPERATIONS = readFileSync(new URL('../../../docs/operations.md', import.meta.url), 'utf8');
const HEADINGS = ['Every service', 'codex-app-gateway'];

describe('GET /metrics', () => {
  const cleanup = useCleanup();

  it('has what docs/operations.md lists: the same names, types and labels', async () => {
    const documented = documentedMetrics(OPERATIONS, HEADINGS);
    const exposed = exposedMetrics((await get(await (await createWorld(cleanup)).start(), '/metrics')).text);
    expect(documented.length).toBeGreaterThan(10);
    expect(exposed.map(({ name, type }) => `${name} ${type}`)).toEqual(
      documented.map(({ name, type }) => `${name} ${type}`),
    );
    const labelsOf = new Map(documented.map(({ name, labels }) => [name, labels]));
    for (const { name, labels } of exposed)
      expect({ name, labels: labelsOf.get(name) }).toEqual({ name, labels: expect.arrayContaining(labels) });
  });
});
