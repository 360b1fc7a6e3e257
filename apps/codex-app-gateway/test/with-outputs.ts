const LAST_CHARACTERS = 4000;

/**
 * A test whose error says what processes wrote last as well: why a connection ended, or what was waited for in vain, is often only there.
 * @param outputs - by name, called when the test has failed
 */
export function withOutputs(outputs: () => Readonly<Record<string, string>>, test: () => Promise<void>) {
  return async (): Promise<void> => {
    try {
      await test();
    } catch (error) {
      const written = Object.entries(outputs()).map(([name, text]) => `--- ${name}:\n${text.slice(-LAST_CHARACTERS)}`);
      const message = error instanceof Error ? error.message : String(error);
      throw Object.assign(new Error([message, ...written].join('\n'), { cause: error }), {
        stack: error instanceof Error ? `${[message, ...written].join('\n')}\n${framesOf(error)}` : undefined,
      });
    }
  };
}

function framesOf({ stack = '' }: Error): string {
  return stack.slice(stack.indexOf('\n    at ') + 1);
}
