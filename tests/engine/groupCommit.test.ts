import { describe, expect, it } from "vitest";
import { groupCommit } from "../../engine/snapshot";

/** A save whose end the test decides. */
function controlled() {
    const pending: (() => void)[] = [];
    let noted = 0;
    const saved: number[] = [];
    const save = async () => {
        const seen = noted;
        await new Promise<void>((resolve) => pending.push(resolve));
        saved.push(seen);
    };
    return {
        save,
        saved,
        note: () => {
            noted += 1;
        },
        started: () => pending.length,
        finish: async () => {
            while (pending.length === 0) {
                await new Promise((resolve) => setImmediate(resolve));
            }
            pending.shift()!();
            await new Promise((resolve) => setImmediate(resolve));
        },
    };
}

const turn = () => new Promise((resolve) => setImmediate(resolve));

describe("group commit", () => {
    it("writes once for changes of the same turn", async () => {
        const disk = controlled();
        const commit = groupCommit(disk.save);
        const all = [1, 2, 3].map(() => {
            disk.note();
            return commit();
        });
        await disk.finish();
        await Promise.all(all);
        expect(disk.saved).toEqual([3]);
    });

    it("lets changes that come during a write share exactly one more", async () => {
        const disk = controlled();
        const commit = groupCommit(disk.save);
        disk.note();
        const first = commit();
        await turn();
        await turn();
        const later = [1, 2, 3, 4].map(() => {
            disk.note();
            return commit();
        });
        await disk.finish();
        await first;
        expect(disk.saved).toEqual([1]);
        await disk.finish();
        await Promise.all(later);
        expect(disk.saved).toEqual([1, 5]);
    });

    it("never answers a change before a write that began after it has ended", async () => {
        const disk = controlled();
        const commit = groupCommit(disk.save);
        let answered = false;
        disk.note();
        void commit();
        await turn();
        await turn();
        disk.note();
        void commit().then(() => {
            answered = true;
        });
        await disk.finish();
        expect(answered).toBe(false);
        await disk.finish();
        await turn();
        expect(answered).toBe(true);
    });

    it("has one write under way at a time", async () => {
        const disk = controlled();
        const commit = groupCommit(disk.save);
        void commit();
        await turn();
        await turn();
        void commit();
        await turn();
        await turn();
        expect(disk.started()).toBe(1);
        await disk.finish();
        await disk.finish();
    });

    it("tells a failed write to those who waited for it, and goes on with the next", async () => {
        let attempts = 0;
        const commit = groupCommit(async () => {
            attempts += 1;
            if (attempts === 1) {
                throw new Error("disk full");
            }
        });
        await expect(commit()).rejects.toThrow("disk full");
        await expect(commit()).resolves.toBeUndefined();
    });
});
