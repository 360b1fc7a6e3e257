import type { Page } from '@codex-gateways/testing';

/** Somebody with an account, at a browser. */
export interface Credentials {
  readonly email: string;
  readonly password: string;
}

/** Fills the sign-in page that the browser is on. */
export async function signIn(page: Page, { email, password }: Credentials): Promise<void> {
  await page.getByLabel('Email').fill(email);
  await page.getByLabel('Password').fill(password);
  await page.getByRole('button', { name: 'Sign in' }).click();
}

/** Opens the device page, signs in, enters the code that a terminal shows, and approves it. */
export async function approveDeviceCode(
  page: Page,
  { verificationUrl, userCode, credentials }: { verificationUrl: string; userCode: string; credentials: Credentials },
): Promise<void> {
  await page.goto(verificationUrl);
  await signIn(page, credentials);
  await page.getByLabel('Code').fill(userCode);
  await page.getByRole('button', { name: 'Continue' }).click();
  await page.getByRole('button', { name: 'Approve' }).click();
  await page.getByText('approved', { exact: false }).first().waitFor();
}
