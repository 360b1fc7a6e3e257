import { ALLOWED_METHODS, type MethodRules } from './allowed-methods.ts';
import type { ParameterRule } from './parameter-rules.ts';

/** What happens to a parameter that is passed on. */
export interface ParameterFate {
  readonly rule: ParameterRule | undefined;
  /** Why a call that has it is refused, unless it is empty. */
  readonly refusal: string | undefined;
}

/** By name; what is not here is left out. */
export type ParameterPlan = ReadonlyMap<string, ParameterFate>;

/** Of a parameter that may have any value. */
export const PASSED: ParameterFate = { rule: undefined, refusal: undefined };
const PLANS = new Map([...ALLOWED_METHODS].map(([method, rules]) => [method, compile(rules)]));

/** The rules of a method, for quick use; undefined for one that is not allowed. */
export function planOf(method: string): ParameterPlan | undefined {
  return PLANS.get(method);
}

function compile({ pass, check, refuse }: MethodRules): ParameterPlan {
  const names = new Set([...pass, ...Object.keys(check), ...Object.keys(refuse)]);
  const fateOf = (name: string) =>
    name in check || name in refuse ? { rule: check[name], refusal: refuse[name] } : PASSED;
  return new Map([...names].map((name) => [name, fateOf(name)]));
}
