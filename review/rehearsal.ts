/** What became of a stack's lab when it was brought up for a review. */
export type Rehearsal =
    /** It came up and was verified. */
    | {
          readonly stack: string;
          /** Number of checks that passed. */
          readonly passed: number;
          readonly failed: readonly FailedCheck[];
      }
    /** It did not come up, or could not be verified; with the reason. */
    | { readonly stack: string; readonly error: string }
    /** It was not tried; with the reason, e.g. that rules forbid it. */
    | { readonly stack: string; readonly notRun: string };

/** A check that did not hold. */
export interface FailedCheck {
    readonly subject: string;
    readonly expected: string;
    readonly observed: string;
}
