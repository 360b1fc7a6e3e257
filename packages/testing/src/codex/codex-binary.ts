import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { readdir, readFile, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { cachedFolder, userCacheFolder } from '../cache/cached-folder.ts';

const INSTALL_TIMEOUT_MS = 240_000;
const PLATFORM_PACKAGE = `codex-${process.platform}-${process.arch}`;

/** The version that this repository depends on; it needs no download. */
export async function bundledCodexVersion(): Promise<string> {
  const manifest: unknown = JSON.parse(await readFile(bundledManifestPath(), 'utf8'));
  return (manifest as { version: string }).version;
}

/**
 * The native Codex CLI of a version. It is the program itself, not the npm wrapper that starts it, so that a process id
 * and a signal mean the CLI. A version other than the bundled one is installed from npm into a cache when first asked
 * for: `$CODEX_CLI_CACHE`, or below the user's cache folder.
 * @param version - the bundled one when absent
 * @throws {Error} when there is no CLI for this platform, or npm cannot install that version
 */
export async function codexBinary(version?: string): Promise<string> {
  if (version === undefined || version === (await bundledCodexVersion())) {
    return nativeBinary(dirname(dirname(bundledManifestPath())));
  }
  const cache = process.env.CODEX_CLI_CACHE || join(await userCacheFolder(), 'codex-cli');
  const folder = await cachedFolder(join(cache, version), async (staging) => {
    await installCodex(version, staging);
    await nativeBinary(scopeFolder(staging)); // npm leaves an optional package out without a word
  });
  return nativeBinary(scopeFolder(folder));
}

function bundledManifestPath(): string {
  return createRequire(import.meta.url).resolve('@openai/codex/package.json');
}

function scopeFolder(installFolder: string): string {
  return join(installFolder, 'node_modules', '@openai');
}

async function nativeBinary(scope: string): Promise<string> {
  for (const packages of [scope, join(scope, 'codex', 'node_modules', '@openai')]) {
    const vendor = join(packages, PLATFORM_PACKAGE, 'vendor');
    const targets = existsSync(vendor) ? await readdir(vendor) : [];
    for (const target of targets) {
      // The second layout is the one before codex-package.json was introduced.
      for (const path of [join(vendor, target, 'bin', 'codex'), join(vendor, target, 'codex', 'codex')]) {
        if (existsSync(path)) return path;
      }
    }
  }
  throw new Error(`no Codex CLI for ${process.platform} ${process.arch} below ${scope}`);
}

async function installCodex(version: string, folder: string): Promise<void> {
  await writeFile(join(folder, 'package.json'), '{"private":true}');
  const args = [
    'install',
    `@openai/codex@${version}`,
    '--prefix',
    folder,
    '--no-audit',
    '--no-fund',
    '--ignore-scripts',
  ];
  try {
    await promisify(execFile)('npm', args, { cwd: folder, env: npmEnvironment(), timeout: INSTALL_TIMEOUT_MS });
  } catch (error) {
    const { stderr } = error as { stderr?: string };
    throw new Error(`npm could not install @openai/codex@${version}: ${stderr || String(error)}`, { cause: error });
  }
}

/** Without what an npm that runs the tests says about *its* project; the registry and proxy settings stay. */
function npmEnvironment(): NodeJS.ProcessEnv {
  const aboutTheProject = /^npm_(package|lifecycle|config_(workspace|local_prefix|prefix|global))/;
  return Object.fromEntries(Object.entries(process.env).filter(([name]) => !aboutTheProject.test(name)));
}
