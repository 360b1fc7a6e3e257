import { readdirSync, readFileSync } from 'node:fs';
import { STATUS_OF } from './oauth-error.ts';

const app = new URL('../../', import.meta.url);
const codes = Object.keys(STATUS_OF);

function sourcesBelow(folder: URL, pattern: RegExp): string {
  return readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .filter((name) => pattern.test(name) && !name.endsWith('oauth-error.test.ts'))
    .map((name) => readFileSync(new URL(name, folder), 'utf8'))
    .join('\n');
}

describe('the table of OAuth errors', () => {
  it('stands in the README, every code', () => {
    const readme = readFileSync(new URL('README.md', app), 'utf8');
    expect(codes.filter((code) => !readme.includes(`\`${code}\``))).toEqual([]);
  });

  it('has no code that nothing raises, and none that no test has seen', () => {
    const sources = sourcesBelow(new URL('src/', app), /(?<!\.test)\.ts$/);
    const tests =
      sourcesBelow(new URL('src/', app), /\.test\.ts$/) + sourcesBelow(new URL('test/', app), /\.test\.ts$/);
    expect(codes.filter((code) => !sources.includes(`'${code}'`))).toEqual([]);
    expect(codes.filter((code) => !tests.includes(`'${code}'`))).toEqual([]);
  });
});
