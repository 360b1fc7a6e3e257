import { FIRST_USER } from './use-auth-service.ts';

/** What a person's browser does with these pages, over plain HTTP: keeps cookies, follows nothing by itself, posts forms. */
export class WebSession {
  readonly #baseUrl: string;
  readonly cookies = new Map<string, string>();

  constructor(baseUrl: string) {
    this.#baseUrl = baseUrl;
  }

  async get(path: string, headers: Record<string, string> = {}): Promise<Response> {
    return this.#keep(await fetch(this.#url(path), { redirect: 'manual', headers: { ...this.#cookie(), ...headers } }));
  }

  async post(path: string, fields: Record<string, string>, headers: Record<string, string> = {}): Promise<Response> {
    const answer = await fetch(this.#url(path), {
      method: 'POST',
      redirect: 'manual',
      headers: { ...this.#cookie(), ...headers },
      body: new URLSearchParams(fields),
    });
    return this.#keep(answer);
  }

  /** Loads a page, and posts its form with the hidden fields it came with. */
  async submit(path: string, fields: Record<string, string>): Promise<Response> {
    const page = await this.get(path);
    const form = formOf(await page.text());
    return this.post(form.action, { ...form.hidden, ...fields });
  }

  async signIn({ email, password }: { email: string; password: string } = FIRST_USER): Promise<void> {
    const answer = await this.submit('/login', { email, password });
    if (answer.status !== 303) throw new Error(`signing in answered ${answer.status}`);
  }

  #url(path: string): URL {
    return new URL(path, this.#baseUrl);
  }

  #cookie(): Record<string, string> {
    const pairs = [...this.cookies].map(([name, value]) => `${name}=${value}`);
    return pairs.length === 0 ? {} : { cookie: pairs.join('; ') };
  }

  #keep(answer: Response): Response {
    for (const line of answer.headers.getSetCookie()) {
      const [, name = '', value = ''] = /^([^=]+)=([^;]*)/.exec(line) ?? [];
      if (value === '') this.cookies.delete(name);
      else this.cookies.set(name, value);
    }
    return answer;
  }
}

/** The action and the hidden fields of the one form on a page. */
export function formOf(page: string): { action: string; hidden: Record<string, string> } {
  const [, action] = /<form method="post" action="([^"]+)">/.exec(page) ?? [];
  if (action === undefined) throw new Error(`there is no form on this page:\n${page}`);
  const inputs = page.matchAll(/<input type="hidden" name="([^"]+)" value="([^"]*)">/g);
  return {
    action,
    hidden: Object.fromEntries([...inputs].map(([, name = '', value = '']) => [name, unescapeHtml(value)])),
  };
}

function unescapeHtml(text: string): string {
  const characters: Record<string, string> = { lt: '<', gt: '>', quot: '"', '#39': "'", amp: '&' };
  return text.replace(/&(lt|gt|quot|#39|amp);/g, (entity, name: string) => characters[name] ?? entity);
}
