/** What the clients of a practised fleet have seen since it was started, summed over their restarts. */
export interface ClientCount {
  readonly id: string;
  readonly accepted: number;
  /** Their valid requests that were refused for an authentication reason. */
  readonly refused: number;
  /** The refused ones by code. */
  readonly refusedBy: Readonly<Record<string, number>>;
  /** Their requests that failed otherwise. */
  readonly faults: number;
}

/**
 * The fleet that a drill is played on, as far as a drill may do what no operator would: plant a fault, stop the replay
 * store. Everything else goes through the fleet file, like any operator's work.
 */
export interface Stage {
  /** Absolute path of the fleet file. */
  readonly fleetFile: string;
  /** What the replay store is: `redis-server 7.0.15`, `embedded`. */
  readonly store: string;
  plant(fault: string, target: string): Promise<void>;
  lift(fault: string, target: string): Promise<void>;
  stopStore(): Promise<void>;
  startStore(): Promise<void>;
  clients(): Promise<readonly ClientCount[]>;
  /** Replicas that are not running, by name. */
  down(): Promise<readonly string[]>;
  /** Starts a replica that is down. */
  start(replica: string): Promise<void>;
  /** Ends the fleet and all of its processes. */
  close(): Promise<void>;
}
