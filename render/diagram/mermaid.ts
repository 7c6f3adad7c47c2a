/** Mermaid, which GitHub draws in Markdown (mermaid.js.org/syntax/flowchart.html). */

import { type Box, type Edge, type Graph, type Group, identifiers, type Mark, type Role } from "./graph";
import { boxLabel, edgeLabel } from "./labels";

/** A picture as a Mermaid flowchart. */
export function mermaidOf(graph: Graph): string {
    const names = identifiers(graph);
    const name = (id: string) => names.get(id)!;
    const lines = [
        `accTitle: ${graph.title.replace(/[^A-Za-z0-9 .,:()-]/g, "_")}`,
        ...graph.boxes.filter(({ group }) => group === undefined).map((box) => boxText(box, name)),
        ...graph.groups.filter(({ group }) => group === undefined).flatMap((group) => groupText(group, graph, name)),
        ...graph.edges.map((edge) => edgeText(edge, name)),
        ...marks.flatMap((mark) => markText(graph, mark, name)),
    ];
    return `${[...titleRoom(graph), "flowchart LR", ...indent(lines)].join("\n")}\n`;
}

/** Mermaid leaves room for one line of a group's title, and draws boxes over the others. */
function titleRoom({ groups }: Graph): readonly string[] {
    const most = Math.max(1, ...groups.map(({ lines }) => lines.length));
    const bottom = (most - 1) * titleLine;
    return most === 1 ? [] : ["---", `config: { flowchart: { subGraphTitleMargin: { bottom: ${bottom} } } }`, "---"];
}

/** Height of a line of text in pixels, with some air. */
const titleLine = 26;

type Namer = (id: string) => string;

/** What is around the text of a box, by role. */
const shapes: Readonly<Record<Role, readonly [string, string]>> = {
    router: ["[", "]"],
    vrf: ["[", "]"],
    host: ["[", "]"],
    node: ["[", "]"],
    segment: ["{{", "}}"],
    service: ["([", "])"],
    pool: ["[(", ")]"],
    more: ["[[", "]]"],
    note: [">", "]"],
};

function boxText(box: Box, name: Namer): string {
    const [open, close] = shapes[box.role];
    return `${name(box.id)}${open}"${text(boxLabel(box))}"${close}`;
}

function groupText(group: Group, graph: Graph, name: Namer): readonly string[] {
    const own = graph.boxes.filter((box) => box.group === group.id).map((box) => boxText(box, name));
    const inner = graph.groups
        .filter((each) => each.group === group.id)
        .flatMap((each) => groupText(each, graph, name));
    return [`subgraph ${name(group.id)}["${text(boxLabel(group))}"]`, ...indent([...own, ...inner]), "end"];
}

const arrows: Readonly<Record<Edge["kind"], string>> = {
    link: "---",
    ebgp: "<-->",
    ibgp: "<-.->",
    announcement: "-.->",
    leak: "==>",
    holds: "-.-",
};

function edgeText(edge: Edge, name: Namer): string {
    const label = text(edgeLabel(edge));
    const arrow = label === "" ? arrows[edge.kind] : `${arrows[edge.kind]}|"${label}"|`;
    return `${name(edge.from)} ${arrow} ${name(edge.to)}`;
}

const marks: readonly Mark[] = ["added", "removed", "changed"];

/** Colors that can be read on a light and on a dark page, with their own dark text. */
const styles: Readonly<Record<Mark, { readonly box: string; readonly edge: string }>> = {
    added: {
        box: "fill:#dafbe1,stroke:#1a7f37,stroke-width:2px,color:#1f2328",
        edge: "stroke:#1a7f37,stroke-width:3px",
    },
    removed: {
        box: "fill:#ffebe9,stroke:#cf222e,stroke-width:2px,stroke-dasharray:6 4,color:#1f2328",
        edge: "stroke:#cf222e,stroke-width:3px,stroke-dasharray:6 4",
    },
    changed: {
        box: "fill:#fff8c5,stroke:#9a6700,stroke-width:2px,color:#1f2328",
        edge: "stroke:#bf8700,stroke-width:3px",
    },
};

function markText({ groups, boxes, edges }: Graph, mark: Mark, name: Namer): readonly string[] {
    const framed = [...groups, ...boxes].filter((part) => part.mark === mark).map(({ id }) => name(id));
    const drawn = edges.flatMap((edge, index) => (edge.mark === mark ? [index] : []));
    return [
        ...(framed.length === 0 ? [] : [`classDef ${mark} ${styles[mark].box}`, `class ${framed.join(",")} ${mark}`]),
        ...(drawn.length === 0 ? [] : [`linkStyle ${drawn.join(",")} ${styles[mark].edge}`]),
    ];
}

/** Everything that Mermaid or Markdown could take for more than text is written by its number (entity codes). */
function text(lines: readonly string[]): string {
    return lines.map((line) => line.replace(/[^A-Za-z0-9 .,:/()=→_-]/gu, entity)).join("<br/>");
}

function entity(character: string): string {
    return `#${character.codePointAt(0)};`;
}

function indent(lines: readonly string[]): string[] {
    return lines.map((line) => `    ${line}`);
}
