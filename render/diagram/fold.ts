/** Pictures of large labs stay readable: a few of many alike boxes are drawn, and one for the others. */

import { type Box, boxesIn, type Edge, type Graph, type Mark } from "./graph";

/** More alike boxes than this are drawn folded: those that change, at least the first few, and one box for the others. */
const mostAlike = 12;
const fewAlike = 3;

/** The picture with every crowd of alike boxes folded. */
export function folded(graph: Graph): Graph {
    const crowds = [...alike(graph.boxes)].filter(([, boxes]) => boxes.length > mostAlike);
    if (crowds.length === 0) {
        return graph;
    }
    const reasons = reasonsOf(graph);
    const rest = new Map(crowds.map(([key, boxes]) => [key, hiddenOf(boxes, reasons)]));
    const stand = new Map([...rest].flatMap(([key, boxes]) => boxes.map(({ id }) => [id, moreId(key)] as const)));
    const boxes = graph.boxes.flatMap((box) => {
        if (!stand.has(box.id)) {
            return [box];
        }
        const key = keyOf(box)!;
        const hidden = rest.get(key)!;
        return hidden[0] === box ? [moreBox(graph, key, hidden)] : [];
    });
    const picture = { ...graph, boxes };
    return {
        ...graph,
        groups: graph.groups.filter(({ id }) => boxesIn(picture, id).length > 0),
        boxes,
        edges: foldedEdges(graph.edges, stand),
    };
}

function alike(boxes: readonly Box[]): ReadonlyMap<string, readonly Box[]> {
    const crowds = new Map<string, Box[]>();
    for (const box of boxes) {
        const key = keyOf(box);
        if (key !== undefined) {
            crowds.set(key, [...(crowds.get(key) ?? []), box]);
        }
    }
    return crowds;
}

function keyOf({ kin, tier }: Box): string | undefined {
    return kin && `${kin.name} ${tier}`;
}

function moreId(key: string): string {
    return `more ${key}`;
}

/** Why a box is drawn rather than others of its crowd. */
type Reason = "marked" | "end of a marked edge" | "beside a marked box";

/** Reasons to draw boxes, the best one of each. */
function reasonsOf({ boxes, edges }: Graph): ReadonlyMap<string, Reason> {
    const own = new Set(boxes.filter(({ mark }) => mark !== undefined).map(({ id }) => id));
    const reasons = new Map<string, Reason>();
    for (const { from, to } of edges.filter(({ mark }) => mark !== undefined)) {
        const isBeside = own.has(from) || own.has(to);
        for (const end of [from, to].filter((id) => reasons.get(id) !== "end of a marked edge")) {
            reasons.set(end, isBeside ? "beside a marked box" : "end of a marked edge");
        }
    }
    return new Map([...reasons, ...[...own].map((id): [string, Reason] => [id, "marked"])]);
}

/** What is not drawn of a crowd. Whatever changes by itself is drawn first, and most of it; of all else a few are enough. */
function hiddenOf(boxes: readonly Box[], reasons: ReadonlyMap<string, Reason>): readonly Box[] {
    const because = (reason: Reason) => boxes.filter(({ id }) => reasons.get(id) === reason);
    const changed = [...because("marked"), ...because("end of a marked edge")];
    const shown = [...new Set([...changed, ...because("beside a marked box"), ...boxes])].slice(
        0,
        Math.max(fewAlike, Math.min(changed.length, mostAlike)),
    );
    return boxes.filter((box) => !shown.includes(box));
}

function moreBox(graph: Graph, key: string, hidden: readonly Box[]): Box {
    const { tier, kin } = hidden[0]!;
    const group = commonGroup(graph, hidden);
    const asns = hidden.flatMap((box) => box.kin?.asns ?? []);
    const pods = hidden.reduce((sum, box) => sum + (box.kin?.pods ?? 0), 0);
    const marks = hidden.map(({ mark }) => mark);
    const mark = commonMark(marks);
    return {
        id: moreId(key),
        ...(group === undefined ? {} : { group }),
        role: "more",
        lines: [
            `${hidden.length} more ${kin!.name}`,
            ...(asns.length === 0 ? [] : [asnRange(asns)]),
            ...(pods === 0 ? [] : [pods === 1 ? "1 pod" : `${pods} pods`]),
            ...(mark === "changed" ? countLines(marks) : []),
        ],
        tier,
        ...(mark === undefined ? {} : { mark }),
    };
}

/** The group that boxes share, or that around theirs. */
function commonGroup({ groups }: Graph, [first, ...others]: readonly Box[]): string | undefined {
    const own = first?.group;
    return others.every(({ group }) => group === own) ? own : (groups.find(({ id }) => id === own)?.group ?? own);
}

function asnRange(asns: readonly number[]): string {
    const [first, last] = [Math.min(...asns), Math.max(...asns)];
    return first === last ? `AS ${first}` : `AS ${first} to ${last}`;
}

/** What marks have in common: all the same, or else a change as soon as one is there. */
function commonMark(marks: readonly (Mark | undefined)[]): Mark | undefined {
    const kinds = new Set(marks);
    return kinds.size === 1 ? marks[0] : "changed";
}

function countLines(marks: readonly (Mark | undefined)[]): readonly string[] {
    return (["added", "removed", "changed"] as const).flatMap((mark) => {
        const count = marks.filter((each) => each === mark).length;
        return count === 0 ? [] : [`${count} ${mark}`];
    });
}

/** Edges of folded boxes: all between the same two boxes are one. */
function foldedEdges(edges: readonly Edge[], stand: ReadonlyMap<string, string>): readonly Edge[] {
    const merged = new Map<string, Edge[]>();
    for (const edge of edges) {
        const [from, to] = [stand.get(edge.from) ?? edge.from, stand.get(edge.to) ?? edge.to];
        const isWhole = from === edge.from && to === edge.to;
        const id = isWhole ? edge.id : `${edge.kind} ${from} ${to}`;
        merged.set(id, [...(merged.get(id) ?? []), { ...edge, id, from, to }]);
    }
    return [...merged.values()].map((same) => (same.length === 1 ? same[0]! : bundle(same)));
}

function bundle(edges: readonly Edge[]): Edge {
    const { mark: _, ...first } = edges[0]!;
    const mark = commonMark(edges.map((edge) => edge.mark));
    const lines = [...new Set(edges.flatMap((edge) => edge.lines))];
    const count = edges.length;
    return {
        ...first,
        lines: lines.length <= 2 ? lines : [],
        count,
        ...(mark === undefined ? {} : { mark }),
    };
}
