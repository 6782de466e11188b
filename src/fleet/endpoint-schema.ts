import * as z from 'zod';
import { urlProblem } from './address.ts';

/** Scheme, host and port, and nothing more. */
const url = z.string().superRefine((text, context) => {
  const problem = urlProblem(text);
  if (problem !== undefined) context.addIssue({ code: 'custom', message: problem });
});

/** What a certificate is to be for. */
export const serverName = z
  .string()
  .regex(/^[A-Za-z0-9]([A-Za-z0-9.:-]{0,251}[A-Za-z0-9])?$/, 'must be a host name or an address');

/** A name that the ledger, reports and the command line use. */
export const name = z
  .string()
  .regex(/^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/, 'must be 1 to 64 letters, digits, dots, hyphens or underscores');

/** The name of a replica or a template. */
export const targetName = name.refine(
  (text) => text !== 'balancer' && text !== 'fleet',
  'may not be balancer or fleet',
);

/** The fields of somewhere to send requests to. */
export const endpoint = {
  url: url.describe('Scheme, host and port, such as https://10.0.0.1:8443; https, or http on loopback only.'),
  serverName: serverName
    .optional()
    .describe("DNS name or address that the server's certificate must be for; default the host of url."),
};
