/** What became of a stack's lab when it was brought up for a review. */
export type Rehearsal =
    /** It came up and was verified. */
    | {
          readonly stack: string;
          /** Number of checks that passed. */
          readonly passed: number;
          /** What was checked, expected and seen of those that failed, one line each. */
          readonly failed: readonly string[];
      }
    /** It did not come up, or could not be verified. */
    | { readonly stack: string; readonly error: string }
    /** It was not tried, e.g. because rules forbid it. */
    | { readonly stack: string; readonly notRun: string };
