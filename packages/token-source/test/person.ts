/** A person at a browser, as far as HTML forms and redirects go: cookies, and the provider's own login and consent forms. */
export class Person {
  readonly #cookies = new Map<string, string>();

  /** Visits a page and does what it asks, until a page asks for nothing more. @returns the last page */
  async signIn(url: string): Promise<{ status: number; text: string; url: string }> {
    let answer = await this.#get(url);
    for (let page = 0; page < 6; page += 1) {
      const form = readForm(answer.text);
      if (!form) return answer;
      const fields = { ...form.fields, ...(form.wantsLogin ? { login: 'ann', password: 'any' } : {}) };
      answer = await this.#post(new URL(form.action, answer.url).href, fields);
    }
    throw new Error(`the provider keeps asking: ${answer.text.slice(0, 300)}`);
  }

  #get(url: string) {
    return this.#visit(url, { method: 'GET' });
  }

  #post(url: string, fields: Record<string, string>) {
    return this.#visit(url, { method: 'POST', body: new URLSearchParams(fields) });
  }

  async #visit(url: string, init: RequestInit): Promise<{ status: number; text: string; url: string }> {
    const cookie = [...this.#cookies].map(([name, value]) => `${name}=${value}`).join('; ');
    const answer = await fetch(url, { ...init, redirect: 'manual', headers: { cookie } });
    for (const line of answer.headers.getSetCookie()) {
      const [, name = '', value = ''] = /^([^=]+)=([^;]*)/.exec(line) ?? [];
      this.#cookies.set(name, value);
    }
    const next = answer.headers.get('location');
    if (next !== null && answer.status >= 300 && answer.status < 400) return this.#get(new URL(next, url).href);
    return { status: answer.status, text: await answer.text(), url };
  }
}

function readForm(html: string) {
  const form = /<form[^>]*action="([^"]+)"[^>]*>([\s\S]*?)<\/form>/.exec(html);
  if (!form) return undefined;
  const [, action = '', body = ''] = form;
  const inputs = [...body.matchAll(/<input[^>]*>/g)].map(([tag]) => ({
    name: /name="([^"]*)"/.exec(tag)?.[1] ?? '',
    value: /value="([^"]*)"/.exec(tag)?.[1] ?? '',
  }));
  const fields = Object.fromEntries(inputs.filter(({ name }) => name !== '').map(({ name, value }) => [name, value]));
  return {
    action: action.replaceAll('&amp;', '&'),
    fields,
    wantsLogin: inputs.some(({ name }) => name === 'password'),
  };
}
