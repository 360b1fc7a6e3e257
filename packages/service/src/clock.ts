/** The time as token code sees it; tests move it. Leases that several replicas see use the database's clock instead. */
export interface Clock {
  now(): Date;
  /** Whole epoch seconds, the unit of JWT times (RFC 7519 NumericDate). */
  nowSeconds(): number;
}

export const systemClock: Clock = {
  now: () => new Date(),
  nowSeconds: () => Math.floor(Date.now() / 1000),
};
