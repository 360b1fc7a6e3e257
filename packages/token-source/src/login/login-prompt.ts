/** What a person has to do; a program shows it in its own way. */
export type LoginPrompt =
  | {
      readonly kind: 'browser';
      readonly url: string;
      /** False when the person has to open the URL by hand. */
      readonly isOpened: boolean;
    }
  | {
      readonly kind: 'device_code';
      readonly userCode: string;
      readonly verificationUri: string;
      /** With the code filled in; not every provider gives one. */
      readonly verificationUriComplete: string | undefined;
      readonly expiresAt: Date;
    };

export interface LoginOptions {
  readonly onPrompt: (prompt: LoginPrompt) => void;
  /** How long the person has. */
  readonly timeoutMs: number;
  /** Ends the login early. */
  readonly signal?: AbortSignal | undefined;
}
