import express, { Router } from 'express';
import { errorMiddleware, notFound, objectErrorForm } from './http-error.ts';
import { type HttpServer, listen } from './http-server.ts';
import { createLogger } from './logger.ts';
import { otherMethods } from './other-methods.ts';

describe('methods that a path does not have (RFC 9110 §15.5.6)', () => {
  let server: HttpServer;
  let url: string;

  beforeAll(async () => {
    const done = (_req: express.Request, res: express.Response) => void res.json({});
    const things = Router().get('/things/:id', done).delete('/things/:id', done).post(['/things', '/objects'], done);
    const app = express().use('/base', things.use(otherMethods([things])), Router().get('/after', done));
    const log = createLogger({ service: 'test', level: 'silent' });
    server = await listen(app.use(notFound(), errorMiddleware({ form: objectErrorForm, log })), {
      host: '127.0.0.1',
      port: 0,
    });
    url = `${server.url}/base`;
  });

  afterAll(() => server.close(100));

  it.each([
    ['POST', '/things/7', 'GET, DELETE, HEAD, OPTIONS'],
    ['GET', '/things', 'POST, OPTIONS'],
    ['PATCH', '/objects', 'POST, OPTIONS'],
  ])('are refused with those that it has: %s %s', async (method, path, allow) => {
    const answer = await fetch(`${url}${path}`, { method });
    expect([answer.status, answer.headers.get('allow')]).toEqual([405, allow]);
    expect(await answer.json()).toEqual({ error: { code: 'method_not_allowed', message: expect.any(String) } });
  });

  it('leave those alone that it has, and other paths', async () => {
    for (const [method, path, status] of [
      ['GET', '/things/7', 200],
      ['HEAD', '/things/7', 200],
      ['POST', '/objects', 200],
      ['GET', '/after', 200],
      ['GET', '/nothing', 404],
    ] as const) {
      expect([method, path, (await fetch(`${url}${path}`, { method })).status]).toEqual([method, path, status]);
    }
  });

  it('are told to who asks with OPTIONS', async () => {
    const answer = await fetch(`${url}/objects`, { method: 'OPTIONS' });
    expect([answer.status, answer.headers.get('allow')]).toEqual([204, 'POST, OPTIONS']);
  });
});
