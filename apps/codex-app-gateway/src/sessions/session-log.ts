import { randomUUID } from 'node:crypto';
import { parseRemoteToken } from '@codex-gateways/tokens';
import type { Caller } from '../authentication/authenticator.ts';
import type { ClientInfo } from './client-info.ts';

/** What is known of a client when it connects. */
export interface OpenedSession {
  readonly token: string;
  readonly caller: Caller;
  readonly ip: string | undefined;
  readonly userAgent: string | undefined;
}

/** One connection of a client, from its beginning to its end. */
export interface Session {
  introduced(info: ClientInfo): void;
  /** @param code - of the close frame */
  closed(code: number): void;
}

interface Entry extends Omit<OpenedSession, 'token'> {
  readonly remoteTokenId: string | undefined;
  readonly openedAtMs: number;
  info: ClientInfo | undefined;
  closed: { readonly atMs: number; readonly code: number } | undefined;
}

/** Ended sessions that could not be reported; more of them are forgotten. */
const MAX_UNREPORTED = 10_000;

/** What happened to the connections of this gateway since it was last reported, and to which ones nothing did. */
export class SessionLog {
  readonly #nowMs: () => number;
  readonly #entries = new Map<string, Entry>();
  readonly #news = new Set<string>();
  onNews: () => void = () => undefined;

  /** @param nowMs - a steady clock */
  constructor(nowMs: () => number = () => performance.now()) {
    this.#nowMs = nowMs;
  }

  get newsCount(): number {
    return this.#news.size;
  }

  open({ token, ...session }: OpenedSession): Session {
    const id = randomUUID();
    const remoteTokenId = parseRemoteToken(token)?.id;
    const entry: Entry = { remoteTokenId, openedAtMs: this.#nowMs(), info: undefined, closed: undefined, ...session };
    this.#entries.set(id, entry);
    this.#noteNews(id);
    return {
      introduced: (info) => {
        entry.info = info;
        this.#noteNews(id);
      },
      closed: (code) => {
        entry.closed = { atMs: this.#nowMs(), code };
        this.#noteNews(id);
        this.#forgetTooMany();
      },
    };
  }

  /** Takes up to so many sessions with news, the oldest first; they have none then, until `putBack`. */
  take(count: number): string[] {
    const taken = [...this.#news].slice(0, count);
    for (const id of taken) this.#news.delete(id);
    return taken;
  }

  /** They could not be reported. */
  putBack(ids: readonly string[]): void {
    for (const id of ids) if (this.#entries.has(id)) this.#news.add(id);
  }

  /** They are reported: nothing more will be heard of those that have ended. */
  settle(ids: readonly string[]): void {
    for (const id of ids) if (this.#entries.get(id)?.closed && !this.#news.has(id)) this.#entries.delete(id);
  }

  /** Everything is news to whoever knew nothing so far. */
  putBackAll(): void {
    this.putBack([...this.#entries.keys()]);
  }

  /** A session in the words of the wire; undefined for those that nobody can be named for. */
  describe(id: string): object | undefined {
    const entry = this.#entries.get(id);
    if (!entry || entry.caller.userId === undefined) return undefined;
    const nowMs = this.#nowMs();
    return {
      id,
      workspace_id: entry.caller.workspaceId,
      user_id: entry.caller.userId,
      remote_token_id: entry.remoteTokenId ?? null,
      client_name: entry.info?.name ?? null,
      client_version: entry.info?.version ?? null,
      ip: entry.ip ?? null,
      user_agent: entry.userAgent ?? null,
      opened_ms_ago: nowMs - entry.openedAtMs,
      closed_ms_ago: entry.closed ? nowMs - entry.closed.atMs : null,
      close_code: entry.closed && entry.closed.code >= 1000 && entry.closed.code <= 4999 ? entry.closed.code : null,
    };
  }

  #noteNews(id: string): void {
    this.#news.add(id);
    this.onNews();
  }

  #forgetTooMany(): void {
    if (this.#news.size <= MAX_UNREPORTED) return;
    for (const id of this.#news) {
      if (this.#news.size <= MAX_UNREPORTED) return;
      if (!this.#entries.get(id)?.closed) continue;
      this.#news.delete(id);
      this.#entries.delete(id);
    }
  }
}
