import { FIRST_USER } from './use-auth-service.ts';
import type { Answer } from './use-world.ts';
import { WebSession } from './web-session.ts';

/** A call of the API as a person's browser makes it. @param body - sent as JSON */
export async function apiCall(
  web: WebSession | undefined,
  { url, method, path, body }: { url: string; method: string; path: string; body?: unknown },
): Promise<Answer> {
  const cookie = [...(web?.cookies ?? [])].map(([name, value]) => `${name}=${value}`).join('; ');
  const answer = await fetch(`${url}${path}`, {
    method,
    headers: { ...(cookie ? { cookie } : {}), ...(body === undefined ? {} : { 'content-type': 'application/json' }) },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  const text = await answer.text();
  return { status: answer.status, headers: answer.headers, text, body: text === '' ? undefined : JSON.parse(text) };
}

/** A person with a password, made by the first user, who is an administrator. */
export interface NewPerson {
  readonly id: string;
  readonly email: string;
  readonly oneTimePassword: string;
}

/** The first user's browser, and what an administrator does with it. */
export class AdminBrowser {
  readonly #url: () => string;
  #web: WebSession | undefined;

  constructor(url: () => string) {
    this.#url = url;
  }

  async call(method: string, path: string, body?: unknown): Promise<Answer> {
    if (!this.#web) {
      this.#web = new WebSession(this.#url());
      await this.#web.signIn(FIRST_USER);
    }
    return apiCall(this.#web, { url: this.#url(), method, path, body });
  }

  async makePerson(email: string, changes: { role?: 'admin' | 'member' } = {}): Promise<NewPerson> {
    const { status, body } = await this.call('POST', '/api/admin/users', { email, ...changes });
    if (status !== 201) throw new Error(`making ${email} was answered ${status}`);
    return { id: body.id, email, oneTimePassword: body.one_time_password };
  }
}

export const CHOSEN_PASSWORD = 'a password that a person chose';

/** Signs a new person in for the first time, choosing a password. */
export async function signInFirst(url: string, { email, oneTimePassword }: NewPerson): Promise<WebSession> {
  const web = new WebSession(url);
  await web.signIn({ email, password: oneTimePassword });
  const answer = await web.submit('/account/password', {
    current_password: oneTimePassword,
    new_password: CHOSEN_PASSWORD,
    new_password_again: CHOSEN_PASSWORD,
  });
  if (answer.status !== 303) throw new Error(`choosing a password was answered ${answer.status}`);
  return web;
}
