import { execFile, execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { cachedFolder, userCacheFolder } from '@codex-gateways/testing';

/** Compiling helm takes minutes on a small machine; it happens once for a user. */
export const TOOL_TIMEOUT_MS = 1_200_000;

/** A program that Go compiles from a module. */
export interface GoTool {
  readonly module: string;
  /** Exact. */
  readonly version: string;
  /** What the program is called when it is installed; without it an installed one is not looked for. */
  readonly installedAs?: string;
  /** Arguments that make an installed one print its version, and what it must print. */
  readonly versionCheck?: { readonly args: readonly string[]; readonly expected: RegExp };
}

export const HELM: GoTool = {
  module: 'helm.sh/helm/v3/cmd/helm',
  version: 'v3.22.0',
  installedAs: 'helm',
  versionCheck: { args: ['version', '--short'], expected: /^v3\./ },
};

/** The parser of `docker compose`. */
export const COMPOSE_SPEC: GoTool = { module: 'github.com/compose-spec/compose-go/v2/cmd', version: 'v2.16.2' };

/** Whether the tool is installed or can be made; without installed tool and without Go, the tests that need it are skipped. */
function isAvailable(tool: GoTool): boolean {
  return installed(tool) !== undefined || answers('go', ['version'], /go1\.(?:2[4-9]|[3-9]\d)/);
}

/** Path or name of the program, compiled into the user's cache folder when it is not installed. */
export async function programOf(tool: GoTool): Promise<string> {
  const found = installed(tool);
  if (found) return found;
  const name = tool.module.split('/').at(-1) ?? tool.module;
  const key = `${tool.module}-${tool.version}`.replaceAll('/', '-');
  const folder = await cachedFolder(join(await userCacheFolder(), key), async (staging) => {
    const env = { ...process.env, GOBIN: staging, GOFLAGS: '-modcacherw', CGO_ENABLED: '0' };
    await promisify(execFile)('go', ['install', '-ldflags=-s -w', `${tool.module}@${tool.version}`], { env });
  });
  return join(folder, name);
}

/** Says on standard error why tests are skipped, and gives `describe` or `describe.skip`. */
export function describeWith(tool: GoTool): typeof describe | typeof describe.skip {
  if (isAvailable(tool)) return describe;
  process.stderr.write(`skipped: ${tool.module} needs Go 1.24 or newer, or ${tool.installedAs ?? 'nothing else'}\n`);
  return describe.skip;
}

function installed({ installedAs, versionCheck }: GoTool): string | undefined {
  if (!installedAs || !versionCheck) return undefined;
  return answers(installedAs, versionCheck.args, versionCheck.expected) ? installedAs : undefined;
}

function answers(program: string, args: readonly string[], expected: RegExp): boolean {
  try {
    return expected.test(execFileSync(program, args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] }));
  } catch {
    return false;
  }
}
