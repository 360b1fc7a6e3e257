import { spawn, spawnSync } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const BIN = fileURLToPath(new URL('../bin', import.meta.url));

/** Stands where turbo does: notes its calls, builds by making `dist`, tests by writing the counts it was given. */
const TURBO = `
const fs = require('fs');
const [, task, ...rest] = process.argv.slice(2);
fs.appendFileSync('turbo-calls.log', [task, ...rest].join(' ') + '\\n');
const behaviour = fs.existsSync('turbo.json') ? JSON.parse(fs.readFileSync('turbo.json')) : {};
if (behaviour.hang) { fs.writeFileSync('hanging', String(process.pid)); setInterval(() => {}, 1000); }
else if (task === 'build') {
  if (behaviour.error) { console.error(behaviour.error); process.exit(1); }
  fs.mkdirSync('packages/thing/dist', { recursive: true });
} else {
  for (const [name, counts] of Object.entries(behaviour.results)) {
    fs.writeFileSync(process.env.TEST_RESULTS_DIR + '/' + name + '.json', JSON.stringify(counts));
  }
  if (behaviour.doesNotExit) setInterval(() => {}, 1000);
  else process.exit(behaviour.exitCode ?? 0);
}`;

const MANIFESTS = {
  '.': { name: 'checkout', version: '1.0.0', workspaces: ['packages/*'], dependencies: { turbo: '1.0.0' } },
  'packages/turbo': { name: 'turbo', version: '1.0.0' },
  'packages/local-stack': { name: '@acme/local-stack', version: '1.0.0', type: 'module' },
  'packages/thing': { name: '@acme/thing', version: '1.0.0', scripts: { build: 'tsc', test: 'jest' } },
  'packages/other': { name: '@acme/other', version: '1.0.0', scripts: { test: 'jest' } },
};

export interface Behaviour {
  hang?: boolean;
  error?: string;
  results?: Record<string, object>;
  exitCode?: number;
  doesNotExit?: boolean;
}

/** A small checkout with this package's real bin/, real npm, and a turbo that only notes what it is asked. */
export class FakeCheckout {
  readonly root = mkdtempSync(join(tmpdir(), 'codex-gateways-checkout-'));

  constructor() {
    for (const [folder, manifest] of Object.entries(MANIFESTS)) {
      this.write(join(folder, 'package.json'), JSON.stringify(manifest, undefined, 2));
    }
    this.write('packages/turbo/bin/turbo', TURBO);
    this.write('packages/thing/src/index.ts', 'export {};\n');
    this.write('packages/local-stack/dist/main.js', STUB_OF_THE_STACK);
    cpSync(BIN, join(this.root, 'packages/local-stack/bin'), { recursive: true });
    this.npm('install', '--package-lock-only');
  }

  remove(): void {
    rmSync(this.root, { recursive: true, force: true });
  }

  write(path: string, text: string): void {
    mkdirSync(dirname(join(this.root, path)), { recursive: true });
    writeFileSync(join(this.root, path), text);
  }

  behave(behaviour: Behaviour): void {
    this.write('turbo.json', JSON.stringify(behaviour));
  }

  has(path: string): boolean {
    return existsSync(join(this.root, path));
  }

  /** @returns an empty text for a file that is missing */
  readIfAny(path: string): string {
    return this.has(path) ? readFileSync(join(this.root, path), 'utf8') : '';
  }

  delete(...paths: string[]): void {
    for (const path of paths) rmSync(join(this.root, path), { recursive: true });
  }

  /** Turbo's arguments, one line a call. */
  get turboCalls(): string[] {
    return this.has('turbo-calls.log')
      ? readFileSync(join(this.root, 'turbo-calls.log'), 'utf8').trim().split('\n')
      : [];
  }

  npm(...args: string[]): void {
    const { status, stderr } = spawnSync('npm', [...args, '--no-audit', '--no-fund'], {
      cwd: this.root,
      encoding: 'utf8',
    });
    if (status !== 0) throw new Error(stderr);
  }

  /** Runs one of bin/'s programs to its end. */
  async run(program: string, { args = [], env = {}, nodeOptions = [] }: RunOptions = {}) {
    const child = this.start(program, { args, env, nodeOptions });
    return child.ended;
  }

  start(program: string, { args = [], env = {}, nodeOptions = [] }: RunOptions = {}) {
    const script = join(this.root, 'packages/local-stack/bin', program);
    const { CI: _, ...inherited } = process.env;
    const child = spawn(process.execPath, [...nodeOptions, script, ...args], { env: { ...inherited, ...env } });
    const written = { stdout: '', stderr: '' };
    for (const name of ['stdout', 'stderr'] as const) {
      child[name].setEncoding('utf8').on('data', (text: string) => {
        written[name] += text;
      });
    }
    const ended = new Promise<{ code: number | null; stdout: string; stderr: string }>((resolve) => {
      child.once('close', (code) => resolve({ code, ...written }));
    });
    return { child, ended, written };
  }
}

interface RunOptions {
  readonly args?: string[];
  readonly env?: Record<string, string>;
  readonly nodeOptions?: string[];
}

const STUB_OF_THE_STACK = `
export async function main(ending) {
  let aborts = 0;
  const keepAlive = setInterval(() => {}, 1000);
  ending.addEventListener('abort', () => { aborts += 1; setTimeout(() => clearInterval(keepAlive), 200); });
  process.on('exit', () => console.log('ended after ' + aborts + ' interruption'));
  console.log('stack ready');
}`;
