import type { RotctlError } from '../errors/rotctl-error.ts';
import type { Cell, Finding } from '../probe/finding.ts';
import type { FaultResult } from '../report/result.ts';

/** The word that a command ends with: the last line of stderr, and `verdict` in JSON. */
export type EndVerdict = 'pass' | 'fail' | 'unknown' | 'rehearsed' | 'stopped' | 'advised';

/** What a command came to; `output.ts` turns it into text or JSON and the exit code. */
export interface CommandEnd {
  /** `overlap`, `check`, …: the JSON schema is `rotctl.<command>.v1`. */
  readonly command: string;
  readonly verdict: EndVerdict;
  /** By default 0, or the error's own. */
  readonly exitCode?: number;
  /** What the verdict line says after its word: `overlap is open: 3/3 replicas accept current and next`. */
  readonly summary: string;
  readonly rotation?: string;
  readonly fleet?: string;
  readonly phase?: string;
  readonly checks?: readonly Finding[];
  /** The evidence matrix: who accepted which secret, as it was seen last. */
  readonly matrix?: readonly Cell[];
  /** What became of planted faults: of a drill only. */
  readonly faults?: readonly FaultResult[];
  readonly error?: RotctlError;
  /** `verified`, `unverified`, `failed`, `not-needed`, `refused`: where a rollback was part of it. */
  readonly rollback?: string;
  /** With `--json`: in one line, after others that were printed before it. */
  readonly jsonLine?: boolean;
  /** The next command to type. */
  readonly next?: string;
  /** The command's own part of the JSON result. */
  readonly result?: unknown;
  /** The command's own text for stdout, when not `--json`. */
  readonly text?: string;
}
