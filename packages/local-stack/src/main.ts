import { runStack } from './run-stack.ts';

/**
 * What `npm start` becomes once everything is installed and built. Ends the process.
 * @param ending - aborts when the stack is to end
 * @param args - what stands behind `npm run stack --`
 */
export async function main(ending: AbortSignal, args: readonly string[] = []): Promise<never> {
  // A terminal that was closed must not keep the stack from stopping in order.
  process.stdout.on('error', () => undefined);
  process.exit(await runStack({ env: process.env, args, ending, write: (text) => process.stdout.write(text) }));
}
