import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const CHECK = fileURLToPath(new URL('../bin/check-architecture.mjs', import.meta.url));

/** A tree with every kind of file, in which every arrow points the right way. */
const CLEAN = {
  'apps/shop/src/main.ts': "import { createShop } from './service.ts';\ncreateShop(process.env);\n",
  'apps/shop/src/config.ts': 'export const port = process.env.PORT;\n',
  'apps/shop/src/service.ts': [
    "import pg from 'pg';",
    "import { OrderStore } from './orders/order-store.ts';",
    "import { orderRoute } from './orders/order-route.ts';",
    'export const createShop = (env: object) => [env, pg, OrderStore, orderRoute];',
  ].join('\n'),
  'apps/shop/src/orders/order-store.ts': "import type { Pool } from 'pg';\nexport class OrderStore { pool?: Pool }\n",
  'apps/shop/src/orders/place-order.ts':
    "import { OrderStore } from './order-store.ts';\nexport const o = OrderStore;\n",
  'apps/shop/src/orders/order-route.ts': [
    "import { o } from './place-order.ts';",
    "import { type OrderStore } from './order-store.ts';",
    'export const orderRoute = (store: OrderStore) => [o, store];',
  ].join('\n'),
  'apps/shop/src/orders/order-routes.ts': "export { orderRoute } from './order-route.ts';\n",
  'apps/shop/src/orders/order.test.ts':
    "import pg from 'pg';\nimport { basketRoute } from '../basket/basket-route.ts';\n",
  'apps/shop/src/basket/basket-route.ts': 'export const basketRoute = 1;\n',
  'apps/shop/src/basket/fill-basket.ts': [
    "import type { OrderStore } from '../orders/order-store.ts';",
    "import { o } from '../orders/place-order.ts';",
    "import { mint } from '@acme/tokens';",
    'export const fill = (store: OrderStore) => [store, o, mint];',
  ].join('\n'),
  'apps/till/src/main.ts':
    '// import "../../shop/src/main.ts" would be wrong; so would process.env.X elsewhere\nexport {};\n',
  'packages/tokens/src/index.ts': "import { createHash } from 'node:crypto';\nexport const mint = createHash;\n",
  'packages/database/src/index.ts': "export { Pool } from 'pg';\n",
  'packages/testing/src/index.ts': 'export const home = process.env.HOME;\n',
};

