/** The one stylesheet of the pages: light and dark, no picture, no font of its own. */
export const STYLESHEET = `
:root { color-scheme: light dark; --ink: #16181d; --dim: #5c6370; --paper: #f5f6f8; --card: #fff; --line: #d9dce3;
  --accent: #0b6bcb; --accent-ink: #fff; --bad: #b3261e; }
@media (prefers-color-scheme: dark) { :root { --ink: #e8eaee; --dim: #a0a7b4; --paper: #111317; --card: #1a1d23;
  --line: #343a45; --accent: #5aa9f8; --accent-ink: #0b1420; --bad: #ff9a90; } }
* { box-sizing: border-box; }
body { margin: 0; min-height: 100vh; display: grid; place-items: center; padding: 1.5rem; background: var(--paper);
  color: var(--ink); font: 1rem/1.5 system-ui, sans-serif; }
main { width: 100%; max-width: 26rem; padding: 2rem; background: var(--card); border: 1px solid var(--line);
  border-radius: .75rem; }
.product { margin: 0 0 1.25rem; color: var(--dim); font-size: .875rem; }
h1 { margin: 0 0 1rem; font-size: 1.375rem; line-height: 1.25; }
p { margin: 0 0 1rem; }
label { display: block; margin: 0 0 1rem; font-weight: 600; }
input { display: block; width: 100%; margin-top: .25rem; padding: .625rem .75rem; border: 1px solid var(--line);
  border-radius: .5rem; background: var(--paper); color: var(--ink); font: inherit; }
input.code { font: 1.375rem ui-monospace, monospace; letter-spacing: .1em; text-align: center; text-transform: uppercase; }
button { padding: .625rem 1.125rem; border: 1px solid var(--accent); border-radius: .5rem; background: var(--accent);
  color: var(--accent-ink); font: inherit; font-weight: 600; cursor: pointer; }
a.button { display: block; padding: .625rem 1.125rem; border: 1px solid var(--accent); border-radius: .5rem; text-align: center;
  font-weight: 600; text-decoration: none; }
button.quiet { background: transparent; color: var(--ink); border-color: var(--line); }
input:focus-visible, button:focus-visible, a:focus-visible { outline: 3px solid var(--accent); outline-offset: 2px; }
.actions { display: flex; gap: .75rem; }
.problem { padding: .625rem .75rem; border: 1px solid var(--bad); border-radius: .5rem; color: var(--bad); }
.dim { color: var(--dim); font-size: .875rem; }
dl { display: grid; grid-template-columns: max-content 1fr; gap: .375rem 1rem; margin: 0 0 1.25rem; }
dt { color: var(--dim); } dd { margin: 0; overflow-wrap: anywhere; }
a { color: var(--accent); } code { font-family: ui-monospace, monospace; overflow-wrap: anywhere; }
h2 { margin: 1.5rem 0 .5rem; font-size: 1rem; }
ul.places { list-style: none; padding: 0; } ul.places li { margin: 0 0 1rem; overflow-wrap: anywhere; }
ul.places form { margin-top: .5rem; } ul.places button { padding: .25rem .75rem; font-size: .875rem; }
ul { margin: 0 0 1.25rem; padding-left: 1.25rem; }
`;
