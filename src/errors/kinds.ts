/**
 * The four ways in which a command can fail, each with its own exit path:
 * the caller's mistake, a fault of something remote, a move that the rules refuse, and a bug of ours.
 */
export type ErrorKind = 'mistake' | 'remote' | 'refusal' | 'bug';
