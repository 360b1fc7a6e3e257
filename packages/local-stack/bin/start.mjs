#!/usr/bin/env node
// `npm start`: installs and builds what is missing, then becomes the local stack.
import { requireNodeVersion } from './lib/node-version.mjs';

requireNodeVersion();
const { prepare } = await import('./lib/prepare.mjs');
await prepare({ signalExitCode: 0 });
await import('../dist/main.js');
