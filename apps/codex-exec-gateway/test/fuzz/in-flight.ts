interface Sent {
  readonly bytes: Buffer;
  readonly mustArrive: boolean;
}

/** What was sent on one stream in one direction and has not come yet: in order, and nothing else may come. */
export class InFlight {
  #sent: Sent[] = [];
  #next = 0;

  get isEmpty(): boolean {
    return this.#next === this.#sent.length;
  }

  /** @param mustArrive - false for what may be dropped, since it is no proper frame */
  add(bytes: Buffer, mustArrive: boolean): void {
    if (this.isEmpty) {
      this.#sent = [];
      this.#next = 0;
    }
    this.#sent.push({ bytes, mustArrive });
  }

  /** @returns what is wrong with this delivery, if anything is */
  arrived(bytes: Buffer): string | undefined {
    while (this.#next < this.#sent.length) {
      const { bytes: expected, mustArrive } = this.#sent[this.#next] as Sent;
      this.#next += 1;
      if (expected.equals(bytes)) return undefined;
      if (mustArrive) return `in place of ${expected.toString('hex', 0, 80)} came ${bytes.toString('hex', 0, 80)}`;
    }
    return `nobody sent ${bytes.toString('hex', 0, 80)}`;
  }
}
