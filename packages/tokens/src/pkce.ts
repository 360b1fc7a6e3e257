import { randomToken, sha256 } from '@codex-gateways/crypto';

/** `code_challenge` for S256 (RFC 7636 §4.2): base64url SHA-256 of the verifier. */
export function codeChallengeOf(codeVerifier: string): string {
  return sha256(codeVerifier).toString('base64url');
}

/** Whether a verifier has the form of RFC 7636 §4.1: 43 to 128 unreserved characters. */
export function isCodeVerifier(text: string): boolean {
  return /^[A-Za-z0-9._~-]{43,128}$/.test(text);
}

/** Whether a challenge has the form of an S256 challenge: 32 bytes in base64url. */
export function isCodeChallenge(text: string): boolean {
  return /^[A-Za-z0-9_-]{43}$/.test(text);
}

/** A fresh verifier of 86 characters, as the Codex CLI makes them. */
export function mintCodeVerifier(): string {
  return randomToken(64);
}
