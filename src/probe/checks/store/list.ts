import type { Check } from '../check.ts';
import { CLOCK_CHECKS } from './clock.ts';
import { COMMAND_CHECKS } from './commands.ts';
import { CONNECTION_CHECKS } from './connections.ts';
import { HEALTH_CHECKS } from './health.ts';
import { KEPT_CHECKS } from './kept.ts';
import { KEY_CHECKS } from './key.ts';
import { MEMORY_CHECKS } from './memory.ts';
import { PLACE_CHECKS } from './place.ts';
import { REPLICATION_CHECKS } from './replication.ts';

/** What is looked at in the replay store itself, where `rotctl.yaml` says how. */
export const STORE_CHECKS: readonly Check[] = [
  ...PLACE_CHECKS,
  ...MEMORY_CHECKS,
  ...KEPT_CHECKS,
  ...REPLICATION_CHECKS,
  ...CLOCK_CHECKS,
  ...HEALTH_CHECKS,
  ...KEY_CHECKS,
  ...COMMAND_CHECKS,
  ...CONNECTION_CHECKS,
];
