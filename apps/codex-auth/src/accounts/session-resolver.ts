/** The person behind a browser's request. */
export interface SignedInUser {
  readonly userId: string;
  readonly email: string;
  readonly role: 'admin' | 'member';
  /** When the person last proved who they are; undefined when the resolver cannot tell. */
  readonly authenticatedAt: Date | undefined;
}

/** Tells who is signed in. This service's own sessions are one answer, a product around it is another. */
export interface SessionResolver {
  /** @param cookieHeader - the request's `Cookie` header as it came */
  resolve(cookieHeader: string | undefined): Promise<SignedInUser | undefined>;
}
