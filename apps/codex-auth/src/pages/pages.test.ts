import fc from 'fast-check';
import { html } from './html.ts';
import { formTargetsOf } from './pages.ts';

describe('markup', () => {
  it('escapes every value, in text and in attributes', () => {
    const evil = `<script>"'&`;
    expect(html`<p title="${evil}">${evil}</p>`.text).toBe(
      '<p title="&lt;script&gt;&quot;&#39;&amp;">&lt;script&gt;&quot;&#39;&amp;</p>',
    );
  });

  it('leaves markup as it is, joins lists, and drops what is absent', () => {
    expect(html`<ul>${['a', 'b'].map((item) => html`<li>${item}</li>`)}</ul>${undefined}${false}${0}`.text).toBe(
      '<ul><li>a</li><li>b</li></ul>0',
    );
  });

  it('never lets a value end the text it is in', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (value) => {
        expect(html`${value}`.text).not.toMatch(/[<>"']/);
      }),
    );
  });
});

describe('where a form may lead', () => {
  it.each([
    ['https://client.example/cb?x=1', ['https://client.example']],
    ['https://client.example:8443/cb', ['https://client.example:8443']],
    ['http://localhost:1455/auth/callback', ['http://localhost:1455', 'http://127.0.0.1:1455']],
    ['http://127.0.0.1/cb', ['http://localhost', 'http://127.0.0.1']],
    ['com.example.app:/cb', ['com.example.app:']],
    ['not a url', []],
  ])('for %s', (redirectUri, targets) => {
    expect(formTargetsOf(redirectUri)).toEqual(targets);
  });

  it('cannot be made to add to the policy', () => {
    fc.assert(
      fc.property(
        fc.oneof(
          fc.webUrl(),
          fc.string(),
          fc.string().map((rest) => `http://${rest}`),
        ),
        (redirectUri) => {
          for (const target of formTargetsOf(redirectUri)) expect(target).not.toMatch(/[\s;,'"]/);
        },
      ),
    );
  });
});
