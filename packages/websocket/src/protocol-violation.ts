/** What a peer did that RFC 6455, or a limit of ours, does not allow, with the close code that says so (§7.4.1). */
export class ProtocolViolation extends Error {
  /** 1002 protocol error, 1007 text that is not UTF-8, 1009 a message that is too large. */
  readonly closeCode: 1002 | 1007 | 1009;

  constructor(closeCode: 1002 | 1007 | 1009, message: string) {
    super(message);
    this.name = 'ProtocolViolation';
    this.closeCode = closeCode;
  }
}

export function violation(closeCode: ProtocolViolation['closeCode'], message: string): ProtocolViolation {
  return new ProtocolViolation(closeCode, message);
}