/** For each rule: files that break it, and the violations that must be reported, nothing else. */
const BROKEN: Record<string, { files: Record<string, string>; reported: string[] }> = {
  'apps-import-no-apps': {
    files: {
      'apps/till/src/cash.ts': "import '@codex-gateways/shop';\nexport type S = import('@codex-gateways/shop').Shop;\n",
    },
    reported: ['apps/till/src/cash.ts:1', 'apps/till/src/cash.ts:2'],
  },
  'packages-import-no-apps': {
    files: {
      'packages/tokens/test/fixture.ts': "\nexport const shop = await import('@codex-gateways/shop/config');\n",
    },
    reported: ['packages/tokens/test/fixture.ts:2'],
  },
  'no-path-into-another-workspace': {
    files: { 'packages/database/src/short-cut.ts': "export * from '../../tokens/src/index.ts';\n" },
    reported: ['packages/database/src/short-cut.ts:1'],
  },
  'stores-stay-in-their-feature': {
    files: {
      'apps/shop/src/basket/peek.ts':
        "// é\nimport { type A, OrderStore } from '../orders/order-store.ts';\nnew OrderStore();\n",
      'apps/shop/src/basket/export.ts': "export { OrderStore } from '../orders/order-store.ts';\n",
    },
    reported: ['apps/shop/src/basket/export.ts:1', 'apps/shop/src/basket/peek.ts:2'],
  },
  'routes-are-the-outermost': {
    files: {
      'apps/shop/src/basket/domain.ts': "import type { orderRoute } from '../orders/order-route.ts';\n",
      'apps/shop/src/basket/basket-store.ts': "import { basketRoute } from './basket-route.ts';\n",
    },
    reported: ['apps/shop/src/basket/basket-store.ts:1', 'apps/shop/src/basket/domain.ts:1'],
  },
  'routes-know-stores-as-types': {
    files: {
      'apps/shop/src/orders/list-route.ts': "import { OrderStore } from './order-store.ts';\nnew OrderStore();\n",
    },
    reported: ['apps/shop/src/orders/list-route.ts:1'],
  },
  'environment-is-read-in-config': {
    files: {
      'apps/shop/src/orders/dotted.ts': 'export const a = process.env.A;\n',
      'apps/shop/src/orders/indexed.ts': "\nexport const a = process['env'].A;\n",
      'apps/shop/src/orders/taken.ts': 'export const { env } = process;\n',
      'packages/tokens/src/imported.ts': "import { env } from 'node:process';\nexport const a = env.A;\n",
    },
    reported: [
      'apps/shop/src/orders/dotted.ts:1',
      'apps/shop/src/orders/indexed.ts:2',
      'apps/shop/src/orders/taken.ts:1',
      'packages/tokens/src/imported.ts:1',
    ],
  },
  'pg-is-for-stores': {
    files: { 'apps/shop/src/orders/count.ts': "import type { Pool } from 'pg';\nexport type P = Pool;\n" },
    reported: ['apps/shop/src/orders/count.ts:1'],
  },
  'pure-packages-do-no-io': {
    files: {
      'packages/tokens/src/a.ts': "import 'node:fs/promises';\nimport 'undici';\nconst net = require('net');\n",
      'packages/crypto/src/b.ts': "export const ws = import('ws');\n",
      'packages/relay-protocol/src/c.ts': "import 'node:child_process';\nimport 'https';\n",
    },
    reported: [
      'packages/crypto/src/b.ts:1',
      'packages/relay-protocol/src/c.ts:1',
      'packages/relay-protocol/src/c.ts:2',
      'packages/tokens/src/a.ts:1',
      'packages/tokens/src/a.ts:2',
      'packages/tokens/src/a.ts:3',
    ],
  },
  'files-stay-short': {
    files: {
      'apps/shop/src/long.ts': 'export {};\n'.repeat(301),
      'apps/shop/src/full.ts': 'export {};\n'.repeat(300),
      'apps/shop/src/long.test.ts': 'export {};\n'.repeat(301),
    },
    reported: ['apps/shop/src/long.ts:301'],
  },
};

describe('architecture check', () => {
  let root: string;
  beforeEach(() => {
    root = mkdtempSync(join(tmpdir(), 'codex-gateways-architecture-'));
  });
  afterEach(() => rmSync(root, { recursive: true, force: true }));

  function check(files: Record<string, string>) {
    for (const [path, text] of Object.entries(files)) {
      mkdirSync(join(root, dirname(path)), { recursive: true });
      writeFileSync(join(root, path), text);
    }
    const run = spawnSync(process.execPath, [CHECK, root], { encoding: 'utf8' });
    expect(run.stderr).toBe('');
    return { exitCode: run.status, lines: run.stdout.split('\n').filter(Boolean) };
  }

  it('passes a tree in which every arrow points the right way', () => {
    expect(check(CLEAN)).toEqual({ exitCode: 0, lines: [] });
  });

  it.each(Object.entries(BROKEN))('reports each violation of %s with its place, and nothing else', (rule, broken) => {
    const { exitCode, lines } = check({ ...CLEAN, ...broken.files });
    expect(lines.map((line) => line.split(': ')[0]).sort()).toEqual(broken.reported.map((place) => `${place} ${rule}`));
    expect(lines.every((line) => /: \S.{10,}/.test(line))).toBe(true);
    expect(exitCode).toBe(1);
  });

  it('has a broken example for every rule', async () => {
    const { RULES } = await import(new URL('../architecture/rules.mjs', import.meta.url).href);
    expect(Object.keys(BROKEN)).toEqual(Object.keys(RULES));
  });

  it('reports a file that it cannot read instead of passing it', () => {
    const { exitCode, lines } = check({ 'apps/shop/src/odd.ts': 'import {' });
    expect(lines[0]).toMatch(/^apps\/shop\/src\/odd\.ts:1 unreadable: /);
    expect(exitCode).toBe(1);
  });
});
