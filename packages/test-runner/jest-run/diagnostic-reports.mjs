// What the processes of a run that hangs are doing: Node.js's diagnostic reports (https://nodejs.org/api/report.html), and ps.
import { spawnSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

const MAX_HANDLES = 20;

/** Flags by which a process, and the workers that jest starts with its flags, writes a report into `folder` at SIGUSR2. */
export function reportFlags(folder) {
  return ['--report-on-signal', '--report-signal=SIGUSR2', `--report-directory=${folder}`, '--report-compact'];
}

/** One line a process of the group: state, what it sleeps in, processor time, command. Without ps, nothing. */
export function listGroup(groupId) {
  const { stdout } = spawnSync('ps', ['-eo', 'pgid=,pid=,stat=,wchan=,time=,args='], {
    encoding: 'utf8',
    timeout: 5_000,
  });
  return (stdout ?? '').split('\n').filter((line) => Number.parseInt(line, 10) === groupId);
}

/** The handles that keep a process alive, of each report in `folder`. A process that computes, or waits in a system call, writes none. */
export function describeReports(folder) {
  return readReports(folder).flatMap(describeReport);
}

/** How many processes have written their report into `folder`. */
export function countReports(folder) {
  return readReports(folder).length;
}

function readReports(folder) {
  const names = readdirSync(folder).filter((name) => name.startsWith('report.'));
  return names.flatMap((name) => {
    try {
      return [JSON.parse(readFileSync(join(folder, name), 'utf8'))];
    } catch {
      return []; // not yet whole
    }
  });
}

function describeReport(report) {
  const keeping = report.libuv.filter(({ is_active: active, is_referenced: referenced }) => active && referenced);
  return [`process ${report.header.processId}:`, ...keeping.slice(0, MAX_HANDLES).map(describeHandle)];
}

function describeHandle({ type, is_active, is_referenced, address, ...details }) {
  return `  ${type} ${JSON.stringify(details)}`;
}
