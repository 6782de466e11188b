/** What a rotation may be of. */
export const MATERIALS = ['hmac', 'mtls'] as const;
export type Material = (typeof MATERIALS)[number];

/** The flags that every command understands, as they were given; paths are not resolved yet. */
export interface GlobalFlags {
  /** `--fleet FILE`, or `ROTCTL_FLEET`, or `rotctl.yaml`; `fleetGiven` says whether the flag itself was typed. */
  readonly fleet: string;
  readonly fleetGiven: boolean;
  readonly ledger: string | undefined;
  readonly clients: readonly string[];
  /** As typed; where it is not, the one for the fleet's protocol. */
  readonly runbook: string | undefined;
  /** What rotates, as typed; where neither it nor a runbook is, what the open rotation rotates, or else secrets. */
  readonly material?: Material | undefined;
  readonly json: boolean;
  readonly out: string | undefined;
  readonly dryRun: boolean;
  readonly yes: boolean;
  readonly quiet: boolean;
  readonly verbose: boolean;
  readonly color: boolean;
}

/** The flags that say how an end is told. */
export type OutputFlags = Pick<GlobalFlags, 'json' | 'out' | 'quiet' | 'verbose' | 'color'>;
