import type { Finding } from '../probe/finding.ts';
import type { Journal } from './journal.ts';
import type { Progress } from './progress.ts';
import type { Traffic } from './world.ts';

/** What kind of incident a rotation met: `of` in its entry. */
type Of = 'replay' | 'store' | 'lock-out';

/**
 * Listens to a rotation's checks and traffic for what is an auth-severity incident whatever becomes of the rotation: a nonce
 * that was accepted twice, a store that could not be asked, valid requests that were refused. Each kind is recorded once.
 */
export class AuthIncidents {
  readonly #met = new Map<Of, { readonly what: string; readonly began: string }>();
  readonly #now: () => number;

  /** @param now Unix milliseconds */
  constructor(now: () => number) {
    this.#now = now;
  }

  /** The same listener, overheard. */
  hear(progress: Progress): Progress {
    return {
      ...progress,
      findings: (findings) => {
        for (const finding of findings) this.#look(finding);
        progress.findings(findings);
      },
    };
  }

  /** The same traffic, overheard. */
  watch(traffic: Traffic): Traffic {
    return {
      sign: (generations) => traffic.sign(generations),
      alarm: () => traffic.alarm(),
      stop: () => traffic.stop(),
      report: async () => {
        const report = await traffic.report();
        if (report.refused > 0)
          this.#meet('lock-out', `${report.refused} valid requests were refused: ${report.reason}`);
        return report;
      },
    };
  }

  /** Writes down, and tells, what was met. */
  async record(progress: Pick<Progress, 'incident'>, journal: Pick<Journal, 'note'>): Promise<void> {
    for (const [of, { what, began }] of this.#met) {
      progress.incident(`auth-severity: ${what}, since ${began}`);
      await journal.note('incident', { severity: 'auth', of, what, began });
    }
    this.#met.clear();
  }

  #look({ id, verdict, critical, accepted, target, seen, reason = seen }: Finding): void {
    if (!critical || accepted !== undefined) return;
    if (verdict === 'fail' && id.startsWith('replay.') && !BY_SETTING.includes(id))
      this.#meet('replay', `replay leak: ${id} on ${target}: ${reason}`);
    if (verdict !== 'pass' && seen === 'STORE_FAILED')
      this.#meet('store', `the replay store could not be asked by ${target}: ${reason}`);
  }

  #meet(of: Of, what: string): void {
    if (!this.#met.has(of)) this.#met.set(of, { what, began: new Date(this.#now()).toISOString() });
  }
}

/** What these say of the settings is so in every moment: a rotation that would be begun is refused for it. */
const BY_SETTING = ['replay.ttl-bound', 'replay.window-end'];
