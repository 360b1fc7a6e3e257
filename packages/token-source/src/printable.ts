/** Text of a stranger, such as a provider's reason, for a terminal: without control characters and direction overrides. */
export function printable(text: string): string {
  return text.replace(/[\p{Cc}\p{Cf}\p{Cs}\p{Co}\p{Zl}\p{Zp}]/gu, ' ');
}
