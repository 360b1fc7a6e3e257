import type { RunningProcess } from '@codex-gateways/testing';
import type { ExecGatewayProcess } from './exec-gateway.ts';
import type { World } from './world.ts';

const LAST_CHARACTERS = 4000;
const LAST_LINES = 40;

/**
 * Tests whose errors say what processes wrote last as well: why a connection ended, or what was waited for in vain, is often only there.
 * @param outputs - by name, called when a test has failed
 */
export function testsWithOutputs(outputs: () => Readonly<Record<string, string>>) {
  return (title: string, run: () => Promise<void>) => it(title, withOutputs(outputs, run));
}

/** What a gateway in this process, the exec-gateway and executors wrote. */
export function writtenBy(where: {
  world: Pick<World, 'logLines'>;
  execGateway: Pick<ExecGatewayProcess, 'process'>;
  executors: readonly Pick<RunningProcess, 'output'>[];
}): Record<string, string> {
  return {
    gateway: where.world.logLines.slice(-LAST_LINES).join(''),
    'exec-gateway': where.execGateway.process.output,
    executors: where.executors.map(({ output }) => output).join('\n'),
  };
}

function withOutputs(outputs: () => Readonly<Record<string, string>>, test: () => Promise<void>) {
  return async (): Promise<void> => {
    try {
      await test();
    } catch (error) {
      const { message, stack = '' } = error instanceof Error ? error : new Error(String(error));
      const written = Object.entries(outputs()).map(([name, text]) => `--- ${name}:\n${text.slice(-LAST_CHARACTERS)}`);
      const told = new Error([message, ...written].join('\n'));
      told.stack = `${told.message}\n${stack.slice(stack.indexOf('\n    at ') + 1)}`;
      throw told;
    }
  };
}
