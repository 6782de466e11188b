import * as z from 'zod';

/** The moves that may need somebody’s approval. */
const APPROVABLE = ['move-clients', 'retire', 'destroy'] as const;

const name = z.string().trim().min(1).max(128);

/** `policy.approvals`: people who have to approve before what cannot easily be undone. */
export const approvals = z
  .strictObject({
    needed: z
      .number()
      .int()
      .min(1)
      .max(20)
      .prefault(1)
      .describe('How many different people have to approve of each move.'),
    from: z
      .array(name)
      .min(1)
      .max(100)
      .optional()
      .describe('Whose approval counts, by the names that they give with --by; default that of everybody.'),
    before: z
      .array(z.enum(APPROVABLE))
      .min(1)
      .prefault([...APPROVABLE])
      .describe(
        'Before which moves: move-clients (clients are told of the new secret), retire (the old one is refused), destroy (there is no way back).',
      ),
  })
  .refine(({ needed, from }) => from === undefined || new Set(from).size >= needed, {
    message: 'must name at least as many as are needed',
    path: ['from'],
  })
  .optional()
  .describe(
    'Who has to approve before clients move, and before the old secret is retired and destroyed. Each approves by `rotctl confirm --approve retire --by NAME`, which is in the ledger and holds for this rotation alone; until then the rotation waits (exit 15). A way back needs nobody.',
  );

/** `policy.batch`: how many replicas go together. */
export const batch = z
  .union([
    z.number().int().min(1).max(1000),
    z.string().regex(/^(?:[1-9]|[1-9][0-9]|100)%$/, 'must be a number of replicas, or a share such as 25%'),
  ])
  .optional()
  .describe(
    'How many replicas are changed together after the first, which always goes alone: a number, or a share of them such as 25% (rounded down). Default 1, as the runbooks have it. It stays for the whole rotation.',
  );

/** A `batch` as the runner counts with it. */
export function batchOf(given: z.output<typeof batch>): { count: number } | { percent: number } | undefined {
  if (given === undefined) return undefined;
  return typeof given === 'number' ? { count: given } : { percent: Number.parseInt(given, 10) };
}
