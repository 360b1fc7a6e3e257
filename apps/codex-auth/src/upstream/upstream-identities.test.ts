import { AdminBrowser } from '../../test/people.ts';
import { createUser } from '../../test/second-user.ts';
import { oidcEntry, useUpstreams } from '../../test/use-upstreams.ts';

const world = useUpstreams(['corp'], (issuerOf) => [oidcEntry('corp', issuerOf('corp'))]);
const admin = new AdminBrowser(() => world.auth.url);
const path = (userId: string) => `/api/admin/users/${userId}/identities`;

describe('an administrator', () => {
  it('links a local user to whoever was refused for the address, and takes the link away', async () => {
    const local = await createUser(world.db, 'linked@example.com');
    const subject = 'corp|linked/1';
    world.provider().person = { sub: subject, email: 'linked@example.com', email_verified: true };
    expect((await world.signIn()).answer.status).toBe(403);
    const linked = await admin.call('POST', path(local.userId), { provider: 'corp', subject });
    expect(linked.status).toBe(204);
    const { web } = await world.signIn();
    expect(await world.me(web)).toMatchObject({ id: local.userId });
    expect((await admin.call('GET', path(local.userId))).body).toEqual({
      identities: [
        {
          ...{ provider: 'corp', subject, email: 'linked@example.com' },
          ...{ created_at: expect.any(String), last_signed_in_at: expect.any(String) },
        },
      ],
    });
    const one = `${path(local.userId)}/corp/${encodeURIComponent(subject)}`;
    expect((await admin.call('DELETE', one)).status).toBe(204);
    expect(await world.me(web)).toBeUndefined();
    expect((await world.signIn()).answer.status).toBe(403);
    expect((await admin.call('DELETE', one)).status).toBe(404);
    expect(await world.auditOf('upstream_identity.linked')).toEqual([{ provider: 'corp', subject }]);
    expect(await world.auditOf('upstream_identity.unlinked')).toEqual([{ provider: 'corp', subject }]);
  });

  it('cannot give one identity to two users, nor one that cannot be', async () => {
    const first = await createUser(world.db, 'first@example.com');
    const second = await createUser(world.db, 'second@example.com');
    const identity = { provider: 'corp', subject: 'shared' };
    expect((await admin.call('POST', path(first.userId), identity)).status).toBe(204);
    expect((await admin.call('POST', path(second.userId), identity)).status).toBe(409);
    expect((await admin.call('POST', path('user_of_nobody'), { ...identity, subject: 'x' })).status).toBe(404);
    for (const wrong of [{ provider: 'nobody' }, { subject: 'a\u0000b' }, { subject: '' }, { email: 'x' }]) {
      expect((await admin.call('POST', path(first.userId), { ...identity, ...wrong })).status).toBe(400);
    }
  });

  it('is the only one who can', async () => {
    world.provider().person = { sub: 'eve', email: 'eve@example.com', email_verified: true };
    const { web } = await world.signIn();
    const { id = '' } = (await world.me(web)) ?? {};
    expect((await web.get(path(id))).status).toBe(403);
    expect((await world.newBrowser().get(path(id))).status).toBe(401);
  });
});
