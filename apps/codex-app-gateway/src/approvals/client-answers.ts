import { isJsonObject, type JsonObject } from '../guard/json-object.ts';
import { APPROVAL_ANSWERS, PERMISSIONS_METHOD } from './approval-methods.ts';

export type ClientDecision = 'client_accepted' | 'client_declined' | 'client_error' | 'client_unclear';

/** What a client has answered, in words of the protocol only. */
export interface ClientAnswer<Question> {
  readonly question: Question;
  readonly decision: ClientDecision;
  /** The client's own word, if it is a known one. */
  readonly answer: string | undefined;
}

/** Questions that a client leaves open are forgotten, the oldest first. */
const MAX_OPEN_QUESTIONS = 100;
// Words, and at most the command or hosts that the client wants to be asked about no more.
const MAX_ANSWER_BYTES = 64 * 1024;

/** Finds a client's answers to what it was asked, among everything that it says. */
export class ClientAnswers<Question extends { readonly id: string | number; readonly method: string }> {
  readonly #open = new Map<string | number, Question>();

  asked(question: Question): void {
    if (this.#open.size >= MAX_OPEN_QUESTIONS) {
      for (const [oldest] of this.#open) {
        this.#open.delete(oldest);
        break;
      }
    }
    this.#open.set(question.id, question);
  }

  /** @returns undefined for everything else; at no cost while nothing is open */
  heard(frame: Buffer): ClientAnswer<Question> | undefined {
    if (this.#open.size === 0 || frame.length > MAX_ANSWER_BYTES) return undefined;
    const message = parse(frame);
    const { id, method, result, error } = message ?? {};
    if (method !== undefined || (typeof id !== 'string' && typeof id !== 'number')) return undefined;
    const question = this.#open.get(id);
    if (!question) return undefined;
    this.#open.delete(id);
    if (error !== undefined) return { question, decision: 'client_error', answer: undefined };
    return { question, ...decisionOf(question.method, isJsonObject(result) ? result : {}) };
  }
}

function decisionOf(method: string, result: JsonObject): { decision: ClientDecision; answer: string | undefined } {
  if (method === PERMISSIONS_METHOD) return decisionOfPermissions(result);
  const { decision: given } = result;
  const [word, details] = isJsonObject(given) ? (Object.entries(given)[0] ?? []) : [given];
  const meaning = typeof word === 'string' ? APPROVAL_ANSWERS.get(word) : undefined;
  if (typeof word !== 'string' || !meaning) return { decision: 'client_unclear', answer: undefined };
  const decision = meaning === 'as_its_action' ? decisionOfAction(details) : (`client_${meaning}` as const);
  return { decision, answer: word };
}

/** Nothing is granted by an empty profile, or by one of nothing but nulls. */
function decisionOfPermissions({ permissions, scope }: JsonObject): ReturnType<typeof decisionOf> {
  const granted = isJsonObject(permissions) && Object.values(permissions).some((each) => each !== null);
  if (!granted) return { decision: 'client_declined', answer: undefined };
  return { decision: 'client_accepted', answer: scope === 'session' ? 'session' : 'turn' };
}

function decisionOfAction(details: unknown): ClientDecision {
  const amendment = isJsonObject(details) ? details.network_policy_amendment : undefined;
  const action = isJsonObject(amendment) ? amendment.action : undefined;
  if (action === 'allow') return 'client_accepted';
  return action === 'deny' ? 'client_declined' : 'client_unclear';
}

function parse(frame: Buffer): JsonObject | undefined {
  try {
    const message: unknown = JSON.parse(frame.toString('utf8'));
    return isJsonObject(message) ? message : undefined;
  } catch {
    return undefined; // not ours to mend
  }
}
