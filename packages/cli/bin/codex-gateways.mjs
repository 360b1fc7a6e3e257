#!/usr/bin/env node
// Exists before the build, so that npm links it; the program itself is src/main.ts.
import { existsSync } from 'node:fs';

const program = new URL('../dist/main.js', import.meta.url);
if (existsSync(program)) {
  await import(program.href);
} else {
  process.stderr.write('codex-gateways is not built here yet: run `npm run build` in the checkout\n');
  process.exitCode = 1;
}
