import * as z from 'zod';

/** `store.declared`: what rotctl's login may not see. */
export const storeDeclared = z
  .strictObject({
    maxmemoryPolicy: z
      .literal('noeviction')
      .optional()
      .describe('Where INFO memory may not be read: the policy of the store, which has to be noeviction.'),
    appendonly: z
      .literal(true)
      .optional()
      .describe('Where INFO persistence may not be read: that it keeps an append-only file.'),
    appendfsync: z
      .enum(['always', 'everysec', 'no'])
      .optional()
      .describe('How it writes that file to the disk; INFO does not say it, and CONFIG GET may show passwords.'),
    minReplicasToWrite: z
      .number()
      .int()
      .min(1)
      .max(100)
      .optional()
      .describe('Where INFO replication may not be read: replicas without which the primary takes no writes.'),
    afterLoss: z
      .literal('held')
      .optional()
      .describe(
        'held: after it has lost its data, whoever runs the store keeps it from the signers for one nonceTtl, so that what is forgotten is also too old.',
      ),
  })
  .prefault({})
  .describe(
    'What the login may not see, and whoever runs the store answers for. It shows as declared; what is seen goes before it.',
  );
