/** A VyOS configuration: a tree of nodes, and the two texts in which VyOS writes it. */

/** A node of the tree. Its children are in the order in which VyOS shows them. */
export type VyosNode =
    /** A section, e.g. `parameters`. */
    | { readonly kind: "node"; readonly name: string; readonly children: readonly VyosNode[] }
    /** A section that is there once for each of its tags, e.g. `neighbor 10.1.10.1`. */
    | { readonly kind: "tag"; readonly name: string; readonly tag: string; readonly children: readonly VyosNode[] }
    /** A value, e.g. `remote-as 65005`; a name with several values is there several times. */
    | { readonly kind: "value"; readonly name: string; readonly value: string }
    /** A switch, e.g. `multipath-relax`. */
    | { readonly kind: "switch"; readonly name: string };

/** Numbers in names are numbers: 10.1.5.10 comes before 10.1.10.2. */
const order = new Intl.Collator("en", { numeric: true });

function argument(node: VyosNode): string {
    switch (node.kind) {
        case "tag":
            return node.tag;
        case "value":
            return node.value;
        default:
            return "";
    }
}

function sorted(children: readonly VyosNode[]): readonly VyosNode[] {
    return [...children].sort((a, b) => order.compare(a.name, b.name) || order.compare(argument(a), argument(b)));
}

/** A section. */
export function section(name: string, ...children: readonly (readonly VyosNode[])[]): VyosNode {
    return { kind: "node", name, children: sorted(children.flat()) };
}

/** A section, or nothing if there would be nothing in it. */
export function optional(name: string, ...children: readonly (readonly VyosNode[])[]): readonly VyosNode[] {
    return children.flat().length === 0 ? [] : [section(name, ...children)];
}

/** A section with a tag. */
export function tagged(name: string, tag: string | number, ...children: readonly (readonly VyosNode[])[]): VyosNode {
    return { kind: "tag", name, tag: String(tag), children: sorted(children.flat()) };
}

/** A value, if there is one. */
export function value(name: string, text: string | number | undefined): readonly VyosNode[] {
    return text === undefined ? [] : [{ kind: "value", name, value: String(text) }];
}

/** A switch, if it is on. */
export function flag(name: string, on = true): readonly VyosNode[] {
    return on ? [{ kind: "switch", name }] : [];
}

/** How `config.boot` writes values: releases from 1.4 on quote all of them, older ones those that need it. */
export type Quoting = "always" | "where needed";

/**
 * The tree as the text of a `config.boot`, without the footer that names the release.
 *
 * @throws Error if a value has a quote, a backslash or a line break, which the older releases cannot escape
 */
export function bootText(nodes: readonly VyosNode[], quoting: Quoting): string {
    return sorted(nodes)
        .flatMap((node) => bootLines(node, quoting))
        .map((line) => `${line}\n`)
        .join("");
}

function bootLines(node: VyosNode, quoting: Quoting): readonly string[] {
    switch (node.kind) {
        case "switch":
            return [node.name];
        case "value":
            return [`${node.name} ${bootValue(node.value, quoting)}`];
        default:
            return [
                node.kind === "tag" ? `${node.name} ${node.tag} {` : `${node.name} {`,
                ...node.children.flatMap((child) => bootLines(child, quoting)).map((line) => `    ${line}`),
                "}",
            ];
    }
}

function bootValue(text: string, quoting: Quoting): string {
    return quoting === "where needed" && /^[^\s{};"'#]+$/.test(text) ? text : `"${plain(text)}"`;
}

function plain(text: string): string {
    if (/["'\\\n]/.test(text)) {
        throw new Error(`VyOS cannot have a quote, a backslash or a line break in a value: ${JSON.stringify(text)}`);
    }
    return text;
}

/**
 * The tree as `set` commands, each with the whole path, as `show configuration commands` prints them: values are quoted,
 * names and tags are not.
 *
 * @throws Error as {@link bootText} does
 */
export function setCommands(nodes: readonly VyosNode[]): readonly string[] {
    return sorted(nodes)
        .flatMap((node) => setPaths(node))
        .map((path) => `set ${path}`);
}

function setPaths(node: VyosNode): readonly string[] {
    switch (node.kind) {
        case "switch":
            return [node.name];
        case "value":
            return [`${node.name} '${plain(node.value)}'`];
        default: {
            const own = node.kind === "tag" ? `${node.name} ${node.tag}` : node.name;
            return node.children.length === 0
                ? [own]
                : node.children.flatMap((child) => setPaths(child)).map((path) => `${own} ${path}`);
        }
    }
}
