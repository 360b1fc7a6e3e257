/**
 * The variables that a configuration reads and a README does not name, in backticks, in either case; none is how it should be.
 * @param environments - complete ones, of which each has the configuration read other variables
 * @param readConfig - may throw
 */
export function undocumentedVariables(
  readConfig: (env: Readonly<Record<string, string | undefined>>) => unknown,
  { readme, environments }: { readme: string; environments: readonly Readonly<Record<string, string>>[] },
): string[] {
  const read = new Set<string>();
  for (const environment of environments) {
    const env = new Proxy<Record<string, string>>(
      { ...environment },
      {
        get: (target, name: string) => {
          read.add(name);
          return target[name];
        },
      },
    );
    try {
      readConfig(env);
    } catch {
      // An environment of which something is missing has been read all the same.
    }
  }
  if (read.size < 10) throw new Error(`only ${read.size} variables were read`);
  return [...read].filter((name) => !new RegExp(`\`${name}[\`=]`, 'i').test(readme)).sort();
}
