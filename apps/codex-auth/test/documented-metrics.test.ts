import { readFileSync } from 'node:fs';
import { differingMetrics } from '@codex-gateways/testing';
import { useAuthService } from './use-auth-service.ts';

const OPERATIONS = readFileSync(new URL('../../../docs/operations.md', import.meta.url), 'utf8');
const HEADINGS = ['Every service', 'With a database', 'codex-auth'];

describe('GET /metrics', () => {
  const auth = useAuthService();

  it('has what docs/operations.md lists: the same names, types and labels', async () => {
    const answer = await fetch(`${auth.url}/metrics`);
    expect(differingMetrics(await answer.text(), { markdown: OPERATIONS, headings: HEADINGS })).toEqual([]);
  });
});
