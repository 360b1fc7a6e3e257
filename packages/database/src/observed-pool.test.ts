import { useEmbeddedServer } from '../test/embedded-server.ts';
import { createPool } from './pool.ts';
import type { Pool } from './queryable.ts';
import { transaction } from './transaction.ts';

describe('an observed pool', () => {
  const { createDatabase } = useEmbeddedServer();
  const seen: string[] = [];
  let pool: Pool;

  beforeAll(async () => {
    const observer = (statement: string) => {
      seen.push(statement);
      return (error: unknown) => void seen.push(`${statement} ${error === undefined ? 'done' : 'failed'}`);
    };
    pool = createPool({
      databaseUrl: await createDatabase(),
      applicationName: 'observed',
      maxConnections: 2,
      observer,
    });
  });
  afterAll(() => pool.end());
  beforeEach(() => void seen.splice(0));

  it('tells of each statement once, by its name or first word, and of no value', async () => {
    await pool.query({ name: 'find-answer', text: 'select $1::text as answer', values: ['hunter2'] });
    await pool.query('select $1::text as answer', ['hunter2']);
    expect(seen).toEqual(['find-answer', 'find-answer done', 'select', 'select done']);
  });

  it('tells of the statements of a transaction, its begin and end among them', async () => {
    await transaction(pool, (tx) => tx.query('create temporary table t ()'));
    expect(seen.filter((line) => !line.endsWith(' done'))).toEqual(['begin', 'create', 'commit']);
  });

  it('tells of failures, and lets them be', async () => {
    await expect(pool.query('select 1 / 0')).rejects.toMatchObject({ code: '22012' });
    expect(seen).toEqual(['select', 'select failed']);
  });

  it('takes part in nothing when more ask than there are connections', async () => {
    const answers = await Promise.all(
      Array.from({ length: 20 }, (_, i) => pool.query<{ i: number }>('select $1::integer as i', [i])),
    );
    expect(answers.map(({ rows }) => rows[0]?.i)).toEqual(Array.from({ length: 20 }, (_, i) => i));
    expect(seen.filter((line) => line === 'select done')).toHaveLength(20);
  });
});
