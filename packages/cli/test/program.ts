import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type Cleanup, type ProcessExit, type RunningProcess, startProcess } from '@codex-gateways/testing';

const PROGRAM = fileURLToPath(new URL('../bin/codex-gateways.mjs', import.meta.url));

/** A person's account on a machine: the real program, with a configuration and a place for tokens of its own. */
export class Machine {
  readonly folder: string;
  readonly env: Record<string, string>;

  constructor(cleanup: Cleanup, env: Record<string, string> = {}) {
    this.folder = mkdtempSync(join(tmpdir(), 'codex-gateways-cli-'));
    cleanup.after(() => rmSync(this.folder, { recursive: true, force: true }));
    this.env = {
      PATH: process.env.PATH ?? '',
      HOME: this.folder,
      XDG_CONFIG_HOME: join(this.folder, 'config'),
      XDG_DATA_HOME: join(this.folder, 'data'),
      DBUS_SESSION_BUS_ADDRESS: 'unix:path=/nonexistent/bus',
      ...env,
    };
  }

  get configPath(): string {
    return join(this.folder, 'config', 'codex-gateways', 'config.json');
  }

  get secretsFolder(): string {
    return join(this.folder, 'data', 'codex-gateways', 'secrets');
  }

  config(): unknown {
    return JSON.parse(readFileSync(this.configPath, 'utf8'));
  }

  start(args: readonly string[], env: Record<string, string> = {}): RunningProcess {
    return startProcess(process.execPath, [PROGRAM, ...args], { env: { ...this.env, ...env } });
  }

  run(args: readonly string[], env: Record<string, string> = {}): Promise<ProcessExit> {
    return this.start(args, env).exited;
  }

  /** Runs a command with `--json` and expects it to succeed. */
  async json<T = Record<string, unknown>>(args: readonly string[], env: Record<string, string> = {}): Promise<T> {
    const { code, stdout, stderr } = await this.run([...args, '--json'], env);
    if (code !== 0) throw new Error(`${args.join(' ')} ended with ${code}: ${stderr}`);
    return JSON.parse(stdout) as T;
  }
}
