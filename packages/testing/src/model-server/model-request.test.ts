import { lastToolOutput, toolNames } from './model-request.ts';
import { outputItem, runCommand } from './model-script.ts';

const request = (...input: { type: string; [member: string]: unknown }[]) => ({ model: 'scripted', input });
const named = (...names: string[]) => names.map((name) => ({ type: 'function', name }));

describe('what a script reads from a request', () => {
  it('finds the tools in both places where the CLI puts them', () => {
    const both = { ...request({ type: 'additional_tools', tools: named('exec_command') }), tools: named('view_image') };
    expect([...toolNames(both)].sort()).toEqual(['exec_command', 'view_image']);
    expect(toolNames({ ...request(), tools: [{ type: 'web_search' }] }).size).toBe(0);
  });

  it('reads a tool output as text or as parts, and none after the person spoke again', () => {
    const output = { type: 'function_call_output', output: 'plain' };
    const parts = { type: 'function_call_output', output: [{ type: 'input_text', text: 'in ' }, { text: 'parts' }] };
    const user = { type: 'message', role: 'user', content: [{ type: 'input_text', text: 'and now?' }] };
    expect(lastToolOutput(request(user, output))).toBe('plain');
    expect(lastToolOutput(request(user, output, parts))).toBe('in parts');
    expect(lastToolOutput(request(output, user))).toBeUndefined();
  });
});

describe('running a command', () => {
  it.each([
    { offered: ['exec_command', 'shell'], name: 'exec_command', args: { cmd: 'ls', yield_time_ms: 30_000 } },
    { offered: ['shell_command'], name: 'shell_command', args: { command: 'ls' } },
    { offered: ['shell'], name: 'shell', args: { command: ['/bin/sh', '-c', 'ls'] } },
    { offered: [], name: 'exec_command', args: { cmd: 'ls', yield_time_ms: 30_000 } },
  ])('calls $name where the CLI offers $offered', ({ offered, name, args }) => {
    const item = outputItem(runCommand('ls'), { ...request(), tools: named(...offered) }, '1');
    expect(item).toMatchObject({ type: 'function_call', name, arguments: JSON.stringify(args) });
  });
});
