#!/usr/bin/env node
// `npm start` and `npm run stack -- --replicas …`: installs and builds what is missing, then becomes the local stack.
import { requireNodeVersion } from './lib/node-version.mjs';

requireNodeVersion();
const { prepare } = await import('./lib/prepare.mjs');
const handSignalsTo = await prepare({ signalExitCode: 0 });

// A terminal and npm may both deliver the same Ctrl-C; aborting a second time changes nothing.
const ending = new AbortController();
handSignalsTo(() => ending.abort());
const { main } = await import('../dist/main.js');
await main(ending.signal, process.argv.slice(2));
