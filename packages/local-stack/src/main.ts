#!/usr/bin/env node
import { runStack } from './run-stack.ts';

// A terminal that was closed must not keep the stack from stopping in order.
process.stdout.on('error', () => undefined);
const exitCode = await runStack(process.env, (text) => process.stdout.write(text));
process.exit(exitCode);
