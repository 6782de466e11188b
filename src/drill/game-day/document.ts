import * as z from 'zod';

const CHECK = z.object({
  id: z.string(),
  verdict: z.enum(['pass', 'fail', 'unknown', 'not-applicable']),
  critical: z.boolean(),
  expected: z.string(),
  seen: z.string(),
  reason: z.string().optional(),
  samples: z.number(),
  ms: z.number(),
});

const FAULT = z.object({
  name: z.string(),
  target: z.string(),
  found: z.boolean(),
  check: z.string().optional(),
  recovered: z.boolean(),
});

const LEAD = z.object({ id: z.string(), title: z.string(), text: z.string(), ms: z.number().nullable() });

const DOCUMENT = z.object({
  schema: z.literal('rotctl.drill.v1'),
  verdict: z.enum(['pass', 'fail', 'unknown', 'stopped']),
  exitCode: z.number(),
  summary: z.string(),
  checks: z.array(CHECK),
  faults: z.array(FAULT).default([]),
  error: z.object({ code: z.string(), message: z.string() }).optional(),
  result: z.object({ ledger: z.string(), scorecard: z.object({ lead: z.array(LEAD) }) }).optional(),
});

/** What a game day reads of a drill's one JSON document (`rotctl.drill.v1`). */
export type DrillDocument = z.infer<typeof DOCUMENT>;

/** Reads a drill's stdout; `undefined` when that is no such document. */
export function readDrillDocument(stdout: string): DrillDocument | undefined {
  try {
    return DOCUMENT.safeParse(JSON.parse(stdout)).data;
  } catch {
    return undefined;
  }
}
