import { execFile, execFileSync } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, statSync } from 'node:fs';
import { dirname, isAbsolute, join } from 'node:path';
import { promisify } from 'node:util';
import { type App, productionPackages, ROOT } from '../repository.ts';
import { copyBuildContext } from './build-context.ts';
import { finalStage, only, properties, readDockerfile, type Stage, type Step } from './dockerfile.ts';

const IS_ROOT = process.getuid?.() === 0;
/** Where turbo lies in this checkout: the version that the Dockerfiles name, which a test compares. */
const TURBO = join(ROOT, 'node_modules', '.bin', 'turbo');

/** What the steps of a Dockerfile leave behind, in a folder instead of an image. */
export interface BuiltImage {
  /** Holds what would be `/`, less what comes with the base image. */
  readonly root: string;
  readonly workdir: string;
  readonly env: Readonly<Record<string, string>>;
  readonly command: readonly string[];
  readonly healthcheck: readonly string[];
  readonly uid: number;
  readonly gid: number;
}

/**
 * Runs the steps of an app's Dockerfile, each stage in a folder of its own below `folder`. Two things are not done but taken from
 * this checkout, which has done them already: turbo is not downloaded, and the stage `build` does not install compilers and
 * compile, unless `compile` asks for it.
 */
export async function buildImage(app: App, folder: string, { compile = false } = {}): Promise<BuiltImage> {
  for (const stage of readDockerfile(app)) {
    const run = new StageRun(stage, folder);
    for (const step of stage.steps) {
      const isCompiling = stage.name === 'build' && /^(npm ci|npx turbo run build)\b/.test(step.text);
      if (compile || !isCompiling) await run.do(step);
      else if (step.text.startsWith('npx')) takeCompiled(app, join(folder, 'build', 'app'));
    }
  }
  const stage = finalStage(app);
  const root = join(folder, stage.name);
  const [uid = 0, gid = 0] = only(stage, 'USER').text.split(':').map(Number);
  return {
    root,
    workdir: join(root, only(stage, 'WORKDIR').text),
    env: properties(stage, 'ENV'),
    command: only(stage, 'CMD').items,
    healthcheck: only(stage, 'HEALTHCHECK').items,
    uid,
    gid,
  };
}

function takeCompiled(app: App, workdir: string): void {
  for (const path of [...productionPackages(app), `apps/${app}`].map((each) => join(each, 'dist'))) {
    if (!existsSync(join(ROOT, path))) throw new Error(`${path} is missing: run "npm run build" first`);
    cpSync(join(ROOT, path), join(workdir, path), { recursive: true });
  }
}

class StageRun {
  readonly #stage: Stage;
  readonly #folder: string;
  #workdir = '/';

  constructor(stage: Stage, folder: string) {
    this.#stage = stage;
    this.#folder = folder;
    mkdirSync(this.#path('/'), { recursive: true });
  }

  async do(step: Step): Promise<void> {
    if (step.keyword === 'WORKDIR') this.#enter(step.text);
    if (step.keyword === 'COPY') this.#copy(step);
    if (step.keyword === 'RUN') await this.#run(step.text);
  }

  #enter(path: string): void {
    this.#workdir = path;
    mkdirSync(this.#path(path), { recursive: true });
  }

  #path(path: string, stage = this.#stage.name): string {
    return join(this.#folder, stage, isAbsolute(path) ? path : join(this.#workdir, path));
  }

  #copy({ flags, items }: Step): void {
    const [source = '', target = '', ...others] = items;
    if (others.length > 0) throw new Error('a COPY of one source is easier to follow');
    if (flags.from === undefined) {
      if (source !== '.') throw new Error('only the whole context is copied');
      copyBuildContext(this.#path(target));
      return;
    }
    const from = this.#path(source, flags.from);
    const to = this.#path(
      target.endsWith('/') && !statSync(from).isDirectory() ? join(target, source.replace(/.*\//, '')) : target,
    );
    mkdirSync(dirname(to), { recursive: true });
    // Nothing is changed any more in the last stage, so links will do: the Codex CLI alone has 400 MB.
    if (this.#stage.name === 'final' && process.platform === 'linux') linkTree(from, to);
    else cpSync(from, to, { recursive: true, verbatimSymlinks: true });
  }

  async #run(command: string): Promise<void> {
    const inHere = command
      .replace(/^npx --yes turbo@\S+/, TURBO)
      .replace(/(?<= )\/(?=\w)/g, `${this.#path('/')}`) // absolute paths are those of the image
      .replace(IS_ROOT ? /$^/ : / -[og] \d+/g, '');
    const env = { ...surroundings(), ...properties(this.#stage, 'ENV'), npm_config_prefer_offline: 'true' };
    const cwd = this.#path('.');
    try {
      await promisify(execFile)('sh', ['-c', inHere], { cwd, env, maxBuffer: 64 * 1024 * 1024 });
    } catch (error) {
      const { stdout = '', stderr = '' } = error as { stdout?: string; stderr?: string };
      throw new Error(`RUN ${command} failed:\n${stdout}${stderr}`);
    }
  }
}

/** Copies a folder's contents or a file as hard links. */
function linkTree(from: string, to: string): void {
  execFileSync('cp', ['--recursive', '--link', '--no-dereference', '--no-target-directory', from, to]);
}

/** This process's environment without what npm and turbo tell the scripts that they run about this checkout. */
function surroundings(): Record<string, string | undefined> {
  const isOfCheckout = /^(?:npm_(?!config_(?!local_prefix$|prefix$))|INIT_CWD$|TURBO_|NODE_ENV$)/;
  return Object.fromEntries(Object.entries(process.env).filter(([name]) => !isOfCheckout.test(name)));
}

/** Lets every user read the tree and nobody write to it, as in a container with a read-only root file system. */
export function makeReadOnly(image: BuiltImage): void {
  execFileSync('chmod', ['-R', 'a+rX,a-w', image.workdir]);
}
