import { type App, readText } from './repository.ts';

/** How long a service takes to drain when nobody says otherwise, in seconds, and the variable that says otherwise. */
export function drainTimeoutOf(app: App): { variable: string; seconds: number } {
  const source = readText(`apps/${app}/src/config.ts`);
  const found = /'(\w+_DRAIN_TIMEOUT)', \{[^}]*default: '(\d+)s' \}/.exec(source);
  if (!found?.[1]) throw new Error(`apps/${app}/src/config.ts has no drain timeout in seconds`);
  return { variable: found[1], seconds: Number(found[2]) };
}
