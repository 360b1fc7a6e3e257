import { useBrowser } from '@codex-gateways/testing';
import { AdminBrowser, CHOSEN_PASSWORD } from './people.ts';
import { useAuthService } from './use-auth-service.ts';

const auth = useAuthService();
const browser = useBrowser();
const admin = new AdminBrowser(() => auth.url);

describe('in a real browser, the account of a person', () => {
  it('begins with a generated password, which the person replaces, and ends with signing out everywhere', async () => {
    const { email, oneTimePassword } = await admin.makePerson('browser@localhost');
    const page = await browser.newPage();
    const complaints: string[] = [];
    page.on('console', (message) => {
      if (message.type() === 'error' && !message.text().includes('favicon')) complaints.push(message.text());
    });
    await page.goto(`${auth.url}/account`);
    await page.getByLabel('Email').fill(email);
    await page.getByLabel('Password').fill(oneTimePassword);
    await page.getByRole('button', { name: 'Sign in' }).click();
    await page.getByText('made by an administrator').waitFor();
    await page.getByLabel('Current password').fill(oneTimePassword);
    await page.getByLabel('New password', { exact: true }).fill(CHOSEN_PASSWORD);
    await page.getByLabel('New password again').fill(CHOSEN_PASSWORD);
    await page.getByRole('button', { name: 'Change password' }).click();
    await page.getByRole('heading', { name: 'Your account' }).waitFor();
    await page.getByText('This browser').waitFor();
    await page.getByRole('button', { name: 'Sign out everywhere' }).click();
    await page.getByRole('heading', { name: 'Sign in' }).waitFor();
    await page.goto(`${auth.url}/account`);
    await page.getByRole('heading', { name: 'Sign in' }).waitFor();
    expect(complaints).toEqual([]);
  });
});
