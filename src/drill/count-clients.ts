import type { DrillTools } from './tools.ts';

/** Records what the fleet's own clients have counted since they were started. */
export async function countClients(tools: DrillTools): Promise<void> {
  const counts = await tools.stage.clients();
  const clients = Object.fromEntries(
    counts.map(({ id, accepted, refused, refusedBy, faults }) => [
      id,
      { accepted, refused, ...(refused === 0 ? {} : { refusedBy: { ...refusedBy } }), faults },
    ]),
  );
  await tools.note('evidence', { clients, verdict: counts.every(({ refused }) => refused === 0) ? 'pass' : 'fail' });
}
