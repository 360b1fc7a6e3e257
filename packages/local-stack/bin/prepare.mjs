#!/usr/bin/env node
// Installs and builds what is missing or stale. `--install-only` leaves the build out.
import { requireNodeVersion } from './lib/node-version.mjs';

requireNodeVersion();
const { prepare } = await import('./lib/prepare.mjs');
await prepare({ build: !process.argv.includes('--install-only') });
