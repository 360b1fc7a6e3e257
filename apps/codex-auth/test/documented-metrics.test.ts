import { readFileSync } from 'node:fs';
import { documentedMetrics, exposedMetrics } from '@codex-gateways/testing';
import { useAuthService } from './use-auth-service.ts';

const OPERATIONS = readFileSync(new URL('../../../docs/operations.md', import.meta.url), 'utf8');
const HEADINGS = ['Every service', 'With a database', 'codex-auth'];

describe('GET /metrics', () => {
  const auth = useAuthService();

  it('has what docs/operations.md lists: the same names, types and labels', async () => {
    const documented = documentedMetrics(OPERATIONS, HEADINGS);
    const exposed = exposedMetrics(await (await fetch(`${auth.url}/metrics`)).text());
    expect(documented.length).toBeGreaterThan(10);
    expect(exposed.map(({ name, type }) => `${name} ${type}`)).toEqual(
      documented.map(({ name, type }) => `${name} ${type}`),
    );
    const labelsOf = new Map(documented.map(({ name, labels }) => [name, labels]));
    for (const { name, labels } of exposed)
      expect({ name, labels: labelsOf.get(name) }).toEqual({ name, labels: expect.arrayContaining(labels) });
  });
});
