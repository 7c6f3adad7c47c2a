/** What a change does to a picture: the union of before and after, with marks. */

import { diffArrays } from "diff";
import type { Graph } from "./graph";

/** Everything that is in one of two pictures of the same view, marked where it is not the same in both. */
export function union(before: Graph, after: Graph): Graph {
    return {
        title: after.title,
        groups: united(before.groups, after.groups),
        boxes: united(before.boxes, after.boxes),
        edges: united(before.edges, after.edges),
    };
}

/** Whether nothing in a picture is marked. */
export function isUnmarked({ groups, boxes, edges }: Graph): boolean {
    return [...groups, ...boxes, ...edges].every(({ mark }) => mark === undefined);
}

interface Part {
    readonly id: string;
    readonly lines: readonly string[];
    readonly kind?: string;
    readonly facts?: string;
}

/** The parts after the change in their order, each one that is gone behind the one that it followed. */
function united<Each extends Part>(before: readonly Each[], after: readonly Each[]): readonly Each[] {
    const [old, now] = [before, after].map((parts) => new Map(parts.map((part) => [part.id, part])));
    const ids = diffArrays(
        before.map(({ id }) => id),
        after.map(({ id }) => id),
    ).flatMap(({ value }) => value);
    return [...new Set(ids)].map((id) => unitedPart(old!.get(id), now!.get(id)));
}

function unitedPart<Each extends Part>(before: Each | undefined, after: Each | undefined): Each {
    if (before === undefined) {
        return { ...after!, mark: "added" };
    }
    if (after === undefined) {
        return { ...before, mark: "removed" };
    }
    return textOf(before) === textOf(after)
        ? after
        : { ...after, lines: changedLines(before.lines, after.lines), mark: "changed" };
}

function textOf({ kind, facts, lines }: Part): string {
    return JSON.stringify([kind, facts, lines]);
}

/** Lines of both sides; one that replaces another is written as `old → new`. */
function changedLines(before: readonly string[], after: readonly string[]): readonly string[] {
    const parts = diffArrays([...before], [...after]);
    return parts.flatMap(({ removed, added, value }, index) => {
        const next = parts[index + 1];
        if (removed && next?.added && next.value.length === value.length) {
            return value.map((line, at) => replacement(line, next.value[at]!));
        }
        const previous = parts[index - 1];
        if (added && previous?.removed && previous.value.length === value.length) {
            return [];
        }
        if (removed) {
            return value.map((line) => `no longer ${line}`);
        }
        return added ? value.map((line) => `now ${line}`) : value;
    });
}

/** What a line becomes, e.g. `AS 65001 → 65002` or `iBGP IPv4, no longer client`: words that stay are written once. */
function replacement(line: string, next: string): string {
    if (next.startsWith(`${line}, `)) {
        return `${line}, now ${next.slice(line.length + 2)}`;
    }
    if (line.startsWith(`${next}, `)) {
        return `${next}, no longer ${line.slice(next.length + 2)}`;
    }
    const [old, now] = [line.split(" "), next.split(" ")];
    const isSame = (at: number) => old.at(at) === now.at(at);
    const most = Math.min(old.length, now.length) - 1;
    const start = count(old.length === now.length ? most : Math.min(most, 1), (at) => isSame(at));
    const end = old.length === now.length ? count(most - start, (at) => isSame(-1 - at)) : 0;
    const middle = (words: readonly string[]) => words.slice(start, words.length - end).join(" ");
    const change = `${middle(old)} → ${middle(now)}`;
    return [...old.slice(0, start), change, ...old.slice(old.length - end)].join(" ");
}

/** How many of the first places hold what is asked, up to the first that does not. */
function count(most: number, holds: (at: number) => boolean): number {
    const first = Array.from({ length: most }, (_, at) => at).find((at) => !holds(at));
    return first ?? most;
}
