import { dirname } from 'node:path';
import { drillKindOf } from '../drill/faults.ts';
import type { Stage } from '../drill/stage.ts';
import type { DrillTools } from '../drill/tools.ts';
import type { Collecting } from '../runner/collect.ts';
import { operate } from '../runner/operate.ts';
import { SecretSearch } from './hygiene.ts';
import { noteInLedger } from './note.ts';
import type { Platform } from './platform.ts';
import type { Session } from './session.ts';

/** What a drill plays with on a practice fleet: the same session that an operator's command has, and the stage's knobs. */
export function drillTools(platform: Platform, session: Session, stage: Stage, progress: Collecting): DrillTools {
  const { tools, probes } = session;
  const { fleet } = tools;
  const clients = fleet.clients.map((client) => client.id);
  const head = { rotation: `drill-${tools.runId}`, fleet: fleet.name, runbook: 'drill' };
  const search = new SecretSearch(platform, session, [dirname(fleet.file)]);
  const secrets = () => tools.readCurrent(clients);
  /** Outside a rotation every client has one secret: it stands for both generations, and only `current` is asked for. */
  const prover = async () =>
    tools.prover(new Map([...(await secrets())].map(([id, secret]) => [id, { current: secret, next: secret }])));
  let keeper: Awaited<ReturnType<typeof prover>> | undefined;
  return {
    stage,
    kind: drillKindOf(tools.runbook),
    fleet,
    runId: tools.runId,
    version: tools.version,
    clock: tools.clock,
    progress,
    probes,
    operate: ({ command }) =>
      operate(tools, {
        command,
        wait: true,
        reinstate: false,
        reason: undefined,
        compromised: false,
        clients,
        brought: new Map(),
      }),
    seen: () => progress.take(),
    note: (kind, data) => noteInLedger(tools, head, kind, data),
    secrets,
    async burn() {
      keeper = await prover();
      await keeper.burn('stable');
    },
    async namespace() {
      const proven = await keeper?.prove({ proves: 'namespace' }, 'stable', []);
      return proven?.findings ?? [];
    },
    searchSecrets: () => search.run(),
  };
}
