import type { Secret } from '../../credential/secret.ts';
import type { Outcome } from '../../protocol/outcome.ts';
import { askOracle, type Burned } from '../oracle.ts';
import { ask } from '../retry.ts';
import type { Target, Tools } from '../round.ts';

/** A burned nonce that is to be refused for as long as it lives. Without a signature it opens nothing, and may be kept anywhere. */
export interface Held extends Burned {
  /** Unix milliseconds before which it was surely not burned: its life is counted from here. */
  readonly since: number;
  /** The same moment in monotonic milliseconds, of this process: a clock that steps back makes no nonce younger. */
  readonly sinceMonotonic?: number;
}

/** Whose nonces are burned. */
export interface HoldSigner {
  readonly client: string;
  readonly secret: Secret;
}

/**
 * What a replica said to a nonce that was burned before.
 *
 * - `held`: it is refused as used;
 * - `lost`: it was accepted within its life;
 * - `over`: it was accepted, and its life may have ended by then;
 * - `closed`: refused because the store could not be asked;
 * - `secret`: refused for the secret or the client id, which may have been rotated meanwhile;
 * - `unknown`: nothing that proves anything.
 */
export interface Asked {
  readonly said: 'held' | 'lost' | 'over' | 'closed' | 'secret' | 'unknown';
  readonly held: Held;
  readonly replica: string;
  readonly outcome: Outcome;
  /** How old the nonce was at the answer, at most, in milliseconds. */
  readonly ageMs: number;
  /** The nonce may have been taken, or was: what it is refused for from now on says nothing. */
  readonly spent: boolean;
}

/** Burned nonces, the oldest first, for as long as they live. */
export class HeldNonces {
  readonly #tools: Tools;
  readonly #lifeMs: number;
  #held: readonly Held[] = [];

  /** @param lifeMs how long a nonce lives by declaration, in milliseconds */
  constructor(tools: Tools, lifeMs: number, held: readonly Held[] = []) {
    this.#tools = tools;
    this.#lifeMs = lifeMs;
    this.#held = held;
  }

  /**
   * Burns a fresh nonce, and keeps it where it was accepted.
   *
   * @param doubtful the secret was refused before: then a turn among the refusals is taken first
   */
  async burn(
    replica: Target,
    { client, secret }: HoldSigner,
    doubtful = false,
  ): Promise<{ held: Held | undefined; outcome: Outcome }> {
    const { prober, clock } = this.#tools;
    const refusal = doubtful ? { refusal: 'due' as const } : {};
    const call = { endpoint: replica, client, secret, fresh: true, ...refusal };
    const sinceMonotonic = clock.monotonic();
    let since = clock.now();
    const { outcome, nonce, at } = await ask(prober, clock, call, { faults: 1 });
    since = Math.max(since, Math.min(at, clock.now()));
    if (outcome.code !== 'ACCEPTED') return { held: undefined, outcome };
    const held = { nonce, client, replica: replica.name, since, burnedAt: clock.now(), sinceMonotonic };
    this.#held = [...this.#held, held];
    return { held, outcome };
  }

  /** Those that will live for so much longer, in milliseconds. */
  alive(forMs: number): readonly Held[] {
    const now = this.#tools.clock.now();
    this.#held = this.#held.filter(({ since }) => since + this.#lifeMs > now);
    return this.#held.filter(({ since }) => since + this.#lifeMs > now + forMs);
  }

  /** Forgets nonces of which a refusal, or an acceptance, would say nothing any more. */
  forget(which: (held: Held) => boolean): void {
    this.#held = this.#held.filter((held) => !which(held));
  }

  /** Asks a replica for a nonce; its turn among the refusals is taken first. One that is spent is forgotten. */
  async ask(replica: Target, held: Held, secret: Secret): Promise<Asked> {
    const { prober, clock } = this.#tools;
    await prober.claim(held.client, [replica]);
    // Once: a lost answer to a nonce that was taken would make the next one a refusal.
    const { outcome, result } = await askOracle(this.#tools, replica, held, secret, { faults: 0 });
    const passed = held.sinceMonotonic === undefined ? 0 : clock.monotonic() - held.sinceMonotonic;
    const ageMs = Math.round(Math.max(result.at + result.ms - held.since, passed));
    const said = saidBy(outcome, ageMs < this.#lifeMs);
    const spent = outcome.code === 'ACCEPTED' || (outcome.code === 'UNKNOWN' && result.fault?.sent !== false);
    if (spent) this.#held = this.#held.filter(({ nonce }) => nonce !== held.nonce);
    return { said, held, replica: replica.name, outcome, ageMs, spent };
  }
}

function saidBy({ code }: Outcome, lives: boolean): Asked['said'] {
  switch (code) {
    case 'REPLAY_NONCE_USED':
      return 'held';
    case 'ACCEPTED':
      return lives ? 'lost' : 'over';
    case 'STORE_FAILED':
      return 'closed';
    case 'AUTH_INVALID_HMAC':
    case 'AUTH_INVALID_CLIENT':
      return 'secret';
    default:
      return 'unknown';
  }
}
