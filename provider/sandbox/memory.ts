/**
 * Keeps the resident memory of an idle PID 1 small. Most of it is Node's own program text and constants, read once at
 * the start: pages that the kernel reads again from its page cache if they are ever needed.
 */
import { readFileSync } from "node:fs";
import { dropPages, trimHeap } from "./native";

const idleMilliseconds = 1000;

/** A function that is called at every sign of work; some time after the last of them memory is given back. */
export function trimWhenIdle(): () => void {
    const timer = setTimeout(trim, idleMilliseconds);
    return () => {
        timer.refresh();
    };
}

function trim(): void {
    globalThis.gc?.();
    trimHeap();
    for (const { start, length } of cleanFileMappings(readFileSync("/proc/self/smaps", "latin1"))) {
        dropPages(start, length);
    }
}

/** A range of addresses. */
interface Range {
    readonly start: bigint;
    readonly length: bigint;
}

/**
 * Mappings that hold nothing but unchanged contents of a file. One with a changed page (relocations, data) would lose
 * the change, so the kernel's count of such pages decides.
 */
export function cleanFileMappings(smaps: string): readonly Range[] {
    return smaps
        .split(/^(?=[0-9a-f]+-[0-9a-f]+ )/m)
        .filter(
            (mapping) => /^\S+ r-[x-]p \S+ \S+ [1-9][0-9]* +\//.test(mapping) && /^Anonymous: +0 kB$/m.test(mapping),
        )
        .map((mapping) => {
            const [start, end] = mapping.slice(0, mapping.indexOf(" ")).split("-");
            return { start: BigInt(`0x${start}`), length: BigInt(`0x${end}`) - BigInt(`0x${start}`) };
        });
}
