import { readFileSync } from 'node:fs';
import { documentedMetrics, exposedMetrics } from '@codex-gateways/testing';
import { useExecGateway } from './support/gateway.ts';

const OPERATIONS = readFileSync(new URL('../../../docs/operations.md', import.meta.url), 'utf8');
const HEADINGS = ['Every service', 'With a database', 'codex-exec-gateway'];

describe('GET /metrics', () => {
  const gateway = useExecGateway();

  it('has what docs/operations.md lists: the same names, types and labels', async () => {
    const documented = documentedMetrics(OPERATIONS, HEADINGS);
    const exposed = exposedMetrics((await gateway.call<string>('GET', '/metrics')).body);
    expect(documented.length).toBeGreaterThan(10);
    expect(exposed.map(({ name, type }) => `${name} ${type}`)).toEqual(
      documented.map(({ name, type }) => `${name} ${type}`),
    );
    const labelsOf = new Map(documented.map(({ name, labels }) => [name, labels]));
    for (const { name, labels } of exposed)
      expect({ name, labels: labelsOf.get(name) }).toEqual({ name, labels: expect.arrayContaining(labels) });
  });
});
