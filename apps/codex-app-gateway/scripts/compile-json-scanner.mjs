import { readFile, writeFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import wabt from 'wabt';

// `npm run compile:json-scanner` turns src/guard/json-scanner.wat into src/guard/json-scanner-bytes.ts; with `--check` it only says whether
// that is up to date.
const SOURCE = new URL('../src/guard/json-scanner.wat', import.meta.url);
const TARGET = new URL('../src/guard/json-scanner-bytes.ts', import.meta.url);
const CHARACTERS_A_LINE = 140;

const { parseWat } = await wabt();
const module = parseWat(fileURLToPath(SOURCE), await readFile(SOURCE), { simd: true });
module.validate();
const base64 = Buffer.from(module.toBinary({}).buffer).toString('base64');
const lines = base64.match(new RegExp(`.{1,${CHARACTERS_A_LINE}}`, 'g'));
const text = `// Made by \`npm run compile:json-scanner\` from json-scanner.wat: change that.
// biome-ignore format: as it is made
export const JSON_SCANNER_BASE64 = [
${lines.map((line) => `  '${line}',`).join('\n')}
].join('');
`;

if (!process.argv.includes('--check')) {
  await writeFile(TARGET, text);
} else if ((await readFile(TARGET, 'utf8')) !== text) {
  process.stderr.write(
    'json-scanner-bytes.ts is not what json-scanner.wat is compiled to: npm run compile:json-scanner\n',
  );
  process.exitCode = 1;
}
