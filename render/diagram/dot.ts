/** DOT, from which Graphviz makes drawings (graphviz.org/doc/info/lang.html). */

import { type Box, boxesIn, type Edge, type EdgeKind, type Graph, type Group, identifiers, type Role } from "./graph";
import { boxLabel, edgeLabel } from "./labels";
import { type Paint, paintOf } from "./paint";

/** A picture as a DOT graph: one row per tier. */
export function dotOf(graph: Graph): string {
    const names = identifiers(graph);
    const name = (id: string) => names.get(id)!;
    const lines = [
        `graph [rankdir=TB, newrank=true, remincross=false, compound=true, nodesep=0.35, ranksep=0.8, pad=0.15, bgcolor=transparent]`,
        `graph [fontname="${font}", fontsize=13, labeljust=l]`,
        `node [fontname="${font}", fontsize=13, style="filled,rounded", shape=box, margin="0.14,0.09"]`,
        `edge [fontname="${font}", fontsize=11, arrowsize=0.6]`,
        ...graph.boxes.filter(({ group }) => group === undefined).map((box) => boxText(box, name)),
        ...graph.groups.filter(({ group }) => group === undefined).flatMap((group) => groupText(group, graph, name)),
        ...rows(graph, name),
        ...graph.edges.map((edge) => edgeText(edge, graph, name)),
    ];
    return `${[`digraph "${escaped(graph.title)}" {`, ...indent(lines), "}"].join("\n")}\n`;
}

type Namer = (id: string) => string;

/** Graphviz knows the widths of Helvetica's letters. */
const font = "Helvetica";

const shapes: Readonly<Record<Role, string>> = {
    router: "",
    vrf: "",
    host: "",
    node: "",
    segment: 'shape=hexagon, margin="0.02,0.02"',
    service: 'shape=box, style="filled,rounded", margin="0.2,0.09"',
    pool: 'shape=cylinder, style="filled"',
    more: 'shape=box, peripheries=2, style="filled"',
    note: 'shape=note, style="filled"',
};

function boxText(box: Box, name: Namer): string {
    const attributes = [
        `label="${text(boxLabel(box))}"`,
        shapes[box.role],
        ...paint(paintOf(box.mark ?? box.role)),
        `class="is_${box.mark ?? box.role}"`,
        ...(box.mark === "removed" ? ['style="filled,rounded,dashed"'] : []),
    ];
    return `${name(box.id)} [${attributes.filter((text) => text !== "").join(", ")}]`;
}

function groupText(group: Group, graph: Graph, name: Namer): readonly string[] {
    const own = graph.boxes.filter((box) => box.group === group.id).map((box) => boxText(box, name));
    const inner = graph.groups
        .filter((each) => each.group === group.id)
        .flatMap((each) => groupText(each, graph, name));
    const attributes = [
        `label="${boxLabel(group)
            .map((line) => `${text([line])}\\l`)
            .join("")}"`,
        ...paint(paintOf(group.mark ?? "group")),
        `class="is_${group.mark ?? "group"}"`,
        'style="filled,rounded"',
        "margin=14",
    ];
    return [
        `subgraph cluster_${name(group.id)} {`,
        ...indent([`graph [${attributes.join(", ")}]`, ...own, ...inner]),
        "}",
    ];
}

/** What is in one tier stands in one row, in the order of the model, and the row below the one of the tier before. */
function rows(graph: Graph, name: Namer): readonly string[] {
    const byTier = new Map<number, string[]>();
    for (const { id, tier } of graph.boxes) {
        byTier.set(tier, [...(byTier.get(tier) ?? []), id]);
    }
    const sorted = [...byTier].sort(([a], [b]) => a - b).map(([, row]) => row);
    const linked = new Set(graph.edges.map((edge) => `${tailOf(edge, graph)} ${edge.to}`));
    return [
        ...sorted
            .filter((row) => row.length > 1)
            .map((row) => `{ rank=same; ${row.map(name).join(" -> ")} ${unseen} }`),
        ...sorted.slice(1).flatMap((below, index) => {
            const above = sorted[index]!;
            const isHeld = above.some((upper) => below.some((lower) => linked.has(`${upper} ${lower}`)));
            return isHeld ? [] : [`${name(above[0]!)} -> ${name(below[0]!)} ${unseen}`];
        }),
    ];
}

const unseen = "[style=invis]";

const arrows: Readonly<Record<EdgeKind, string>> = {
    link: "dir=none, penwidth=1.6",
    ebgp: "dir=both",
    ibgp: "dir=both, style=dashed",
    announcement: "style=dotted",
    leak: "penwidth=2.2",
    holds: "dir=none, style=dotted",
};

function edgeText(edge: Edge, graph: Graph, name: Namer): string {
    const label = edgeLabel(edge);
    const attributes = [
        ...(label.length === 0 ? [] : [`label="${text(label)}"`]),
        arrows[edge.kind],
        ...stroke(paintOf(edge.mark ?? edge.kind)),
        `class="is_${edge.mark ?? edge.kind}"`,
        ...(edge.mark === undefined ? [] : ["penwidth=2.2"]),
        ...(edge.mark === "removed" ? ["style=dashed"] : []),
    ];
    const clip = graph.groups.some(({ id }) => id === edge.from) ? [`ltail=cluster_${name(edge.from)}`] : [];
    return `${name(tailOf(edge, graph))} -> ${name(edge.to)} [${[...attributes, ...clip].join(", ")}]`;
}

/** Id of the box at which an edge begins: one in the middle of a group, at whose frame it is then clipped. */
function tailOf({ from }: Edge, graph: Graph): string {
    const members = boxesIn(graph, from);
    return members[Math.floor((members.length - 1) / 2)]?.id ?? from;
}

function paint({ fill, line, text }: Paint): readonly string[] {
    return [`fillcolor="${fill}"`, `color="${line}"`, `fontcolor="${text}"`];
}

function stroke({ line, text }: Paint): readonly string[] {
    return [`color="${line}"`, `fontcolor="${text}"`];
}

/** Lines of a label: `\\` begins an escape there, and `&` an entity. */
function text(lines: readonly string[]): string {
    return lines.map((line) => escaped(line.replace(/&/g, "&amp;"))).join("\\n");
}

function escaped(line: string): string {
    return line.replace(/[\\"]/g, "\\$&").replace(/\p{Cc}/gu, " ");
}

function indent(lines: readonly string[]): string[] {
    return lines.map((line) => `    ${line}`);
}
