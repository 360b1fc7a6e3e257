import { execFile } from 'node:child_process';
import { readFile, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { findProgram, isProgram } from '@codex-gateways/runtime';
import { cachedFolder, userCacheFolder } from '../cache/cached-folder.ts';

const run = promisify(execFile);
const UNPACK_TIMEOUT_MS = 120_000;
const COMMANDS = ['google-chrome-stable', 'google-chrome', 'chromium', 'chromium-browser', 'chrome'];
const MAC_APPLICATIONS = [
  '/Applications/Google Chrome.app/Contents/MacOS/Google Chrome',
  '/Applications/Chromium.app/Contents/MacOS/Chromium',
];

/** A browser program, and what its environment must have for it to run. */
export interface BrowserProgram {
  path: string;
  env: Readonly<Record<string, string>>;
}

/**
 * `$CHROMIUM_PATH`, else an installed Chrome or Chromium, else the Chromium that npm brought, unpacked into the user's
 * cache folder together with the libraries and fonts that a bare machine lacks.
 * @throws {Error} when `$CHROMIUM_PATH` names no program, or there is no browser for this platform
 */
export async function findBrowser(env: NodeJS.ProcessEnv = process.env): Promise<BrowserProgram> {
  if (env.CHROMIUM_PATH) {
    if (!isProgram(env.CHROMIUM_PATH)) throw new Error(`CHROMIUM_PATH=${env.CHROMIUM_PATH} is not a program`);
    return { path: env.CHROMIUM_PATH, env: {} };
  }
  const commands = COMMANDS.flatMap((command) => findProgram(command, env.PATH ?? '', []) ?? []);
  const installed = [...commands, ...MAC_APPLICATIONS].find(isProgram);
  return installed ? { path: installed, env: {} } : unpackedChromium();
}

async function unpackedChromium(): Promise<BrowserProgram> {
  if (process.platform !== 'linux' || process.arch !== 'x64') {
    throw new Error('no Chrome or Chromium found: install one, or name its program in CHROMIUM_PATH');
  }
  const entry = createRequire(import.meta.url).resolve('@sparticuz/chromium');
  const manifest: unknown = JSON.parse(await readFile(join(dirname(entry), '..', '..', 'package.json'), 'utf8'));
  const { version } = manifest as { version: string };
  const folder = join(await userCacheFolder(), `chromium-${version}`);
  await cachedFolder(folder, async (staging) => {
    await unpack(entry, staging);
    await writeFile(join(staging, 'fonts', 'fonts.conf'), fontConfiguration(folder));
  });
  const libraries = join(folder, 'al2023', 'lib');
  return {
    path: join(folder, 'chromium'),
    env: { LD_LIBRARY_PATH: libraries, FONTCONFIG_PATH: join(folder, 'fonts') },
  };
}

/** The package unpacks where its process keeps temporary files, and the libraries only where it believes to be AWS Lambda. */
async function unpack(entry: string, folder: string): Promise<void> {
  const script = 'require(process.argv[1]).executablePath()';
  const env = { PATH: process.env.PATH, HOME: folder, TMPDIR: folder, AWS_EXECUTION_ENV: 'AWS_Lambda_nodejs20.x' };
  await run(process.execPath, ['-e', script, entry], { env, timeout: UNPACK_TIMEOUT_MS });
  // Unpacked by root the files belong to whoever packed them, and so to some user of this machine.
  await run('chown', ['-R', `${process.getuid?.()}:${process.getgid?.()}`, folder]);
}

/** The package's own names folders of AWS Lambda; a browser without a font gives text no size, and so hides it. */
function fontConfiguration(folder: string): string {
  const folders = [join(folder, 'fonts'), '/usr/share/fonts', '/usr/local/share/fonts'];
  return `<?xml version="1.0"?>
<!DOCTYPE fontconfig SYSTEM "fonts.dtd">
<fontconfig>
${folders.map((path) => `  <dir>${path}</dir>`).join('\n')}
  <cachedir>${join(folder, 'fonts-cache')}</cachedir>
</fontconfig>
`;
}
