/** The flags that every command understands, as they were given; paths are not resolved yet. */
export interface GlobalFlags {
  /** `--fleet FILE`, or `ROTCTL_FLEET`, or `rotctl.yaml`; `fleetGiven` says whether the flag itself was typed. */
  readonly fleet: string;
  readonly fleetGiven: boolean;
  readonly ledger: string | undefined;
  readonly clients: readonly string[];
  /** As typed; where it is not, the one for the fleet's protocol. */
  readonly runbook: string | undefined;
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
