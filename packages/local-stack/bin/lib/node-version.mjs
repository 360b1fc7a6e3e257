// Syntax of old Node.js versions only: this file has to run there to say that they are too old.
var REQUIRED = [20, 19];

/** Ends the process with one line when this Node.js is too old for the project. */
export function requireNodeVersion() {
  var current = process.versions.node.split('.').map(Number);
  if (current[0] > REQUIRED[0] || (current[0] === REQUIRED[0] && current[1] >= REQUIRED[1])) return;
  process.stderr.write(
    `Codex Gateways needs Node.js ${REQUIRED.join('.')} or newer; this is ${process.versions.node}\n`,
  );
  process.exit(1);
}
