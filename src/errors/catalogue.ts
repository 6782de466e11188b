import type { ErrorKind } from './kinds.ts';

interface CatalogueEntry {
  /** Which of the four exit paths the error takes. */
  readonly kind: ErrorKind;
  /** The process's exit code when the error ends a command (table in `spec/errors.md`). */
  readonly exit: number;
  /** What it means, for `rotctl explain CODE`. */
  readonly means: string;
  /** What the operator does next. */
  readonly remedy: string;
}

/**
 * Every error code that `rotctl` can end with. Codes are stable: other programs match on them.
 * `spec/errors.md` lists the same table, and a test compares the two.
 */
export const ERROR_CATALOGUE = {
  USAGE: {
    kind: 'mistake',
    exit: 2,
    means: 'the command line is wrong: an unknown flag, a missing value, or flags that exclude each other',
    remedy: 'read `rotctl <command> --help`',
  },
  INPUT_UNREADABLE: {
    kind: 'mistake',
    exit: 2,
    means: 'a file that was named cannot be read, or is not what it must be (a regular file, UTF-8, not too large)',
    remedy: 'fix the named file',
  },
  INPUT_SYNTAX: {
    kind: 'mistake',
    exit: 2,
    means: 'a YAML or JSON file does not parse',
    remedy: 'fix the named line',
  },
  INPUT_INVALID: {
    kind: 'mistake',
    exit: 2,
    means: 'a value in a fleet file, a runbook or a vector file breaks a rule',
    remedy: 'fix the named line',
  },
  STEP_UNSUPPORTED: {
    kind: 'mistake',
    exit: 2,
    means: 'the runbook has steps that this version checks but does not carry out; nothing was changed',
    remedy: 'use a runbook without the named steps',
  },
  RUNBOOK_UNSAFE: {
    kind: 'mistake',
    exit: 2,
    means: 'the runbook is not proven safe: a sequence of events breaks an invariant, or there was too much to look at',
    remedy: 'change the named step as advised, then run `rotctl runbook check FILE`',
  },
  PLAN_STALE: {
    kind: 'mistake',
    exit: 2,
    means: 'a saved plan does not fit any more, was made for something else, or was edited; nothing was changed',
    remedy: 'make a new plan, read it, and give that one',
  },
  SECRET_REFUSED: {
    kind: 'mistake',
    exit: 2,
    means:
      'a secret cannot be used: empty, too short, too long, equal to another, retired before, or readable by others',
    remedy: 'give a fresh secret of 32 random bytes, or let rotctl make one',
  },
  SECRET_UNAVAILABLE: {
    kind: 'refusal',
    exit: 13,
    means:
      'a command that gives a secret, or that signs with a key held elsewhere, failed, hung or answered with something else; nothing was changed by it',
    remedy: 'run the named command by hand as the same user, then run rotctl again',
  },
  CERTIFICATE_UNAVAILABLE: {
    kind: 'refusal',
    exit: 13,
    means:
      'a command of the authority that issues certificates failed, hung, or printed something else than what was asked for; nothing was changed by it',
    remedy: 'run the named command by hand as the same user, then run rotctl again',
  },
  LEDGER_BROKEN: {
    kind: 'mistake',
    exit: 2,
    means: 'the ledger does not verify: an entry was changed, removed, inserted or reordered, or its tail was cut',
    remedy: 'keep the file as evidence, run `rotctl ledger verify`, restore the ledger from a copy',
  },
  MOVE_REFUSED: {
    kind: 'refusal',
    exit: 13,
    means: 'the state machine does not allow this move from the present phase',
    remedy: 'run `rotctl status`, which prints the moves that are allowed',
  },
  PRECONDITION_FAILED: {
    kind: 'refusal',
    exit: 13,
    means: 'a precondition of the runbook is not met; nothing was changed',
    remedy: 'meet the named precondition, then run the command again',
  },
  FLEET_UNSURE: {
    kind: 'remote',
    exit: 12,
    means:
      'which replicas there are, or where, could not be told: the source of the list failed, a name did not resolve, or there are fewer than declared; nothing was changed',
    remedy: 'mend the source or the name that is given, then run the command again',
  },
  FLEET_CHANGED: {
    kind: 'refusal',
    exit: 13,
    means: 'a replica has appeared, is missing, or has another address than when the rotation began',
    remedy:
      'bring the fleet file and the fleet to what the rotation began with; what is gone for good needs a recorded word',
  },
  LOCK_HELD: {
    kind: 'refusal',
    exit: 16,
    means: 'another rotation holds the lock of this fleet',
    remedy: 'wait for its holder, or break a dead one with `--break-lock --reason TEXT`',
  },
  LEDGER_WRITE_FAILED: {
    kind: 'remote',
    exit: 12,
    means: 'a ledger entry could not be made durable; the effect it announces was not carried out',
    remedy: 'make room or repair the disk, then `rotctl resume`',
  },
  DRIVER_FAILED: {
    kind: 'remote',
    exit: 12,
    means: 'a deploy command failed, hung past its deadline, or a configuration file could not be replaced',
    remedy: 'read the reason, then `rotctl resume`: the replica is probed before anything is repeated',
  },
  HELD: {
    kind: 'remote',
    exit: 12,
    means: 'a step could not be proven either way; what is accepted now was left as it is',
    remedy: 'gather what the report names, then `rotctl resume` or `rotctl rollback`',
  },
  FAILED_HELD: {
    kind: 'remote',
    exit: 12,
    means:
      'a step was proven to have failed; what is accepted now was left as it is, because going back needs your word',
    remedy: 'mend what the report names, then `rotctl resume`; or `rotctl rollback`',
  },
  PROBE_NOT_INERT: {
    kind: 'refusal',
    exit: 12,
    means:
      'an accepted probe was answered by what the fleet file does not declare inert: it may have done something; all probing stopped at once',
    remedy:
      'look what the probe has done; then give a probe.body that is refused, or declare the answer: a refusal in words in outcomes, an acceptance that does nothing in probe.inert',
  },
  ROLLED_BACK: {
    kind: 'remote',
    exit: 10,
    means: 'a step failed, the change was taken back, and the rollback was proven on every replica',
    remedy: 'look into the cause, in daylight',
  },
  ROLLBACK_UNVERIFIED: {
    kind: 'remote',
    exit: 11,
    means: 'a step failed and its rollback failed or could not be proven',
    remedy: 'page someone: the printed command is next',
  },
  CHECK_FAILED: {
    kind: 'remote',
    exit: 1,
    means: 'a read-only check failed; nothing was changed',
    remedy: 'read the failed check',
  },
  GATE_WAITING: {
    kind: 'refusal',
    exit: 15,
    means: 'a gate is not open yet; the rotation is safe as it stands',
    remedy: 'wait until the printed time, or for whom is named, then run the printed command',
  },
  STOPPED: {
    kind: 'refusal',
    exit: 14,
    means: 'stopped by the operator or by the safety lever, at a safe point',
    remedy: '`rotctl status`, then `rotctl resume`',
  },
  PRACTICE_FAILED: {
    kind: 'remote',
    exit: 12,
    means: 'the local practice fleet could not be started or did not answer',
    remedy: 'read the reason; ports and the output folder must be free',
  },
  INTERNAL: {
    kind: 'bug',
    exit: 70,
    means: 'a bug in rotctl',
    remedy: 'report it, with the command and the version',
  },
} as const satisfies Record<string, CatalogueEntry>;

/** A stable error code. */
export type ErrorCode = keyof typeof ERROR_CATALOGUE;
