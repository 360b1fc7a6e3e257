import { z } from 'zod';

/*
 * What POST /api/turns takes and answers. The OpenAPI document is made from these schemas, so what is documented is what is
 * checked.
 */

const MAX_TEXT_LENGTH = 1_000_000;
const MAX_INPUT_ITEMS = 100;

const inputItem = z.discriminatedUnion('type', [
  z.strictObject({ type: z.literal('text'), text: z.string().min(1).max(MAX_TEXT_LENGTH) }),
  z.strictObject({ type: z.literal('image'), url: z.string().regex(/^data:/i, 'must be a data URL') }),
]);

export const turnRequest = z.strictObject({
  input: z
    .union([z.string().min(1).max(MAX_TEXT_LENGTH), z.array(inputItem).min(1).max(MAX_INPUT_ITEMS)])
    .meta({ description: 'The prompt: a text, or texts and images (as data URLs).' }),
  thread_id: z.string().min(1).max(128).optional().meta({ description: 'Goes on with this thread.' }),
  cwd: z.string().min(1).max(4096).optional().meta({ description: 'Folder on the executor; / when absent.' }),
  model: z.string().min(1).max(128).optional(),
  approval_policy: z.enum(['never', 'on-request', 'untrusted']).default('never').meta({
    description:
      'What asks for approval is declined, since nobody is there to decide, unless the gateway is told to accept it.',
  }),
  sandbox: z.enum(['read-only', 'workspace-write', 'danger-full-access']).default('workspace-write').meta({
    description: 'What commands may do on the executor without asking.',
  }),
  timeout_seconds: z.int().min(1).max(3600).default(600).meta({ description: 'Then the turn is interrupted.' }),
  workspace_id: z
    .string()
    .min(1)
    .max(128)
    .optional()
    .meta({ description: 'Needed with X-Internal-Secret and with an access token.' }),
  user_id: z.string().min(1).max(128).optional().meta({ description: 'With X-Internal-Secret.' }),
});
export type TurnRequest = z.infer<typeof turnRequest>;

export const usage = z.strictObject({
  input_tokens: z.int(),
  cached_input_tokens: z.int(),
  output_tokens: z.int(),
  reasoning_output_tokens: z.int(),
  total_tokens: z.int(),
});

export const turnResult = z.strictObject({
  thread_id: z.string(),
  turn_id: z.string(),
  status: z.enum(['completed', 'failed', 'interrupted']),
  final_message: z.string().nullable().meta({ description: 'The last message of the agent.' }),
  items: z
    .array(z.looseObject({ type: z.string(), id: z.string() }))
    .meta({ description: 'What happened, in the form of the app-server protocol: messages, commands, …' }),
  usage,
  error: z.strictObject({ message: z.string() }).nullable().meta({ description: 'Why it failed or was interrupted.' }),
});
export type TurnResult = z.infer<typeof turnResult>;
export type Usage = z.infer<typeof usage>;

export const turnError = z.strictObject({ error: z.strictObject({ code: z.string(), message: z.string() }) });
