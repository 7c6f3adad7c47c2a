/** A picture of a lab as plain data, before it becomes text in a language for diagrams. */

import type { Asn } from "../../lab/model";

/** A picture. Every group, box and edge has an id that stays the same for the same thing of another lab. */
export interface Graph {
    /** What it shows, in a few words. */
    readonly title: string;
    readonly groups: readonly Group[];
    readonly boxes: readonly Box[];
    readonly edges: readonly Edge[];
}

/** What a box stands for, which decides its shape. */
export type Role = "router" | "vrf" | "host" | "node" | "segment" | "service" | "pool" | "more" | "note";

/** What a change makes of a part of the picture. */
export type Mark = "added" | "removed" | "changed";

/** A frame around boxes. */
export interface Group {
    readonly id: string;
    /** Id of the group in which it stands; absent means in none. */
    readonly group?: string;
    readonly lines: readonly string[];
    readonly mark?: Mark;
}

/** A thing. */
export interface Box {
    readonly id: string;
    /** Id of the group in which it stands; absent means in none. */
    readonly group?: string;
    readonly role: Role;
    /** Name first. */
    readonly lines: readonly string[];
    /** Row in which it stands, counted from the top; what is between two rows may be half a row lower. */
    readonly tier: number;
    /** What makes it one of many that look alike; absent means that it is always drawn. */
    readonly kin?: Kin;
    readonly mark?: Mark;
}

/** Boxes that look alike: where there are too many, a few of them stand for all. */
export interface Kin {
    /** What they are called together, e.g. `nodes`. */
    readonly name: string;
    readonly asns?: readonly Asn[];
    readonly pods?: number;
}

/** A line between two boxes, from the upper one to the lower one; an announcement may come from a whole group. */
export interface Edge {
    readonly id: string;
    /** Id of a box or group. */
    readonly from: string;
    /** Id of a box. */
    readonly to: string;
    readonly kind: EdgeKind;
    readonly lines: readonly string[];
    /** What else is compared when a change is marked, though it is written elsewhere. */
    readonly facts?: string;
    /** Links or sessions that it stands for, where it stands for several pairs of boxes. @default 1 */
    readonly count?: number;
    readonly mark?: Mark;
}

/** `ebgp`, `ibgp`: a session; `leak`: a VRF takes over another's routes; `holds`: a pool has a service's addresses. */
export type EdgeKind = "link" | "ebgp" | "ibgp" | "announcement" | "leak" | "holds";

/** The boxes in a group, and in the groups inside it. */
export function boxesIn(graph: Graph, group: string): readonly Box[] {
    const inner = graph.groups.filter((each) => each.group === group).map(({ id }) => id);
    return graph.boxes.filter((box) => box.group === group || inner.includes(box.group ?? ""));
}

/** Collects edges; those of one id become one, with the lines of all. */
export function mergedEdges(edges: readonly Edge[]): readonly Edge[] {
    const byId = new Map<string, Edge>();
    for (const edge of edges) {
        const known = byId.get(edge.id);
        byId.set(edge.id, known === undefined ? edge : { ...known, lines: [...known.lines, ...edge.lines] });
    }
    return [...byId.values()].map((edge) => ({ ...edge, lines: [...new Set(edge.lines)] }));
}

/** An edge between two boxes from the upper to the lower one, whichever is which. */
export function between(a: Box, b: Box, edge: Pick<Edge, "kind" | "lines"> & { readonly id?: string }): Edge {
    const [from, to] = a.tier <= b.tier ? [a.id, b.id] : [b.id, a.id];
    return { ...edge, from, to, id: edge.id ?? [edge.kind, ...[a.id, b.id].sort()].join(" ") };
}

/** A unique short name for every group and box, of letters, digits and `_`, by id. */
export function identifiers({ groups, boxes }: Graph): ReadonlyMap<string, string> {
    const names = new Map<string, string>();
    const taken = new Set<string>();
    for (const { id } of [...groups, ...boxes]) {
        const plain = id.replace(/[^A-Za-z0-9]/g, "_");
        let name = plain;
        for (let again = 2; taken.has(name); again++) {
            name = `${plain}_${again}`;
        }
        names.set(id, name);
        taken.add(name);
    }
    return names;
}
