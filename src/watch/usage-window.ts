import type { SeenUsage } from '../fleet/evidence.ts';
import type { Clock, Transport } from '../probe/ports.ts';
import type { LineCommands, LogFiles, PrometheusServers } from './ports.ts';
import type { UsageDelta } from './usage-delta.ts';
import type { UsageScope } from './usage-reading.ts';

/** Time in which it is watched who signs with what, from its opening on. */
export interface UsageWindow {
  /** How much more has to be waited than the time that is to be covered, in milliseconds. */
  readonly blindMs: number;
  /** Keeps up with a source that forgets, such as a log that is rotated; to be called about once a second. */
  poll(): Promise<void>;
  /** What was used since the opening. May be called again. Never throws for what a source does: that is a gap. */
  soFar(): Promise<UsageDelta>;
}

/** What to watch, whatever the source is. */
export interface WatchScope extends Omit<UsageScope, 'source'> {
  readonly source: SeenUsage;
  /** Whether requests of ours go to every replica meanwhile, so that a source that shows none of them is blind. */
  readonly expectOwn: boolean;
}

/** What watching needs of the world. */
export interface WatchPorts {
  readonly transport: Transport;
  readonly clock: Clock;
  readonly files: LogFiles;
  readonly commands: LineCommands;
  readonly servers: PrometheusServers;
}
