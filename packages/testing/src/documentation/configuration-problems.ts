/**
 * What a configuration finds wrong with an environment: the `problems` of its ConfigError, none when it is complete. Any other error is
 * thrown on.
 */
export function configurationProblems<Environment>(
  readConfig: (env: Environment) => unknown,
  env: Environment,
): readonly string[] {
  try {
    readConfig(env);
    return [];
  } catch (error) {
    if (error instanceof Error && error.name === 'ConfigError' && 'problems' in error) {
      return error.problems as readonly string[];
    }
    throw error;
  }
}
