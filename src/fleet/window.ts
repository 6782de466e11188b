/** A time in which policy lets nothing begin, or the only one in which it does. */
export type Window =
  | {
      readonly kind: 'weekly';
      /** Days on which it begins, 1 is Monday. */
      readonly days: readonly number[];
      /** Minutes of the day in the zone; `to` is one of the next day where it is not after `from`. */
      readonly from: number;
      readonly to: number;
      /** IANA name. */
      readonly zone: string;
      readonly reason: string;
    }
  | {
      readonly kind: 'once';
      /** Unix milliseconds. */
      readonly from: number;
      readonly to: number;
      readonly reason: string;
    };

/** When policy lets work begin. */
export interface Windows {
  readonly blocked: readonly Window[];
  /** Empty for always. */
  readonly allowed: readonly Window[];
}
