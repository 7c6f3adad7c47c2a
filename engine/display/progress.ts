import type { Step } from "../events";

/** Shows how a run goes on, while it does. */
export interface Progress {
    started(step: Step): void;
    ended(step: Step, failed: boolean): void;
    /** A passing message; it need not stay visible. */
    message(text: string): void;
    /** Leaves the screen as it shall stay. */
    close(): void;
}
