import { readdir, readFile } from 'node:fs/promises';

/** Every process below one, by id, with its environment. */
export async function descendantsOf(pid: number): Promise<{ pid: number; environment: Map<string, string> }[]> {
  const parents = new Map<number, number>();
  for (const entry of await readdir('/proc')) {
    if (!/^\d+$/.test(entry)) continue;
    // Fields after the command's closing bracket: state, then the parent's id.
    const stat = await readFile(`/proc/${entry}/stat`, 'utf8').catch(() => '');
    const parent = Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1]);
    if (Number.isInteger(parent)) parents.set(Number(entry), parent);
  }
  const isBelow = (candidate: number): boolean => {
    const parent = parents.get(candidate);
    return parent === pid || (parent !== undefined && parent > 1 && isBelow(parent));
  };
  return Promise.all(
    [...parents.keys()].filter(isBelow).map(async (child) => ({ pid: child, environment: await environmentOf(child) })),
  );
}

async function environmentOf(pid: number): Promise<Map<string, string>> {
  const text = await readFile(`/proc/${pid}/environ`, 'utf8').catch(() => '');
  return new Map(
    text
      .split('\0')
      .filter((entry) => entry.includes('='))
      .map((entry) => [entry.slice(0, entry.indexOf('=')), entry.slice(entry.indexOf('=') + 1)]),
  );
}
