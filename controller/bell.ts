import type { Clock } from "./retry";

/** Something has happened: rung by many, heard by one, who takes all rings since it last listened at once. */
export class Bell {
    /** Rings so far. */
    count = 0;
    private readonly reasons = new Set<string>();
    private wake = new AbortController();

    ring(reason: string): void {
        this.count += 1;
        this.reasons.add(reason);
        this.wake.abort();
    }

    /** Waits for a ring that was not taken yet. @returns whether there was one in that time */
    async within(milliseconds: number, clock: Clock): Promise<boolean> {
        if (this.reasons.size === 0) {
            await clock.sleep(milliseconds, this.wake.signal);
        }
        return this.reasons.size > 0;
    }

    /** Why it was rung since the last time that this was asked. */
    take(): string {
        const reasons = [...this.reasons].join(", ");
        this.reasons.clear();
        this.wake = new AbortController();
        return reasons;
    }
}
