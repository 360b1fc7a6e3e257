import { identifier, parseInput } from '@codex-gateways/service';
import { z } from 'zod';
import type { ActiveUsers } from '../accounts/active-users.ts';
import type { InternalAnswer } from './internal-answer.ts';

const MAX_USERS = 1000;

const bodySchema = z.object({ user_ids: z.array(identifier).max(MAX_USERS) });

/**
 * `POST /internal/codex-auth/users/active`: which of at most 1000 users may still act. 200 `{active: [...]}`; who is not in it is
 * disabled, or was never there.
 */
export function activeUsersAnswer({ activeUsers }: { activeUsers: Pick<ActiveUsers, 'among'> }): InternalAnswer {
  return async (input) => {
    const { user_ids: userIds } = parseInput(bodySchema, input);
    return { active: await activeUsers.among(userIds) };
  };
}
