import { writeFileSync } from 'node:fs';
import { createCodexHome, startAppServer, useBrowser, useTestDatabase } from '../src/index.ts';

// Run by leaving-jest.test.ts in a jest of its own: starts everything there is, and then fails or never ends.
describe('a test file', () => {
  const database = useTestDatabase();
  const { newPage } = useBrowser();

  it('forgets its app-server', async () => {
    const page = await newPage();
    await page.setContent('<h1>here</h1>');
    const home = await createCodexHome();
    const appServer = await startAppServer({ home, env: { LEAVING_MARK: process.env.LEAVING_MARK ?? '' } });
    writeFileSync(process.env.STARTED_FILE ?? '', JSON.stringify({ databaseUrl: database.url, home: home.path }));
    if (process.env.NEVER_END) await appServer.process.exited;
    throw new Error('a failing test');
  });
});
