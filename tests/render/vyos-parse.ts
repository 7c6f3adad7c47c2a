/** Readers of the two texts of a VyOS configuration, written from VyOS's documentation and not from the writers. */

import type { VyosNode } from "../../render/vyos-config";

/** Words of a line of `config.boot`; a value in quotes is one. */
function words(line: string): string[] {
    return [...line.matchAll(/"([^"]*)"|(\S+)/g)].map(([, quoted, bare]) => quoted ?? bare ?? "");
}

/** The tree of a `config.boot`. */
export function parseBoot(text: string): readonly VyosNode[] {
    const lines = text
        .split("\n")
        .map((line) => line.trim())
        .filter((line) => line !== "" && !/^(\/\*|\/\/)/.test(line));
    const { nodes, rest } = parseBlock(lines);
    if (rest.length > 0) {
        throw new Error(`a brace too many before: ${rest.join(" ")}`);
    }
    return nodes;
}

function parseBlock(lines: readonly string[]): { nodes: VyosNode[]; rest: readonly string[] } {
    const nodes: VyosNode[] = [];
    let rest = lines;
    for (let line = rest[0]; line !== undefined && line !== "}"; line = rest[0]) {
        rest = rest.slice(1);
        const [name = "", second] = words(line.replace(/ \{$/, ""));
        if (!line.endsWith("{")) {
            nodes.push(second === undefined ? { kind: "switch", name } : { kind: "value", name, value: second });
            continue;
        }
        const inner = parseBlock(rest);
        if (inner.rest[0] !== "}") {
            throw new Error(`${line}: the brace is not closed`);
        }
        rest = inner.rest.slice(1);
        nodes.push(
            second === undefined
                ? { kind: "node", name, children: inner.nodes }
                : { kind: "tag", name, tag: second, children: inner.nodes },
        );
    }
    return { nodes, rest };
}

/** The paths to all ends of a tree, as words. */
export function pathsOf(nodes: readonly VyosNode[]): string[][] {
    return nodes.flatMap((node) => {
        switch (node.kind) {
            case "switch":
                return [[node.name]];
            case "value":
                return [[node.name, node.value]];
            default: {
                const own = node.kind === "tag" ? [node.name, node.tag] : [node.name];
                const below = pathsOf(node.children);
                return below.length === 0 ? [own] : below.map((path) => [...own, ...path]);
            }
        }
    });
}

/** The paths of `set` commands, as words. */
export function parseSet(lines: readonly string[]): string[][] {
    return lines.map((line) => {
        const [verb, ...path] = [...line.matchAll(/'([^']*)'|(\S+)/g)].map(([, quoted, bare]) => quoted ?? bare ?? "");
        if (verb !== "set") {
            throw new Error(`not a set command: ${line}`);
        }
        return path;
    });
}
