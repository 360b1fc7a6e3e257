/** What one look found. `fix` says what to do, whenever something is to be done. */
export interface Check {
  readonly name: string;
  readonly status: 'ok' | 'warning' | 'failure';
  readonly message: string;
  readonly fix?: string;
}

export const ok = (name: string, message: string): Check => ({ name, status: 'ok', message });
export const warning = (name: string, message: string, fix: string): Check => ({
  name,
  status: 'warning',
  message,
  fix,
});
export const failure = (name: string, message: string, fix: string): Check => ({
  name,
  status: 'failure',
  message,
  fix,
});
