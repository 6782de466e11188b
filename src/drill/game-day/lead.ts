import type { JobEnd } from './play.ts';

/** One of the four numbers that stand first, over all drills. */
export interface LeadSum {
  readonly id: string;
  readonly title: string;
  /** `0 of 4210`, `6/6 replicas`: sums; empty where it is a duration, or where no drill measured it. */
  readonly text: string;
  /** The longest of all drills, in milliseconds; `null` where it is no duration. */
  readonly ms: number | null;
  /** In how many drills it was measured, and in how many it was not. */
  readonly drills: number;
  readonly missing: number;
}

/** A count of a drill's scorecard, as its text has it: `0 of 3374`, `3/3 replicas`. */
const COUNT = /^(\d+)( of |\/)(\d+)(.*)$/;

/** Adds up the lead metrics of all drills: counts are summed, of durations the longest counts. */
export function sumLeads(ends: readonly JobEnd[]): readonly LeadSum[] {
  const leads = ends.flatMap((end) => (end.state === 'played' ? (end.document?.result?.scorecard.lead ?? []) : []));
  return [...new Set(leads.map(({ id }) => id))].map((id) => {
    const same = leads.filter((lead) => lead.id === id);
    const rows = same.flatMap(({ text }) => {
      const found = COUNT.exec(text);
      return found === null ? [] : [found];
    });
    const durations = same.flatMap(({ ms }) => ms ?? []);
    const drills = rows.length + durations.length;
    const sum = (part: number): number => rows.reduce((total, row) => total + Number(row[part]), 0);
    return {
      id,
      title: same[0]?.title ?? id,
      text: rows.length === 0 ? '' : `${sum(1)}${rows[0]?.[2] ?? ''}${sum(3)}${rows[0]?.[4] ?? ''}`,
      ms: durations.length === 0 ? null : Math.max(...durations),
      drills,
      missing: same.length - drills,
    };
  });
}
