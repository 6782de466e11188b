/**
 * How a fleet verifies, as far as the rules of a rotation differ by it:
 *
 * - `keyring`: a replica accepts a request signed with any of its secrets (`keyring-v1`);
 * - `gate`: likewise, but signatures bear key ids, which may be enforced or revoked, and a request may bear two (`gate-v1`);
 * - `mtls`: both sides show certificates, each accepts those of the authorities that it trusts, and sessions outlive both.
 */
export const SCHEMES = ['keyring', 'gate', 'mtls'] as const;

export type Scheme = (typeof SCHEMES)[number];
