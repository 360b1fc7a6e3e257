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
      const { message, stack = '' } = error instanceof Error ? error : new Error(String(error));
      const written = Object.entries(outputs()).map(([name, text]) => `--- ${name}:\n${text.slice(-LAST_CHARACTERS)}`);
      const told = new Error([message, ...written].join('\n'));
      told.stack = `${told.message}\n${stack.slice(stack.indexOf('\n    at ') + 1)}`;
      throw told;
    }
  };
}
