import { readFileSync } from 'node:fs';
import { differingMetrics } from '@codex-gateways/testing';
import { useExecGateway } from './support/gateway.ts';

const OPERATIONS = readFileSync(new URL('../../../docs/operations.md', import.meta.url), 'utf8');
const HEADINGS = ['Every service', 'With a database', 'codex-exec-gateway'];

describe('GET /metrics', () => {
  const gateway = useExecGateway();

  it('has what docs/operations.md lists: the same names, types and labels', async () => {
    const { body } = await gateway.call<string>('GET', '/metrics');
    expect(differingMetrics(body, { markdown: OPERATIONS, headings: HEADINGS })).toEqual([]);
  });
});
