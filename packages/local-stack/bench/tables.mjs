const number = (value, digits = 0) =>
  value.toLocaleString('en-US', { maximumFractionDigits: digits, minimumFractionDigits: digits });
const mebibytes = (bytes) => number(bytes / 2 ** 20);

/** What was measured so far, as Markdown tables. */
export function tables(results) {
  return [logins(results), relay(results), executors(results), notifications(results)].filter(Boolean).join('\n\n');
}

function table(head, rows) {
  const line = (cells) => `| ${cells.join(' | ')} |`;
  return [line(head), line(head.map((_, index) => (index === 0 ? '---' : '---:'))), ...rows.map(line)].join('\n');
}

function logins({ logins: rows }) {
  if (!rows) return undefined;
  const head = ['replicas of codex-auth', 'logins /s', 'CPU ms of one: codex-auth, PostgreSQL, HAProxy'];
  head.push('refreshes /s', 'CPU ms of one', 'MiB each, idle', 'busy');
  const cpu = ({ cpuMs }) => [cpuMs.auth, cpuMs.postgres, cpuMs.haproxy].map((ms) => number(ms, 2)).join(' + ');
  return table(
    head,
    rows.map(({ auth, logins: login, refreshes, idleBytes, busyBytes }) => [
      ...[auth, number(login.perSecond), cpu(login), number(refreshes.perSecond), cpu(refreshes)],
      ...[mebibytes(idleBytes), mebibytes(busyBytes)],
    ]),
  );
}

function relay({ relay: rows }) {
  if (!rows) return undefined;
  const head = ['replicas of codex-exec-gateway', 'answer, bytes', 'frames /s', 'MiB/s'];
  head.push('CPU µs of a question and its answer: exec-gateway, HAProxy', 'MiB each');
  return table(
    head,
    rows.map(({ exec, answerBytes, framesPerSecond, mebibytesPerSecond, cpuUsPerPairOfFrames: cpu, execBytes }) => [
      ...[exec, number(answerBytes), number(framesPerSecond), number(mebibytesPerSecond, 1)],
      ...[`${number(cpu.exec)} + ${number(cpu.haproxy)}`, mebibytes(execBytes)],
    ]),
  );
}

function executors(results) {
  const rows = [100, 1000, 10_000].map((count) => results[`executors-${count}`]).filter(Boolean);
  if (rows.length === 0) return undefined;
  const head = ['executors', 'registered and connected /s', 'CPU ms of one: exec-gateway, codex-auth, PostgreSQL'];
  head.push('MiB more in the replicas', 'idle, CPU ms a second: exec-gateway, PostgreSQL', 'list of them, ms');
  return table(
    head,
    rows.map(({ count, isRegistered, connectSeconds, connect, bytesEach, idle, idleSeconds, listMs }) => [
      `${number(count)}${isRegistered === false ? ', connected only' : ''}`,
      number(count / connectSeconds),
      [connect.exec, connect.auth, connect.postgres].map((ms) => number(ms / count, 2)).join(' + '),
      mebibytes(bytesEach.exec * count),
      [idle.exec, idle.postgres].map((ms) => number(ms / idleSeconds, 1)).join(' + '),
      number(listMs),
    ]),
  );
}

function notifications({ notifications: rows }) {
  if (!rows) return undefined;
  return table(
    ['statement', 'who listen', 'a second', 'PostgreSQL, CPU µs of one'],
    rows.map(({ what, listeners, perSecond, postgresUs }) => [what, listeners, number(perSecond), number(postgresUs)]),
  );
}
