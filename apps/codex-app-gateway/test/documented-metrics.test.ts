import { readFileSync } from 'node:fs';
import { differingMetrics, useCleanup } from '@codex-gateways/testing';
import { createWorld, get } from './world.ts';

const OPERATIONS = readFileSync(new URL('../../../docs/operations.md', import.meta.url), 'utf8');
const HEADINGS = ['Every service', 'codex-app-gateway'];

describe('GET /metrics', () => {
  const cleanup = useCleanup();

  it('has what docs/operations.md lists: the same names, types and labels', async () => {
    const { text } = await get(await (await createWorld(cleanup)).start(), '/metrics');
    expect(differingMetrics(text, { markdown: OPERATIONS, headings: HEADINGS })).toEqual([]);
  });
});
