#!/usr/bin/env node
// Lint: which module may import which. `check-architecture.mjs [root]`; exit code 1 when an arrow points the wrong way.
import { fileURLToPath } from 'node:url';
import { checkTree } from '../architecture/check-tree.mjs';

const root = process.argv[2] ?? fileURLToPath(new URL('../../../', import.meta.url));
const violations = checkTree(root);
for (const violation of violations) console.log(violation);
if (violations.length > 0) process.exitCode = 1;
