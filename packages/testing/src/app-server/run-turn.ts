import type { AppServerClient } from './app-server-client.ts';

const TURN_TIMEOUT_MS = 120_000;

/** One thing that happened in a turn: `userMessage`, `commandExecution`, `agentMessage`, … */
export interface TurnItem {
  type: string;
  id: string;
  /** Of an `agentMessage`. */
  text?: string;
  /** Of a `commandExecution`, as are the next two. */
  command?: string;
  aggregatedOutput?: string | null;
  exitCode?: number | null;
}

/** A turn that has ended. */
export interface CompletedTurn {
  threadId: string;
  turnId: string;
  /** `completed`, `failed` or `interrupted`. */
  status: string;
  error: { message: string } | null;
  /** The completed items in order. */
  items: TurnItem[];
  /** Where the thread's commands run: `remote`, `local`, or nowhere; empty when the thread was not started here. */
  environmentIds: string[];
}

/** What the person types, and where. */
export interface TurnOptions {
  text: string;
  /** Working folder on the machine that runs the commands. */
  cwd: string;
  /** Goes on with this thread instead of starting one. */
  threadId?: string;
  /** Until the turn has ended; two minutes when absent. */
  timeoutMs?: number;
}

interface ThreadStarted {
  thread: { id: string; environments?: { environmentId: string }[] };
}

interface TurnCompleted {
  threadId: string;
  turn: { id: string; status: string; error: { message: string } | null };
}

/** Starts a thread and in it a turn, with everything permitted, and waits for the turn's end; initializes first if needed. */
export async function runTurn(client: AppServerClient, options: TurnOptions): Promise<CompletedTurn> {
  await client.initialize();
  const { threadId, environmentIds } = await openThread(client, options);
  const input = [{ type: 'text', text: options.text, text_elements: [] }];
  const { turn } = await client.request<{ turn: { id: string } }>('turn/start', { threadId, input });
  const completed = await client.waitForNotification<TurnCompleted>(
    'turn/completed',
    (params) => params.turn.id === turn.id,
    options.timeoutMs ?? TURN_TIMEOUT_MS,
  );
  const { status, error } = completed.turn;
  return { threadId, turnId: turn.id, status, error, items: itemsOf(client, turn.id), environmentIds };
}

async function openThread(
  client: AppServerClient,
  { threadId, cwd }: TurnOptions,
): Promise<Pick<CompletedTurn, 'threadId' | 'environmentIds'>> {
  if (threadId !== undefined) return { threadId, environmentIds: [] };
  const params = { cwd, approvalPolicy: 'never', sandbox: 'danger-full-access' };
  const { thread } = await client.request<ThreadStarted>('thread/start', params);
  return { threadId: thread.id, environmentIds: (thread.environments ?? []).map(({ environmentId }) => environmentId) };
}

function itemsOf(client: AppServerClient, turnId: string): TurnItem[] {
  const completed = client.notifications.filter(({ method }) => method === 'item/completed');
  return completed.flatMap(({ params }) => {
    const { turnId: of, item } = params as { turnId: string; item: TurnItem };
    return of === turnId ? item : [];
  });
}
