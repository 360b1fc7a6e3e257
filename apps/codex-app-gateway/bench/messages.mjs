// What goes back and forth between the CLI and an app-server, in its form and about in its size.
const THREAD = '019a8f3e-77aa-7d20-9d0e-0c1f3f1f2a11';
const TURN = '019a8f3e-9b1c-7e02-8a3f-5d2b9e6c4d77';

/** `turn/start`: the method with the most rules for its parameters. @param bytes - about so long */
export function turnStart(bytes) {
  const withText = (text) =>
    JSON.stringify({
      id: 17,
      method: 'turn/start',
      params: {
        threadId: THREAD,
        input: [{ type: 'text', text, text_elements: [] }],
        cwd: '/home/dev/project',
        approvalPolicy: 'on-request',
        model: 'gpt-5',
        effort: 'medium',
        summary: 'auto',
      },
    });
  return withText(prose(Math.max(1, bytes - withText('').length)));
}

/** `item/agentMessage/delta`, which is most of what app-servers say. @param bytes - about so long */
export function delta(bytes) {
  const withText = (text) =>
    JSON.stringify({
      method: 'item/agentMessage/delta',
      params: { threadId: THREAD, turnId: TURN, itemId: 'msg_0a1b2c3d4e5f', delta: text },
    });
  return withText(prose(Math.max(1, bytes - withText('').length)));
}

function prose(length) {
  const line = 'The relay keeps the order of frames, "quoted" where it has to be;\n';
  const escaped = JSON.stringify(line).length - 2;
  return line.repeat(Math.ceil(length / escaped)).slice(0, Math.floor((length * line.length) / escaped));
}
